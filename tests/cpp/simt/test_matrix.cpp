// The matrix instructions against plain arithmetic.
#include <cmath>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::DeviceArray;
using simt::run_in_each_order;

namespace {

// Registers 0-3, 4-7: ldmatrix_x4 and its transpose; 8-9, 10-11: ldmatrix_x2.
__global__ void ldmatrix_kernel(const uint4* x, uint32_t* out) {
  uint4* shared = shared_memory<uint4>();
  shared[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  const int lane = threadIdx.x;
  uint32_t four[4], two[2];
  ldmatrix_x4(four, shared + lane);
  for (int i = 0; i < 4; ++i) out[32 * i + lane] = four[i];
  ldmatrix_x4_trans(four, shared + lane);
  for (int i = 0; i < 4; ++i) out[32 * (4 + i) + lane] = four[i];
  const uint4* no_matter = nullptr;  // lanes 16-31 give no address
  ldmatrix_x2(two, lane < 16 ? shared + lane : no_matter);
  for (int i = 0; i < 2; ++i) out[32 * (8 + i) + lane] = two[i];
  ldmatrix_x2_trans(two, lane < 16 ? shared + lane : no_matter);
  for (int i = 0; i < 2; ++i) out[32 * (10 + i) + lane] = two[i];
}

void check_ldmatrix() {
  // Element (row, column) of matrix m is the 16-bit number 64 m + 8 row + column.
  std::vector<uint4> matrices(32);
  for (int i = 0; i < 256; ++i) {
    const auto number = static_cast<uint16_t>(i);
    std::memcpy(reinterpret_cast<char*>(matrices.data()) + 2 * i, &number, 2);
  }
  DeviceArray<uint4> x("x", matrices);
  DeviceArray<uint32_t> out("the output", 12 * 32);
  const auto r =
      run_in_each_order(out, [&] { return launch(ldmatrix_kernel, 1, 32, 512, nullptr, x.data(), out.data()); });
  bool right = true;
  for (int i = 0; i < 12; ++i) {
    const bool transposed = i / 4 == 1 || i >= 10;
    const int matrix = i < 8 ? i % 4 : i % 2;
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      const uint32_t low = 64 * matrix + (transposed ? 8 * (2 * t) + g : 8 * g + 2 * t);
      const uint32_t high = low + (transposed ? 8 : 1);
      right &= r[32 * i + lane] == (low | high << 16);
    }
  }
  CHECK(right, "ldmatrix");
}

// The place of a lane's element, from the strides of CUTLASS's atoms (cute/atom/mma_traits_sm80.hpp): the operands'
// matrices are column-major there, A (M, K), B (N, K), D (M, N). per_register elements are in one register.
struct Layout {
  int t, g;                        // strides of lane % 4 and lane / 4
  int in_register, second, third;  // of the element in a register, of bits 0 and 1 of the register's number
  int per_register;
  int operator()(int lane, int element) const {
    const int i = element / per_register;
    return t * (lane % 4) + g * (lane / 4) + in_register * (element % per_register) + second * (i & 1) +
           third * (i >> 1);
  }
};
constexpr Layout kA16{32, 1, 16, 8, 128, 2}, kB16{16, 1, 8, 64, 0, 2}, kD{32, 1, 16, 8, 0, 2};
constexpr Layout kA8{64, 1, 16, 8, 256, 4}, kB8{32, 1, 8, 128, 0, 4};

struct Registers {
  uint32_t a[4], b[2], d[4];
};

template <typename Function>
__global__ void mma_kernel(Registers* lanes, Function multiply) {
  multiply(lanes[threadIdx.x]);
}

// Executes a product of random matrices. Numbers are encoded in as many bits as the layouts say.
template <typename Function, typename Encode, typename Decode, typename EncodeD, typename DecodeD>
void check_mma(const char* name, const Layout& a_layout, const Layout& b_layout, int depth, int d_bits, double bound,
               Function multiply, Encode encode, Decode decode, EncodeD encode_d, DecodeD decode_d) {
  const auto random = random_floats(16 * depth + 8 * depth + 128, 7);
  std::vector<Registers> lanes(32);
  std::vector<double> a(16 * depth), b(8 * depth), d(128);
  const int bits = 32 / a_layout.per_register;
  const auto put = [](uint32_t* registers, int element, int bits, uint32_t value) {
    const int shift = element * bits % 32;
    const uint32_t mask = bits == 32 ? ~0u : (1u << bits) - 1;
    uint32_t& r = registers[element * bits / 32];
    r = (r & ~(mask << shift)) | (value & mask) << shift;
  };
  const auto get = [](const uint32_t* registers, int element, int bits) {
    return registers[element * bits / 32] >> (element * bits % 32) & (bits == 32 ? ~0u : (1u << bits) - 1);
  };
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4 * a_layout.per_register; ++i) {
      const uint32_t code = encode(random[a_layout(lane, i)]);
      put(lanes[lane].a, i, bits, code);
      a[a_layout(lane, i)] = decode(code);
    }
    for (int i = 0; i < 2 * b_layout.per_register; ++i) {
      const uint32_t code = encode(random[16 * depth + b_layout(lane, i)]);
      put(lanes[lane].b, i, bits, code);
      b[b_layout(lane, i)] = decode(code);
    }
    for (int i = 0; i < 4; ++i) {
      const uint32_t code = encode_d(random[24 * depth + kD(lane, i)]);
      put(lanes[lane].d, i, d_bits, code);
      d[kD(lane, i)] = decode_d(code);
    }
  }
  DeviceArray<Registers> memory("the registers", lanes, simt::Access::kReadWrite);
  const auto result = run_in_each_order(
      memory, [&] { return launch(mma_kernel<Function>, 1, 32, 0, nullptr, memory.data(), multiply); });
  double worst = 0.0;
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const int m = kD(lane, i) % 16, n = kD(lane, i) / 16;
      double sum = d[kD(lane, i)];
      for (int k = 0; k < depth; ++k) sum += a[m + 16 * k] * b[n + 8 * k];
      const double error = std::abs(decode_d(get(result[lane].d, i, d_bits)) - sum);
      worst = error <= worst ? worst : error;  // a NaN becomes the worst
    }
  }
  CHECK(worst <= bound, "%s: error %g", name, worst);
}

