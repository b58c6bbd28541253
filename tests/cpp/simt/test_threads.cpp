// Threads: their indices and orders, barriers, shuffles, launches.
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
  check_launches();
  return test_result();
}
