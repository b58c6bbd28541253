// Mistakes of the kind that kernels have, planted one by one: each must be found.
#include <cmath>
#include <string>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::DeviceArray;

namespace {

// ---- A matrix product with all that our kernels use: two stages filled by cp.async, swizzled rows, ldmatrix, mma.

enum class Mistake {
  kNone,
  kNoSwizzle,
  kWrongRow,
  kUnalignedRow,
  kRowBeyondEnd,
  kNoWait,
  kWaitForTooFew,
  kNoCommit,
  kNoBarrierBeforeReading,
  kNoBarrierBeforeOverwriting,
  kUnalignedCopy,
  kCopyBeyondInput,
  kCopyBeyondSharedMemory,
  kCopyLeftUnfinished,
  kDivergentProduct,
  kLaneLeftBehind,
  kBarrierInOneWarp,
  kStoreBeyondOutput,
  kStoreToInput,
};

constexpr int kRows = 32, kColumns = 8, kDepth = 64, kStep = 16, kRowBytes = 2 * kStep;
constexpr int kStageBytes = (kRows + kColumns) * kRowBytes, kSharedBytes = 2 * kStageBytes;
constexpr int kHalves = kRowBytes / 16;

// out (32, 8) = a (32, 64) b (8, 64) transposed; a block of two warps, 16 rows each.
template <Mistake mistake>
__global__ void product_kernel(const f16* a, const f16* b, float* out) {
  auto* shared = shared_memory<unsigned char>();
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;

  // 16 bytes of a row of a stage: rows 0-31 are those of a, 32-39 those of b.
  const auto place = [&](int step, int row, int half) {
    const int swizzled = mistake == Mistake::kNoSwizzle ? half : half ^ (row >> 2 & 1);
    return shared + step % 2 * kStageBytes + row * kRowBytes + 16 * swizzled;
  };
  const auto load = [&](int step) {
    for (int i = thread; i < (kRows + kColumns) * kHalves; i += 64) {
      const int row = i / kHalves, half = i % kHalves;
      const f16* from = row < kRows ? a + row * kDepth : b + (row - kRows) * kDepth;
      unsigned char* to = place(step, row, half);
      if (mistake == Mistake::kUnalignedCopy) from += 1;
      if (mistake == Mistake::kCopyBeyondInput) from += row == kRows - 1 ? kStep : 0;
      if (mistake == Mistake::kCopyBeyondSharedMemory) to += row == kRows + kColumns - 1 ? kSharedBytes : 0;
      cp_async_16(to, from + step * kStep + half * 8, true);
    }
    if (mistake != Mistake::kNoCommit) cp_async_commit();
  };

  float sums[4] = {};
  load(0);
  for (int step = 0; step < kDepth / kStep; ++step) {
    const bool has_next = step + 1 < kDepth / kStep;
    if (has_next) load(step + 1);
    if (has_next || mistake == Mistake::kWaitForTooFew) {
      if (mistake != Mistake::kNoWait) cp_async_wait<1>();
    } else {
      cp_async_wait<0>();
    }
    if (mistake != Mistake::kNoBarrierBeforeReading) __syncthreads();
    if (mistake == Mistake::kLaneLeftBehind && !has_next && thread == 40) return;

    uint32_t left[4], right[2];
    const unsigned char* row = place(step, 16 * warp + lane % 16, lane / 16);
    if (mistake == Mistake::kWrongRow) row = place(step, 16 * warp + (lane + 1) % 16, lane / 16);
    if (mistake == Mistake::kUnalignedRow) row += 8;
    if (mistake == Mistake::kRowBeyondEnd) row += kSharedBytes;
    ldmatrix_x4(left, row);
    ldmatrix_x2(right, place(step, kRows + lane % 8, lane / 8 % 2));
    if (mistake == Mistake::kDivergentProduct && lane < 16) {
      mma_m16n8k16<f16>(sums, left, right[0], right[1]);
    } else {
      mma_m16n8k16<f16>(sums, left, right[0], right[1]);
    }
    if (mistake == Mistake::kBarrierInOneWarp && warp == 1) {
      __syncthreads();
    } else if (mistake != Mistake::kNoBarrierBeforeOverwriting) {
      __syncthreads();
    }
  }
  if (mistake == Mistake::kCopyLeftUnfinished) load(0);
  if (mistake == Mistake::kStoreToInput) out = reinterpret_cast<float*>(const_cast<f16*>(a));
  if (mistake == Mistake::kStoreBeyondOutput) out += 2;
  for (int i = 0; i < 4; ++i) {
    out[(16 * warp + lane / 4 + 8 * (i >> 1)) * kColumns + 2 * (lane % 4) + (i & 1)] = sums[i];
  }
}

struct Product {
  Product() {
    const auto random = random_floats((kRows + kColumns) * kDepth, 1);
    for (float value : random) numbers.push_back(from_float<f16>(value));
  }
  double truth(int row, int column) const {
    double sum = 0.0;
    for (int k = 0; k < kDepth; ++k) {
      sum +=
          static_cast<double>(to_float(numbers[row * kDepth + k])) * to_float(numbers[(kRows + column) * kDepth + k]);
    }
    return sum;
  }
  std::vector<f16> numbers;
};

struct Outcome {
  std::string fault[3];  // of each order; empty for none
  bool same_bits = true;
  double error = 0.0;  // the largest of all orders
};

// Executes a kernel in each order without checking anything.
template <typename Launch>
Outcome attempt(DeviceArray<float>& out, Launch launch_kernel) {
  Outcome outcome;
  std::vector<float> first;
  for (int i = 0; i < 3; ++i) {
    simt::order = simt::kOrders[i];
    out.reset();
    try {
      launch_kernel();
    } catch (const simt::Fault& fault) {
      outcome.fault[i] = fault.what();
    }
    if (i == 0) first = out.values();
    outcome.same_bits &= std::memcmp(first.data(), out.data(), first.size() * sizeof(float)) == 0;
  }
  simt::order = simt::Order::kForward;
  return outcome;
}

template <Mistake mistake>
Outcome run_product(double* ldmatrix_passes = nullptr) {
  const Product product;
  const auto middle = product.numbers.begin() + kRows * kDepth;
  DeviceArray<f16> a("a", {product.numbers.begin(), middle}), b("b", {middle, product.numbers.end()});
  DeviceArray<float> out("the output", kRows * kColumns);
  simt::counts = {};
  Outcome outcome = attempt(
      out, [&] { launch(product_kernel<mistake>, 1, 64, kSharedBytes, nullptr, a.data(), b.data(), out.data()); });
  const auto values = out.values();
  for (int i = 0; i < kRows * kColumns; ++i) {
    const double error = std::abs(values[i] - product.truth(i / kColumns, i % kColumns));
    outcome.error = error <= outcome.error ? outcome.error : error;  // a NaN becomes the worst
  }
  if (ldmatrix_passes != nullptr) *ldmatrix_passes = simt::counts[simt::AccessKind::kLdmatrix].passes_of_least();
  return outcome;
}

void check_fault(const Outcome& outcome, const char* text) {
  for (const std::string& fault : outcome.fault) {
    CHECK(fault.find(text) != std::string::npos, "expected \"%s\", got \"%s\"", text, fault.c_str());
  }
}

void check_right_kernel() {
  double passes = 0.0;
  const Outcome right = run_product<Mistake::kNone>(&passes);
  for (const std::string& fault : right.fault) CHECK(fault.empty(), "%s", fault.c_str());
  CHECK(right.same_bits && right.error < 1e-5, "same bits %d, error %g", right.same_bits, right.error);
  CHECK(passes == 1.0, "ldmatrix takes %g passes of one", passes);
  CHECK(simt::counts.products == 3 * 2 * kDepth / kStep, "%ld products", static_cast<long>(simt::counts.products));
  // Both operands once, by each order's two warps: b is read by both.
  CHECK(simt::counts[simt::AccessKind::kLdmatrix].bytes == 3 * (kRows + 2 * kColumns) * kDepth * 2, "bytes read");
  CHECK(simt::counts[simt::AccessKind::kCpAsync].bytes == 3 * (kRows + kColumns) * kDepth * 2, "bytes copied");
}

void check_product_mistakes() {
  double passes = 0.0;
  const Outcome slow = run_product<Mistake::kNoSwizzle>(&passes);
  CHECK(passes == 2.0 && slow.error < 1e-5, "ldmatrix takes %g passes of one, error %g", passes, slow.error);
  CHECK(run_product<Mistake::kWrongRow>().error > 0.1, "a wrong row gives the right result");
  check_fault(run_product<Mistake::kUnalignedRow>(), "must be aligned to 16");
  check_fault(run_product<Mistake::kRowBeyondEnd>(), "outside of the block's 2560 bytes of shared memory");
  check_fault(run_product<Mistake::kNoWait>(), "has not been waited for");
  check_fault(run_product<Mistake::kWaitForTooFew>(), "has not been waited for");
  check_fault(run_product<Mistake::kNoCommit>(), "has not been waited for");
  // Whether the copy or the barrier is found to be missing depends on the order.
  check_fault(run_product<Mistake::kNoBarrierBeforeReading>(), "of shared memory: ");
  check_fault(run_product<Mistake::kNoBarrierBeforeOverwriting>(), "of shared memory: ");
  check_fault(run_product<Mistake::kUnalignedCopy>(), "cp.async: the address");
  check_fault(run_product<Mistake::kCopyBeyondInput>(), " of a, which has 4096 bytes, at or after ");
  check_fault(run_product<Mistake::kCopyBeyondSharedMemory>(), "cp.async: byte ");
  check_fault(run_product<Mistake::kCopyLeftUnfinished>(), "ended without waiting for this copy");
  check_fault(run_product<Mistake::kDivergentProduct>(), "mma: another lane of the warp is at mma, ");
  check_fault(run_product<Mistake::kLaneLeftBehind>(), "threads wait for each other: this one at ldmatrix, thread ");
  check_fault(run_product<Mistake::kBarrierInOneWarp>(), "__syncthreads: another thread of the block is at ");
  check_fault(run_product<Mistake::kStoreBeyondOutput>(), "byte 1024 of the output, which has 1024 bytes");
  check_fault(run_product<Mistake::kStoreToInput>(), " of a, which is read-only");
}

// ---- Plain C++ accesses, which are not checked one by one.

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
  return attempt(out, [&] { launch(exchange_kernel<mistake>, 1, num_threads, bytes, nullptr, out.data()); });
}

