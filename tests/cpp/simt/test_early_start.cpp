// Kernels that start before the one before them has ended (Start::kEarly), and what they may get wrong, one mistake at
// a time. Each must be found.
#include <string>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/host_device.h"

using namespace srdgan::gpu;

namespace {

enum class Mistake {
  kNone,
  kNoWait,
  kLateWait,
  kLateWaitAfterCopy,
  kStoreBeforeWait,
  kPlainStoreBeforeWait,
  kAllowBeforeWait,
  kWaitInOneWarp,
  kEndsWithoutWait,
};

constexpr int kThreads = 64, kBlocks = 3, kCount = kThreads * kBlocks, kKernels = 4;

// to[i] = from[mirrored i] + constant[i]: another block wrote it.
template <Mistake mistake>
__global__ void add_kernel(const float4* from, const float4* constant, float4* to) {
  const int thread = threadIdx.x, i = blockIdx.x * kThreads + thread, other = kCount - 1 - i;
  if (mistake == Mistake::kEndsWithoutWait && thread == kThreads - 1) return;
  auto* shared = shared_memory<float4>();
  cp_async_16(shared + thread, constant + i, true);  // which no kernel writes
  if (mistake == Mistake::kAllowBeforeWait) allow_next_kernel();
  if (mistake == Mistake::kLateWaitAfterCopy) cp_async_16(shared + kThreads + thread, from + other, true);
  float early = 0.0f;
  if (mistake == Mistake::kLateWait) early = load_global(&from[other].x);
  if (mistake == Mistake::kStoreBeforeWait) store_global(to + i, float4{});
  if (mistake == Mistake::kPlainStoreBeforeWait) to[i] = float4{};
  if (mistake != Mistake::kNoWait && (mistake != Mistake::kWaitInOneWarp || thread < 32)) {
    wait_for_previous_kernel();
    allow_next_kernel();
  }
  if (mistake != Mistake::kLateWaitAfterCopy) cp_async_16(shared + kThreads + thread, from + other, true);
  cp_async_commit();
  cp_async_wait<0>();
  const float4 a = load_shared(shared + thread), b = load_shared(shared + kThreads + thread);
  const float x = mistake == Mistake::kLateWait ? early : b.x;
  store_global(to + i, make_float4(a.x + x, b.y, b.z, b.w));
}

// A chain of kernels between two buffers, which take turns. Returns the fault, or what is wrong with the result.
template <Mistake mistake>
std::string run(simt::Order order, bool early) {
  simt::order = order;
  simt::HostDevice device;
  const OwnedStream stream(device, device.create_stream());
  const OwnedEvent done(device, device.create_event());
  constexpr int64_t kBytes = kCount * sizeof(float4);
  const OwnedMemory memory(device, device.allocate(3 * kBytes));
  auto* buffers = static_cast<float4*>(memory.get());
  float4* const constant = buffers + 2 * kCount;
  for (int i = 0; i < 3 * kCount; ++i) buffers[i] = {static_cast<float>(i % kCount), 0, 0, 0};
  try {
    for (int k = 0; k < kKernels; ++k) {
      const float4 *from = buffers + k % 2 * kCount, *added = constant;
      float4* to = buffers + (k + 1) % 2 * kCount;
      const Turn turn{stream.get(), early && k > 0 ? Start::kEarly : Start::kInTurn};
      const cudaError_t error =
          launch(add_kernel<mistake>, kBlocks, kThreads, 2 * kThreads * sizeof(float4), turn, from, added, to);
      CHECK(error == cudaSuccess, "error %d", error);
    }
    device.record(done.get(), stream.get());
    device.synchronize(done.get());
  } catch (const simt::Fault& fault) {
    return fault.what();
  }
  CHECK(device.num_early_kernels == (early ? kKernels - 1 : 0), "%d kernels began early", device.num_early_kernels);
  for (int i = 0; i < kCount; ++i) {
    float value = static_cast<float>(kKernels % 2 == 0 ? i : kCount - 1 - i);
    for (int k = 0; k < kKernels; ++k) value += static_cast<float>(k % 2 == 0 ? kCount - 1 - i : i);
    if (buffers[i].x != value) return "other results";
  }
  return "";
}

template <Mistake mistake>
void check_mistake(const char* text) {
  for (const simt::Order order : simt::kOrders) {
    const std::string fault = run<mistake>(order, true);
    CHECK(fault.find(text) != std::string::npos, "mistake %d: expected \"%s\", got \"%s\"", static_cast<int>(mistake),
          text, fault.c_str());
  }
}

void check_right_kernels() {
  for (const simt::Order order : simt::kOrders) {
    for (const bool early : {false, true}) {
      const std::string fault = run<Mistake::kNone>(order, early);
      CHECK(fault.empty(), "early %d: %s", early, fault.c_str());
    }
  }
}

// One kernel of the chain forgets to wait; each time it is seen in the result.
void check_forgotten_waits() {
  for (const simt::Order order : simt::kOrders) {
    for (int k = 0; k < kKernels - 1; ++k) {
      simt::num_early_launches = 0;
      simt::forgetful_launch = k;
      CHECK(run<Mistake::kNone>(order, true) == "other results", "kernel %d forgets to wait", k);
    }
    simt::forgetful_launch = -1;
  }
}

}  // namespace

int main() {
  check_right_kernels();
  check_mistake<Mistake::kNoWait>("stores before wait_for_previous_kernel()");
  check_mistake<Mistake::kWaitInOneWarp>("stores before wait_for_previous_kernel()");
  check_mistake<Mistake::kEndsWithoutWait>("ended without wait_for_previous_kernel()");
  check_mistake<Mistake::kLateWait>("other results");
  check_mistake<Mistake::kLateWaitAfterCopy>("other results");
  check_mistake<Mistake::kStoreBeforeWait>("stores before wait_for_previous_kernel()");
  check_mistake<Mistake::kPlainStoreBeforeWait>("other results");
  check_mistake<Mistake::kAllowBeforeWait>("allow_next_kernel() before wait_for_previous_kernel()");
  check_forgotten_waits();
  return test_result();
}
