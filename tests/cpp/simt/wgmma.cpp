#include "tests/cpp/simt/wgmma.h"

#include <algorithm>
#include <cstring>

#include "tests/cpp/simt/block.h"
#include "tests/cpp/simt/half.h"
#include "tests/cpp/simt/scheduler.h"

namespace simt {
namespace {

constexpr int kRows = 16, kColumns = 32, kDepth = 16, kHalfBytes = 16, kHalves = 2;
constexpr uint32_t kPoisonBits = 0x7fb57fb5u;  // a NaN, of each 16-bit type, too

// Fields of a descriptor.
constexpr int kStartBit = 0, kLeadingBit = 16, kStrideBit = 32, kBaseBit = 49, kSwizzleBit = 62;
constexpr int kSwizzleBytes[] = {0, 128, 64, 32};

int field(uint64_t descriptor, int bit, int bits) {
  return static_cast<int>(descriptor >> bit & ((uint64_t{1} << bits) - 1));
}

// The 16-byte halves of B's columns: K-major, column n's 16 numbers are (n, half 0) and (n, half 1).
std::array<int32_t, 64> locate_b(uint64_t descriptor, Site site) {
  const int start = field(descriptor, kStartBit, 14) << 4, leading = field(descriptor, kLeadingBit, 14) << 4,
            stride = field(descriptor, kStrideBit, 14) << 4;
  const int swizzle = kSwizzleBytes[field(descriptor, kSwizzleBit, 2)];
  if (field(descriptor, kBaseBit, 3) != 0) fail(site, "wgmma: only base offset 0 is modelled");
  const int row_bytes = swizzle == 0 ? kHalfBytes : swizzle;
  std::array<int32_t, 64> halves;
  for (int n = 0; n < kColumns; ++n) {
    for (int half = 0; half < kHalves; ++half) {
      const int at = start + n % 8 * row_bytes + n / 8 * stride + half * (swizzle == 0 ? leading : kHalfBytes);
      halves[kHalves * n + half] = swizzled(at, swizzle);
      shared_memory().offset(shared_memory().data() + halves[kHalves * n + half], kHalfBytes, "wgmma", site);
    }
  }
  return halves;
}

WarpProducts& products() { return running->warps[running->current / kWarp].products; }

float to_number(MatrixType type, uint16_t bits) {
  return type == MatrixType::kF16 ? as_float(f16{bits}) : as_float(bf16{bits});
}

uint32_t bits_of_register(const float* d) {
  uint32_t bits;
  std::memcpy(&bits, d, sizeof bits);
  return bits;
}

}  // namespace

int32_t swizzled(int32_t offset, int swizzle_bytes) {
  if (swizzle_bytes == 0) return offset;
  return offset ^ (offset >> 7 & (swizzle_bytes / kHalfBytes - 1)) << 4;
}

uint64_t matrix_descriptor(const void* start, int leading_bytes, int stride_bytes, int swizzle_bytes, Site site) {
  const auto units = [&](int64_t bytes, const char* what) {
    if (bytes < 0 || bytes >= 1 << 18 || bytes % 16 != 0)
      fail(site, "matrix_descriptor: %s must be a multiple of 16, got %ld", what, static_cast<long>(bytes));
    return static_cast<uint64_t>(bytes >> 4);
  };
  const auto* mode = std::find(std::begin(kSwizzleBytes), std::end(kSwizzleBytes), swizzle_bytes);
  if (mode == std::end(kSwizzleBytes)) fail(site, "matrix_descriptor: no swizzle of %d bytes", swizzle_bytes);
  const int32_t offset = shared_memory().offset(start, 1, "matrix_descriptor", site);
  // Else the base offset would have to say where in the pattern it starts.
  if (swizzle_bytes > 0 && offset % (8 * swizzle_bytes) >= swizzle_bytes)
    fail(site, "matrix_descriptor: byte %d must lie in the first row of a pattern of %d bytes", offset,
         8 * swizzle_bytes);
  return units(offset, "the start") << kStartBit | units(leading_bytes, "the leading offset") << kLeadingBit |
         units(stride_bytes, "the stride") << kStrideBit |
         static_cast<uint64_t>(mode - std::begin(kSwizzleBytes)) << kSwizzleBit;
}

void WarpProducts::check_finished() const {
  if (!open_.empty()) fail(open_.front().site, "wgmma: the thread ended without waiting for this product");
  for (const auto& group : groups_) {
    if (!group.empty()) fail(group.front().site, "wgmma: the thread ended without waiting for this product");
  }
}

void WarpProducts::fence() {
  fenced_ = true;
  unfenced_.clear();
}

void WarpProducts::start(void* const* arguments, Site site) {
  const auto lane = [&](int i) -> const Lane& { return *static_cast<const Lane*>(arguments[i]); };
  Product product;
  product.type = lane(0).type;
  product.d = lane(0).d;
  product.site = site;
  product.b_rows = locate_b(lane(0).b, site);
  if (unfenced_.count(lane(0).a) != 0) fail(site, "wgmma: no wgmma_fence() since its registers were loaded");
  if (sums_.count(product.d) == 0) {
    if (!fenced_) fail(site, "wgmma: no wgmma_fence() since its sums were written or waited for");
    Sums& sums = sums_[product.d];
    for (int i = 0; i < kWarp; ++i) {
      sums.registers[i] = lane(i).d;
      std::memcpy(sums.values[i].data(), lane(i).d, sizeof sums.values[i]);
      for (int k = 0; k < kProductSums; ++k) std::memcpy(&lane(i).d[k], &kPoisonBits, sizeof kPoisonBits);
    }
  }
  ++sums_[product.d].num_products;
  for (int i = 0; i < kWarp; ++i) {
    if (lane(i).b != lane(0).b) fail(site, "wgmma: the lanes give different descriptors");
    product.a_registers[i] = lane(i).a;
  }
  if (inputs_[lane(0).a]++ == 0) {
    for (int i = 0; i < kWarp; ++i) {
      std::memcpy(product.a[i].data(), lane(i).a, sizeof product.a[i]);
      std::fill_n(lane(i).a, kProductInputs, kPoisonBits);
    }
  } else {  // the registers are poison already
    const auto same = [&](const Product& other) { return other.a_registers[0] == lane(0).a; };
    for (const auto& group : groups_) {
      for (const Product& other : group) {
        if (same(other)) product.a = other.a;
      }
    }
    for (const Product& other : open_) {
      if (same(other)) product.a = other.a;
    }
  }
  for (const int32_t row : product.b_rows) shared_memory().start_async_read(row, kHalfBytes, this_warp(), site);
  open_.push_back(product);
  ++num_products_;
}

void WarpProducts::commit() {
  groups_.push_back(std::move(open_));
  open_.clear();
}

void WarpProducts::wait(size_t pending, Site site) {
  for (; groups_.size() > pending; groups_.pop_front()) {
    for (const Product& product : groups_.front()) compute(product, site);
  }
  fenced_ = false;
}

void WarpProducts::compute(const Product& product, Site site) {
  counts.products += kColumns / 8;  // of 16 x 8 x 16
  float b[kDepth][kColumns];
  for (int n = 0; n < kColumns; ++n) {
    for (int half = 0; half < kHalves; ++half) {
      uint16_t numbers[8];
      std::memcpy(numbers, shared_memory().data() + product.b_rows[kHalves * n + half], sizeof numbers);
      for (int k = 0; k < 8; ++k) b[8 * half + k][n] = to_number(product.type, numbers[k]);
    }
  }
  for (const int32_t row : product.b_rows) shared_memory().finish_async_read(row, kHalfBytes, this_warp(), site);
  float a[kRows][kDepth];
  for (int l = 0; l < kWarp; ++l) {
    for (int i = 0; i < kProductInputs; ++i) {
      for (int j = 0; j < 2; ++j) {
        a[l / 4 + 8 * (i & 1)][2 * (l % 4) + 8 * (i >> 1) + j] =
            to_number(product.type, static_cast<uint16_t>(product.a[l][i] >> 16 * j));
      }
    }
  }
  Sums& sums = sums_.at(product.d);
  for (int row = 0; row < kRows; ++row) {
    float sum[kColumns] = {};
    for (int k = 0; k < kDepth; ++k) {
      for (int n = 0; n < kColumns; ++n) sum[n] += a[row][k] * b[k][n];
    }
    for (int n = 0; n < kColumns; ++n) sums.values[row % 8 * 4 + n % 8 / 2][n / 8 * 4 + row / 8 * 2 + n % 2] += sum[n];
  }
  if (--inputs_.at(product.a_registers[0]) == 0) {
    for (int i = 0; i < kWarp; ++i) {
      uint32_t* registers = product.a_registers[i];
      for (int k = 0; k < kProductInputs; ++k) {
        if (registers[k] != kPoisonBits)
          fail(product.site, "wgmma: its registers were written before it was waited for");
      }
      std::copy_n(product.a[i].begin(), kProductInputs, registers);
    }
    inputs_.erase(product.a_registers[0]);
  }
  if (--sums.num_products > 0) return;
  for (int i = 0; i < kWarp; ++i) {
    for (int k = 0; k < kProductSums; ++k) {
      if (bits_of_register(&sums.registers[i][k]) != kPoisonBits)
        fail(product.site, "wgmma: its sums were written before it was waited for");
      sums.registers[i][k] = sums.values[i][k];
    }
  }
  sums_.erase(product.d);
}

void wgmma(MatrixType type, float* d, uint32_t* a, uint64_t b, Site site) {
  WarpProducts::Lane lane{type, d, a, b};
  meet("wgmma", site, &lane, [](void* const* lanes, Site at) { products().start(lanes, at); });
}

void wgmma_fence(Site site) {
  meet("wgmma_fence", site, nullptr, [](void* const*, Site) { products().fence(); });
}

void wgmma_commit(Site site) {
  meet("wgmma_commit", site, nullptr, [](void* const*, Site) { products().commit(); });
}

void wgmma_wait(int pending, Site site) {
  meet("wgmma_wait", site, &pending, [](void* const* lanes, Site at) {
    products().wait(static_cast<size_t>(*static_cast<const int*>(lanes[0])), at);
  });
}

}  // namespace simt
