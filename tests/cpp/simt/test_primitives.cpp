// Each primitive against plain arithmetic.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::DeviceArray;
using simt::run_in_each_order;

namespace {

std::vector<int> iota(int count) {
  std::vector<int> values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

// ---- Threads

__global__ void indices_kernel(int* out) {
  const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

void check_indices() {
  DeviceArray<int> out("the output", 24 * 30);
  const auto values = run_in_each_order(out, [&] {  //
    return launch(indices_kernel, dim3(2, 3, 4), dim3(5, 3, 2), 0, nullptr, out.data());
  });
  bool right = true;
  for (int i = 0; i < 24 * 30; ++i) right &= values[i] == i / 30 * 1000 + i % 30;
  CHECK(right, "indices of threads and blocks");
}

// out[0] counts the threads; behind it is the order in which they came.
__global__ void order_kernel(int* out) {
  const int place = out[0]++;
  out[1 + place] = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

void check_orders() {
  constexpr int kThreads = 3 * 40;
  DeviceArray<int> out("the output", std::vector<int>(1 + kThreads, 0), simt::Access::kReadWrite);
  const auto run = [&](simt::Order order) {
    out.reset();
    simt::order = order;
    launch(order_kernel, 3, 40, 0, nullptr, out.data());
    simt::order = simt::Order::kForward;
    const auto values = out.values();
    return std::vector<int>(values.begin() + 1, values.end());
  };
  const auto in_order = iota(kThreads);
  CHECK(run(simt::Order::kForward) == in_order, "forward");
  CHECK(run(simt::Order::kBackward) == std::vector<int>(in_order.rbegin(), in_order.rend()), "backward");
  auto random = run(simt::Order::kRandom);
  CHECK(random == run(simt::Order::kRandom), "chance is not repeatable");
  CHECK(random[0] / 40 != 0 || random[40] / 40 != 1, "blocks are in order");
  int num_steps = 0;  // from a thread to the next one
  for (int i = 1; i < kThreads; ++i) num_steps += std::abs(random[i] - random[i - 1]) == 1;
  CHECK(num_steps < kThreads / 4, "%d threads come beside the one before", num_steps);
  std::sort(random.begin(), random.end());
  CHECK(random == in_order, "not every thread came once");
}

// Sums of a block's numbers, by halves: barriers within a loop, with fewer and fewer threads at work.
__global__ void sum_kernel(const int* x, int* out) {
  int* sums = shared_memory<int>();
  sums[threadIdx.x] = x[threadIdx.x];
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0) *out = sums[0];
}

// The last of three warps ends early; barriers do not wait for it.
__global__ void early_end_kernel(int* out) {
  int* shared = shared_memory<int>();
  if (threadIdx.x >= 64) return;
  shared[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = shared[63 - threadIdx.x];
}

void check_barriers() {
  DeviceArray<int> x("x", iota(256)), sum("the sum", 1), out("the output", 64);
  const auto total =
      run_in_each_order(sum, [&] { return launch(sum_kernel, 1, 256, 1024, nullptr, x.data(), sum.data()); });
  CHECK(total[0] == 255 * 128, "got %d", total[0]);
  const auto values = run_in_each_order(out, [&] { return launch(early_end_kernel, 1, 96, 256, nullptr, out.data()); });
  bool right = true;
  for (int i = 0; i < 64; ++i) right &= values[i] == 63 - i;
  CHECK(right, "a warp that ends before a barrier");
}

__global__ void shuffle_kernel(int* out) {
  const int lane = threadIdx.x % 32;
  out[threadIdx.x] = __shfl_sync(0xffffffffu, 100 * lane, lane + 5);
  out[64 + threadIdx.x] = __shfl_xor_sync(0xffffffffu, 100 * lane, 6);
  out[128 + threadIdx.x] = static_cast<int>(__shfl_down_sync(0xffffffffu, 100.0 * lane, 20));
}

void check_shuffles() {
  DeviceArray<int> out("the output", 192);
  const auto values = run_in_each_order(out, [&] { return launch(shuffle_kernel, 1, 64, 0, nullptr, out.data()); });
  bool right = true;
  for (int i = 0; i < 64; ++i) {
    const int lane = i % 32;
    right &= values[i] == 100 * ((lane + 5) % 32) && values[64 + i] == 100 * (lane ^ 6);
    right &= values[128 + i] == 100 * (lane + 20 < 32 ? lane + 20 : lane);
  }
  CHECK(right, "shuffles");
}

// ---- Memory

template <typename T>
__global__ void move_kernel(const T* x, T* out) {
  T* shared = shared_memory<T>();
  store_shared(shared + threadIdx.x, load_global(x + threadIdx.x));
  __syncwarp();
  store_global(out + threadIdx.x, load_shared(shared + (threadIdx.x ^ 1)));
}

template <typename T>
void check_moves(const char* name) {
  std::vector<T> values(32);
  for (size_t i = 0; i < 32 * sizeof(T) / 4; ++i) {
    const auto number = static_cast<unsigned>(i);
    std::memcpy(reinterpret_cast<char*>(values.data()) + 4 * i, &number, 4);
  }
  DeviceArray<T> x("x", values), out("the output", 32);
  const auto result = run_in_each_order(
      out, [&] { return launch(move_kernel<T>, 1, 32, 32 * sizeof(T), nullptr, x.data(), out.data()); });
  bool right = true;
  for (int i = 0; i < 32; ++i) right &= std::memcmp(&result[i], &values[i ^ 1], sizeof(T)) == 0;
  CHECK(right, "%s", name);
}

// Three groups of copies, of which only the oldest is waited for first. Plain reads are not checked, hence they see
// what is there.
__global__ void copy_kernel(const uint4* x, uint4* out) {
  uint4* shared = shared_memory<uint4>();
  for (int group = 0; group < 3; ++group) {
    shared[group] = {9, 9, 9, 9};
    cp_async_16(shared + group, x + group, group != 2);
    cp_async_commit();
  }
  cp_async_wait<2>();
  for (int group = 0; group < 3; ++group) out[group] = shared[group];
  cp_async_wait<0>();
  for (int group = 0; group < 3; ++group) out[3 + group] = shared[group];
}

void check_copies() {
  const std::vector<uint4> values = {{1, 2, 3, 4}, {5, 6, 7, 8}};  // the third is not read: it would be a fault
  DeviceArray<uint4> x("x", values), out("the output", 6);
  CHECK(launch(copy_kernel, 1, 1, 48, nullptr, x.data(), out.data()) == cudaSuccess, "copies");
  const uint4 poison{~0u, ~0u, ~0u, ~0u}, zeros{};
  const uint4 expected[6] = {values[0], poison, poison, values[0], values[1], zeros};
  CHECK(std::memcmp(out.data(), expected, sizeof expected) == 0, "copies are done late, and outside are zeros");
}

template <typename T>
__global__ void pack_kernel(const float* x, float* out) {
  const FloatPair pair = unpack<T>(pack<T>(x[0], x[1]));
  out[0] = pair.low;
  out[1] = pair.high;
  out[2] = to_float(from_float<T>(x[2]));
}

void check_packing() {
  DeviceArray<float> x("x", std::vector<float>{1.0f + 0x1p-9f, -2.0f, 0x1p100f}), out("the output", 3);
  const auto f16_values =
      run_in_each_order(out, [&] { return launch(pack_kernel<f16>, 1, 1, 0, nullptr, x.data(), out.data()); });
  CHECK((f16_values == std::vector<float>{1.0f + 0x1p-9f, -2.0f, INFINITY}), "f16");
  const auto bf16_values =
      run_in_each_order(out, [&] { return launch(pack_kernel<bf16>, 1, 1, 0, nullptr, x.data(), out.data()); });
  CHECK((bf16_values == std::vector<float>{1.0f, -2.0f, 0x1p100f}), "bf16");
}

// ---- Matrices

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

// ---- Launches

__global__ void empty_kernel() {}

void check_launches() {
  CHECK(launch(empty_kernel, 1, 1024, 227 << 10, nullptr) == cudaSuccess, "the largest block");
  CHECK(launch(empty_kernel, 1, 1025, 0, nullptr) == cudaErrorInvalidConfiguration, "too many threads");
  CHECK(launch(empty_kernel, dim3(1, 65536), 1, 0, nullptr) == cudaErrorInvalidConfiguration, "too many blocks");
  CHECK(launch(empty_kernel, 0, 1, 0, nullptr) == cudaErrorInvalidConfiguration, "no block");
  CHECK(launch(empty_kernel, 1, 1, (227 << 10) + 1, nullptr) == cudaErrorInvalidValue, "too much shared memory");
}

}  // namespace

int main() {
  check_indices();
  check_orders();
  check_barriers();
  check_shuffles();
  check_moves<uint32_t>("4 bytes");
  check_moves<float2>("8 bytes");
  check_moves<uint4>("16 bytes");
  check_copies();
  check_packing();
  check_ldmatrix();
  check_products();
  check_launches();
  return test_result();
}