void check_products() {
  const auto f16_bits = [](float x) -> uint32_t { return from_float<f16>(x).bits; };
  const auto bf16_bits = [](float x) -> uint32_t { return from_float<bf16>(x).bits; };
  const auto f16_value = [](uint32_t bits) { return to_float(f16{static_cast<uint16_t>(bits)}); };
  const auto bf16_value = [](uint32_t bits) { return to_float(bf16{static_cast<uint16_t>(bits)}); };
  const auto multiply_float = [](Registers& r, auto type) {
    float d[4];
    std::memcpy(d, r.d, sizeof d);
    mma_m16n8k16<decltype(type)>(d, r.a, r.b[0], r.b[1]);
    std::memcpy(r.d, d, sizeof d);
  };
  check_mma(
      "f16", kA16, kB16, 16, 32, 16e-6, [=](Registers& r) { multiply_float(r, f16{}); }, f16_bits, f16_value,
      simt::bits_of, simt::float_of);
  check_mma(
      "bf16", kA16, kB16, 16, 32, 16e-6, [=](Registers& r) { multiply_float(r, bf16{}); }, bf16_bits, bf16_value,
      simt::bits_of, simt::float_of);
  // Sums are below 8, where f16 is rounded by at most 2^-9.
  check_mma(
      "f16, sums in f16", kA16, kB16, 16, 16, 0x1p-9 + 16e-6,
      [](Registers& r) {
        uint32_t d[2] = {r.d[0], r.d[1]};
        mma_m16n8k16_f16_sums(d, r.a, r.b[0], r.b[1]);
        r.d[0] = d[0];
        r.d[1] = d[1];
      },
      f16_bits, f16_value, f16_bits, f16_value);
  const auto s8_bits = [](float x) { return static_cast<uint32_t>(static_cast<int>(std::floor(128 * x))); };
  const auto s8_value = [](uint32_t bits) { return static_cast<int8_t>(bits); };
  check_mma(
      "s8", kA8, kB8, 32, 32, 0.0,
      [](Registers& r) {
        int32_t d[4];
        std::memcpy(d, r.d, sizeof d);
        mma_m16n8k32_s8(d, r.a, r.b[0], r.b[1]);
        std::memcpy(r.d, d, sizeof d);
      },
      s8_bits, s8_value, [](float x) { return static_cast<uint32_t>(static_cast<int>(1e6f * x)); },
      [](uint32_t bits) { return static_cast<int32_t>(bits); });
}

}  // namespace

int main() {
  check_ldmatrix();
  check_products();
  return test_result();
}