template <Plain mistake>
bool is_found_by_order() {
  const Outcome outcome = run_exchange<mistake>();
  for (const std::string& fault : outcome.fault) CHECK(fault.empty(), "%s", fault.c_str());
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

// ---- Warps

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
  return attempt(out, [&] { launch(lanes_kernel<mistake>, 1, num_threads, 128, nullptr, out.data()); });
}

void check_lanes() {
  for (const std::string& fault : run_lanes<Lanes::kWarpBarrier>().fault) CHECK(fault.empty(), "%s", fault.c_str());
  check_fault(run_lanes<Lanes::kPartialMask>(), "the mask must name all lanes, got 0xffff");
  check_fault(run_lanes<Lanes::kDifferentOperations>(), "another lane of the warp is at __");
  check_fault(run_lanes<Lanes::kNoWarpBarrier>(), "of shared memory: no barrier since warp 0 ");
  check_fault(run_lanes<Lanes::kReadByOther>(), "of shared memory: no barrier since warp 0 ");
  check_fault(run_lanes<Lanes::kNarrowWarp>(20), "waits at __shfl_xor_sync for threads that have ended");
}

// ---- Bank conflicts

template <typename T>
__global__ void stride_kernel(float* out, int stride) {
  auto* shared = shared_memory<T>();
  store_shared(shared + threadIdx.x * stride, T{});
  __syncthreads();
  const T value = load_shared(shared + 3 * stride);
  std::memcpy(out + threadIdx.x, &value, sizeof *out);
}

