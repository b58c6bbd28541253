// Loads, stores, copies, and packing of 16-bit numbers.
#include <cmath>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::DeviceArray;
using simt::run_in_each_order;

namespace {

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

}  // namespace

int main() {
  check_moves<uint32_t>("4 bytes");
  check_moves<float2>("8 bytes");
  check_moves<uint4>("16 bytes");
  check_copies();
  check_packing();
  return test_result();
}
