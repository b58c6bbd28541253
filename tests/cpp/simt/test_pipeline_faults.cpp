// Mistakes of the kind that kernels have, planted one by one in a matrix product with all that our kernels use: two
// stages filled by cp.async, swizzled rows, ldmatrix, mma. Each must be found.
#include <cmath>
#include <string>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::attempt;
using simt::check_fault;
using simt::DeviceArray;

namespace {

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

struct Run {
  simt::Outcome<float> outcome;
  double error = 0.0;  // of the first order
  double passes;       // of ldmatrix through the banks, 1 at best
};

template <Mistake mistake>
Run run_product() {
  const Product product;
  const auto middle = product.numbers.begin() + kRows * kDepth;
  DeviceArray<f16> a("a", {product.numbers.begin(), middle}), b("b", {middle, product.numbers.end()});
  DeviceArray<float> out("the output", kRows * kColumns);
  simt::counts = {};
  Run run;
  run.outcome = attempt(out, [&] {
    return launch(product_kernel<mistake>, 1, 64, kSharedBytes, nullptr, a.data(), b.data(), out.data());
  });
  run.passes = simt::counts[simt::AccessKind::kLdmatrix].passes_of_least();
  for (int i = 0; i < kRows * kColumns; ++i) {
    const double error = std::abs(run.outcome.values[i] - product.truth(i / kColumns, i % kColumns));
    run.error = error <= run.error ? run.error : error;  // a NaN becomes the worst
  }
  return run;
}

void check_right_kernel() {
  const Run right = run_product<Mistake::kNone>();
  for (const std::string& fault : right.outcome.faults) CHECK(fault.empty(), "%s", fault.c_str());
  CHECK(right.outcome.same_bits && right.error < 1e-5, "same bits %d, error %g", right.outcome.same_bits, right.error);
  CHECK(right.passes == 1.0, "ldmatrix takes %g passes of one", right.passes);
  CHECK(simt::counts.products == 3 * 2 * kDepth / kStep, "%ld products", static_cast<long>(simt::counts.products));
  // Both operands once, by each order's two warps: b is read by both.
  CHECK(simt::counts[simt::AccessKind::kLdmatrix].bytes == 3 * (kRows + 2 * kColumns) * kDepth * 2, "bytes read");
  CHECK(simt::counts[simt::AccessKind::kCpAsync].bytes == 3 * (kRows + kColumns) * kDepth * 2, "bytes copied");
}

template <Mistake mistake>
void check_mistake(const char* text) {
  check_fault(run_product<mistake>().outcome, text);
}

void check_mistakes() {
  const Run slow = run_product<Mistake::kNoSwizzle>();
  CHECK(slow.passes == 2.0 && slow.error < 1e-5, "ldmatrix takes %g passes of one, error %g", slow.passes, slow.error);
  CHECK(run_product<Mistake::kWrongRow>().error > 0.1, "a wrong row gives the right result");
  check_mistake<Mistake::kUnalignedRow>("must be aligned to 16");
  check_mistake<Mistake::kRowBeyondEnd>("outside of the block's 2560 bytes of shared memory");
  check_mistake<Mistake::kNoWait>("has not been waited for");
  check_mistake<Mistake::kWaitForTooFew>("has not been waited for");
  check_mistake<Mistake::kNoCommit>("has not been waited for");
  // Whether the copy or the barrier is found to be missing depends on the order.
  check_mistake<Mistake::kNoBarrierBeforeReading>("of shared memory: ");
  check_mistake<Mistake::kNoBarrierBeforeOverwriting>("of shared memory: ");
  check_mistake<Mistake::kUnalignedCopy>("cp.async: the address");
  check_mistake<Mistake::kCopyBeyondInput>(" of a, which has 4096 bytes, at or after ");
  check_mistake<Mistake::kCopyBeyondSharedMemory>("cp.async: byte ");
  check_mistake<Mistake::kCopyLeftUnfinished>("ended without waiting for this copy");
  check_mistake<Mistake::kDivergentProduct>("mma: another lane of the warp is at mma, ");
  check_mistake<Mistake::kLaneLeftBehind>("threads wait for each other: this one at ldmatrix, thread ");
  check_mistake<Mistake::kBarrierInOneWarp>("__syncthreads: another thread of the block is at ");
  check_mistake<Mistake::kStoreBeyondOutput>("byte 1024 of the output, which has 1024 bytes");
  check_mistake<Mistake::kStoreToInput>(" of a, which is read-only");
}

}  // namespace

int main() {
  check_right_kernel();
  check_mistakes();
  return test_result();
}