template <typename T>
void check_passes(int stride, double expected) {
  DeviceArray<float> out("the output", 32);
  simt::counts = {};
  launch(stride_kernel<T>, 1, 32, 32 * stride * sizeof(T), nullptr, out.data(), stride);
  const double passes = simt::counts[simt::AccessKind::kStore].passes_of_least();
  CHECK(passes == expected, "stores of %zu bytes, every %d: %g passes of one", sizeof(T), stride, passes);
  CHECK(simt::counts[simt::AccessKind::kStore].bytes == static_cast<int64_t>(32 * sizeof(T)), "bytes");
  CHECK(simt::counts[simt::AccessKind::kLoad].passes_of_least() == 1.0, "all lanes read the same word");
}

void check_banks() {
  check_passes<float>(1, 1.0);
  check_passes<float>(2, 2.0);
  check_passes<float>(33, 1.0);
  check_passes<float>(32, 32.0);
  check_passes<float2>(1, 1.0);
  check_passes<float2>(2, 2.0);
  check_passes<float4>(1, 1.0);
  check_passes<float4>(2, 2.0);
  check_passes<float4>(8, 8.0);
}

}  // namespace

int main() {
  check_right_kernel();
  check_product_mistakes();
  check_plain_mistakes();
  check_lanes();
  check_banks();
  return test_result();
}
