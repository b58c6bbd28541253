// Mistakes in plain C++ accesses, which are not checked one by one, and among the lanes of a warp. Each must be found.
#include <string>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::attempt;
using simt::check_fault;
using simt::DeviceArray;
using Outcome = simt::Outcome<float>;

namespace {

enum class Plain {
  kNone,
  kNoBarrier,
  kOverwrites,
  kUninitialised,
  kBeforeSharedMemory,
  kBehindSharedMemory,
  kDeepRecursion,
  kNowhere
};

float use_stack(int depth) {
  volatile float numbers[1024];
  numbers[depth % 1024] = 1.0f;
  return depth == 0 ? 0.0f : numbers[depth % 1024] + use_stack(depth - 1);
}

// Each thread gives its number to its neighbour, twice.
template <Plain mistake>
__global__ void exchange_kernel(float* out) {
  auto* shared = shared_memory<float>();
  const int thread = threadIdx.x, num = blockDim.x;
  for (int round = 0; round < 2; ++round) {
    if (mistake != Plain::kUninitialised || thread != 70) shared[thread] = static_cast<float>(100 * round + thread);
    if (mistake == Plain::kBeforeSharedMemory && thread == 0) shared[-1] = 1.0f;
    if (mistake == Plain::kBehindSharedMemory && thread == 0) shared[num] = 1.0f;
    if (mistake == Plain::kDeepRecursion) shared[thread] += use_stack(1000);
    if (mistake == Plain::kNowhere) out[int64_t{1} << 40] = 1.0f;
    if (mistake != Plain::kNoBarrier) __syncthreads();
    out[num * round + thread] = shared[(thread + 1) % num];
    if (mistake != Plain::kOverwrites) __syncthreads();
  }
}

template <Plain mistake>
Outcome run_exchange(int num_threads = 128) {
  DeviceArray<float> out("the output", 2 * num_threads, alignof(float));
  const size_t bytes = num_threads * sizeof(float);
  return attempt(out, [&] { return launch(exchange_kernel<mistake>, 1, num_threads, bytes, nullptr, out.data()); });
}

template <Plain mistake>
bool is_found_by_order() {
  const Outcome outcome = run_exchange<mistake>();
  for (const std::string& fault : outcome.faults) CHECK(fault.empty(), "%s", fault.c_str());
  return !outcome.same_bits;
}

void check_plain_mistakes() {
  CHECK(!is_found_by_order<Plain::kNone>(), "the right kernel depends on the order");
  CHECK(is_found_by_order<Plain::kNoBarrier>(), "a missing barrier before reading");
  CHECK(is_found_by_order<Plain::kOverwrites>(), "a missing barrier before overwriting");
  CHECK(is_found_by_order<Plain::kUninitialised>(), "a read of what nothing was written to");
  check_fault(run_exchange<Plain::kBehindSharedMemory>(), "byte 512 of shared memory, which has 512 bytes");
  // 33 floats end 124 bytes before the guard; the bytes between are looked at when the block has ended.
  check_fault(run_exchange<Plain::kBehindSharedMemory>(33), "wrote outside of shared memory");
  check_fault(run_exchange<Plain::kBeforeSharedMemory>(), "wrote outside of shared memory");
  check_fault(run_exchange<Plain::kDeepRecursion>(32), "of the thread's stack");
  check_fault(run_exchange<Plain::kNowhere>(), "which is in no buffer");
}

enum class Lanes { kPartialMask, kDifferentOperations, kNoWarpBarrier, kWarpBarrier, kReadByOther, kNarrowWarp };

template <Lanes mistake>
__global__ void lanes_kernel(float* out) {
  auto* shared = shared_memory<float>();
  const int thread = threadIdx.x;
  float value = static_cast<float>(thread);
  if (mistake == Lanes::kPartialMask) value = __shfl_xor_sync(0xffffu, value, 1);
  if (mistake == Lanes::kNarrowWarp) value = __shfl_xor_sync(0xffffffffu, value, 1);
  if (mistake == Lanes::kDifferentOperations) {
    if (thread % 2 == 0) {
      __syncwarp();
    } else {
      value = __shfl_xor_sync(0xffffffffu, value, 1);
    }
  }
  store_shared(shared + thread, value);
  if (mistake != Lanes::kNoWarpBarrier && mistake != Lanes::kNarrowWarp) __syncwarp();
  value = load_shared(shared + (thread ^ 1));
  if (mistake == Lanes::kReadByOther) store_shared(shared + thread, value);
  out[thread] = value;
}

template <Lanes mistake>
Outcome run_lanes(int num_threads = 32) {
  DeviceArray<float> out("the output", num_threads, alignof(float));
  return attempt(out, [&] { return launch(lanes_kernel<mistake>, 1, num_threads, 128, nullptr, out.data()); });
}

void check_lanes() {
  for (const std::string& fault : run_lanes<Lanes::kWarpBarrier>().faults) CHECK(fault.empty(), "%s", fault.c_str());
  check_fault(run_lanes<Lanes::kPartialMask>(), "the mask must name all lanes, got 0xffff");
  check_fault(run_lanes<Lanes::kDifferentOperations>(), "another lane of the warp is at __");
  check_fault(run_lanes<Lanes::kNoWarpBarrier>(), "of shared memory: no barrier since warp 0 ");
  check_fault(run_lanes<Lanes::kReadByOther>(), "of shared memory: no barrier since warp 0 ");
  check_fault(run_lanes<Lanes::kNarrowWarp>(20), "waits at __shfl_xor_sync for threads that have ended");
}

}  // namespace

int main() {
  check_plain_mistakes();
  check_lanes();
  return test_result();
}
