#include "tests/cpp/simt/matrix.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "tests/cpp/simt/block.h"
#include "tests/cpp/simt/half.h"
#include "tests/cpp/simt/scheduler.h"

namespace simt {
namespace {

constexpr int kRowBytes = 16;            // of a matrix that ldmatrix loads
constexpr int kRows = 16, kColumns = 8;  // of a product

struct Load {
  uint32_t* r;
  const void* row;
};

template <int num, bool transposed>
void load_matrices(void* const* lanes, Site site) {
  std::array<int32_t, kWarp> offsets;
  offsets.fill(-1);
  for (int i = 0; i < 8 * num; ++i) {
    offsets[i] = shared_memory().offset(static_cast<const Load*>(lanes[i])->row, kRowBytes, "ldmatrix", site);
    shared_memory().read(offsets[i], kRowBytes, this_warp(), site);
  }
  count_access(AccessKind::kLdmatrix, kRowBytes, offsets);
  running->warps[this_warp().warp].products.load_registers(static_cast<const Load*>(lanes[0])->r);
  for (int m = 0; m < num; ++m) {
    uint16_t matrix[8][8];
    for (int row = 0; row < 8; ++row) {
      std::memcpy(matrix[row], static_cast<const Load*>(lanes[8 * m + row])->row, kRowBytes);
    }
    for (int l = 0; l < kWarp; ++l) {
      const int g = l / 4, t = l % 4;
      const uint16_t low = transposed ? matrix[2 * t][g] : matrix[g][2 * t];
      const uint16_t high = transposed ? matrix[2 * t + 1][g] : matrix[g][2 * t + 1];
      static_cast<Load*>(lanes[l])->r[m] = low | static_cast<uint32_t>(high) << 16;
    }
  }
}

template <typename D>
struct Product {
  D* d;
  const uint32_t* a;
  uint32_t b[2];
};

// The operands of all lanes as matrices of numbers of `Element`, which fill the registers: a (16, K), b (K, 8).
template <typename Element, typename D, int K>
void gather(void* const* lanes, Element (&a)[kRows][K], Element (&b)[K][kColumns]) {
  constexpr int kPerRegister = 4 / sizeof(Element);
  for (int l = 0; l < kWarp; ++l) {
    const auto& lane = *static_cast<const Product<D>*>(lanes[l]);
    const int g = l / 4, t = l % 4;
    for (int i = 0; i < 4; ++i) {
      std::memcpy(&a[g + 8 * (i & 1)][kPerRegister * t + K / 2 * (i >> 1)], &lane.a[i], 4);
    }
    for (int i = 0; i < 2; ++i) {
      Element pair[kPerRegister];
      std::memcpy(pair, &lane.b[i], 4);
      for (int j = 0; j < kPerRegister; ++j) b[kPerRegister * t + K / 2 * i + j][g] = pair[j];
    }
  }
}

template <typename To, typename From, int kLeft, int kRight>
void convert(const From (&from)[kLeft][kRight], To (&to)[kLeft][kRight]) {
  for (int i = 0; i < kLeft * kRight; ++i) {
    if constexpr (sizeof(From) == 2) {
      (&to[0][0])[i] = as_float((&from[0][0])[i]);
    } else {
      (&to[0][0])[i] = (&from[0][0])[i];
    }
  }
}

// The products' sums without d: (16, 8), summed in the order of k.
template <typename Element, typename Number, typename D, int K>
void multiply(void* const* lanes, Number (&sums)[kRows][kColumns]) {
  ++counts.products;
  Element a16[kRows][K], b16[K][kColumns];
  gather<Element, D>(lanes, a16, b16);
  Number a[kRows][K], b[K][kColumns];
  convert(a16, a);
  convert(b16, b);
  for (int row = 0; row < kRows; ++row) {
    Number sum[kColumns] = {};
    for (int k = 0; k < K; ++k) {
      for (int column = 0; column < kColumns; ++column) sum[column] += a[row][k] * b[k][column];
    }
    std::memcpy(sums[row], sum, sizeof sum);
  }
}

template <typename Element, typename Number, int K>
void multiply_add(void* const* lanes, Site) {
  Number sums[kRows][kColumns];
  multiply<Element, Number, Number, K>(lanes, sums);
  for (int l = 0; l < kWarp; ++l) {
    Number* d = static_cast<Product<Number>*>(lanes[l])->d;
    for (int i = 0; i < 4; ++i) d[i] += sums[l / 4 + 8 * (i >> 1)][2 * (l % 4) + (i & 1)];
  }
}

void multiply_add_f16(void* const* lanes, Site) {
  float sums[kRows][kColumns];
  multiply<f16, float, uint32_t, 16>(lanes, sums);
  for (int l = 0; l < kWarp; ++l) {
    auto* d = static_cast<Product<uint32_t>*>(lanes[l])->d;
    for (int i = 0; i < 2; ++i) {
      f16 pair[2];
      std::memcpy(pair, &d[i], 4);
      for (int j = 0; j < 2; ++j) pair[j] = to_f16(as_float(pair[j]) + sums[l / 4 + 8 * i][2 * (l % 4) + j]);
      std::memcpy(&d[i], pair, 4);
    }
  }
}

}  // namespace

void ldmatrix(uint32_t* r, const void* row, int num, bool transposed, Site site) {
  if (lane() < 8 * num) shared_memory().offset(row, kRowBytes, "ldmatrix", site);
  Load load{r, row};
  if (num == 4) {
    meet("ldmatrix", site, &load, transposed ? load_matrices<4, true> : load_matrices<4, false>);
  } else {
    meet("ldmatrix", site, &load, transposed ? load_matrices<2, true> : load_matrices<2, false>);
  }
}

void mma_m16n8k16(MatrixType type, float* d, const uint32_t* a, uint32_t b0, uint32_t b1, Site site) {
  Product<float> product{d, a, {b0, b1}};
  meet("mma", site, &product, type == MatrixType::kF16 ? multiply_add<f16, float, 16> : multiply_add<bf16, float, 16>);
}

void mma_m16n8k16_f16_sums(uint32_t* d, const uint32_t* a, uint32_t b0, uint32_t b1, Site site) {
  Product<uint32_t> product{d, a, {b0, b1}};
  meet("mma", site, &product, multiply_add_f16);
}

void mma_m16n8k32_s8(int32_t* d, const uint32_t* a, uint32_t b0, uint32_t b1, Site site) {
  Product<int32_t> product{d, a, {b0, b1}};
  meet("mma", site, &product, multiply_add<int8_t, int32_t, 32>);
}

}  // namespace simt
