// Mistakes that Hopper's instructions allow, planted one by one in a matrix product with all of them: TMA into a ring
// of stages with mbarriers, a producer warp, wgmma. Each must be found.
#include <cmath>
#include <string>

#include "csrc/kernels/cuda/hopper.cuh"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::attempt;
using simt::DeviceArray;

namespace {

enum class Mistake {
  kNone,
  kNoWait,
  kWrongPhase,
  kFewBytes,
  kManyBytes,
  kBytesOfOneCopy,
  kNoMbarrierFence,
  kNoBarrierAfterInit,
  kStageReusedTooEarly,
  kReleasedTooEarly,
  kCopyLeftUnfinished,
  kUnalignedBox,
  kOtherSwizzleOfCopy,
  kOtherSwizzleOfProduct,
  kWrongStride,
  kNoProductFence,
  kSumsReadTooEarly,
  kSumsWrittenTooEarly,
  kInputsWrittenTooEarly,
  kProductLeftUnfinished,
  kProductMissingInOneWarp,
};

constexpr int kRows = 64, kColumns = 32, kDepth = 128, kStages = 2, kConsumers = 128, kThreads = kConsumers + 32;
constexpr int kRealRows = 61;  // rows 1 to 61 of A; TMA fills the others with zeros

// Shared memory: the stages, then barriers.
template <int kRowBytes>
struct Ring {
  static constexpr int kABytes = kRows * kRowBytes, kBBytes = kColumns * kRowBytes, kStageBytes = kABytes + kBBytes;
  static constexpr int kBarriers = kStages * kStageBytes;
  static constexpr int kSharedBytes = kBarriers + 2 * kStages * static_cast<int>(sizeof(Mbarrier)) + 1024;
};

struct Sums {
  float values[4];
};

// out (64, 32) = a (64, 128) b (32, 128) transposed. kRowBytes: of a stage's rows, and of the swizzle.
template <Mistake mistake, int kRowBytes>
__global__ void product_kernel(const TensorMap a_map, const TensorMap b_map, float* out) {
  using Shape = Ring<kRowBytes>;
  constexpr int kStepsOfStage = kRowBytes / 32, kRounds = kDepth * 2 / kRowBytes;
  auto* shared = shared_memory<unsigned char>();
  auto* full = reinterpret_cast<Mbarrier*>(shared + Shape::kBarriers);
  Mbarrier* empty = full + kStages;
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
  if (thread == 0) {
    for (int i = 0; i < kStages; ++i) {
      mbarrier_init(full + i, 1);
      mbarrier_init(empty + i, kConsumers / 32);
    }
    if (mistake != Mistake::kNoMbarrierFence) fence_mbarrier_init();
  }
  if (mistake != Mistake::kNoBarrierAfterInit) __syncthreads();

  if (warp == kConsumers / 32) {
    if (lane > 0) return;
    const int rounds = kRounds + (mistake == Mistake::kCopyLeftUnfinished ? 1 : 0);
    for (int round = 0; round < rounds; ++round) {
      const int stage = round % kStages;
      unsigned char* to = shared + stage * Shape::kStageBytes;
      if (round >= kStages && mistake != Mistake::kStageReusedTooEarly)
        mbarrier_wait(empty + stage, (round / kStages - 1) % 2);
      int bytes = Shape::kStageBytes;
      if (mistake == Mistake::kFewBytes) bytes -= 16;
      if (mistake == Mistake::kManyBytes) bytes += 16;
      if (mistake == Mistake::kBytesOfOneCopy) bytes = Shape::kABytes;
      mbarrier_arrive_expect(full + stage, bytes);
      const int column = round * kRowBytes / 2 % kDepth;
      tma_load(to + (mistake == Mistake::kUnalignedBox ? 64 : 0), a_map, column, -1, 0, 0, full + stage);
      tma_load(to + Shape::kABytes, b_map, column, 0, 0, 0, full + stage);
    }
    return;
  }

  Sums sums[4] = {};
  uint32_t a[4];
  for (int round = 0; round < kRounds; ++round) {
    const int stage = round % kStages;
    const unsigned char* a_rows = shared + stage * Shape::kStageBytes;
    const unsigned char* b_rows = a_rows + Shape::kABytes;
    const int parity = round / kStages % 2;
    if (mistake != Mistake::kNoWait) mbarrier_wait(full + stage, mistake == Mistake::kWrongPhase ? 1 - parity : parity);
    for (int step = 0; step < kStepsOfStage; ++step) {
      const int offset = (16 * warp + lane % 16) * kRowBytes + 32 * step + 16 * (lane / 16);
      ldmatrix_x4(a, a_rows + (offset ^ (offset >> 7 & (kRowBytes / 16 - 1)) << 4));
      if (mistake != Mistake::kNoProductFence) wgmma_fence();
      const int swizzle = mistake == Mistake::kOtherSwizzleOfProduct ? 0 : kRowBytes;
      const int stride = mistake == Mistake::kWrongStride ? 4 * kRowBytes : 8 * kRowBytes;
      const uint64_t b = matrix_descriptor(b_rows + 32 * step, 16, stride, swizzle);
      const bool last = round + 1 == kRounds && step + 1 == kStepsOfStage;
      if (mistake != Mistake::kProductMissingInOneWarp || warp != 2 || !last) wgmma_m64n32k16<f16>(sums, a, b);
      wgmma_commit();
      if (mistake == Mistake::kReleasedTooEarly && lane == 0) mbarrier_arrive(empty + stage);
      if (mistake == Mistake::kInputsWrittenTooEarly) ldmatrix_x4(a, a_rows + offset);
      if (mistake == Mistake::kSumsWrittenTooEarly) sums[1].values[2] = 0.0f;
      if (last && (mistake == Mistake::kSumsReadTooEarly || mistake == Mistake::kProductLeftUnfinished)) break;
      wgmma_wait<0>();
    }
    if (mistake != Mistake::kReleasedTooEarly && lane == 0) mbarrier_arrive(empty + stage);
  }
  for (int n = 0; n < 4; ++n) {
    for (int i = 0; i < 4; ++i) {
      const int row = 16 * warp + lane / 4 + 8 * (i >> 1), column = 8 * n + 2 * (lane % 4) + (i & 1);
      store_global(out + row * kColumns + column, sums[n].values[i]);
    }
  }
  if (mistake == Mistake::kSumsReadTooEarly) wgmma_wait<0>();
}

struct Matrices {
  Matrices() {
    for (const float value : random_floats((kRealRows + kColumns) * kDepth, 1))
      numbers.push_back(from_float<f16>(value));
  }
  float a(int row, int k) const {
    return row < 1 || row > kRealRows ? 0.0f : to_float(numbers[(row - 1) * kDepth + k]);
  }
  float b(int column, int k) const { return to_float(numbers[(kRealRows + column) * kDepth + k]); }
  // The worst error of a product; infinite for NaN.
  double error(const std::vector<float>& out) const {
    double worst = 0;
    for (int row = 0; row < kRows; ++row)
      for (int column = 0; column < kColumns; ++column) {
        double sum = 0;
        for (int k = 0; k < kDepth; ++k) sum += static_cast<double>(a(row, k)) * b(column, k);
        const double error = std::fabs(out[row * kColumns + column] - sum);
        worst = error <= worst ? worst : std::isnan(error) ? INFINITY : error;
      }
    return worst;
  }
  std::vector<f16> numbers;
};

template <Mistake mistake, int kRowBytes>
simt::Outcome<float> run_product(double* error) {
  const Matrices matrices;
  const auto middle = matrices.numbers.begin() + kRealRows * kDepth;
  DeviceArray<f16> a("a", {matrices.numbers.begin(), middle}), b("b", {middle, matrices.numbers.end()});
  DeviceArray<float> out("the output", kRows * kColumns);
  TensorMap maps[2];
  const auto encode = [&](const f16* data, int rows, int box_rows, TensorMap* map) {
    const int swizzle = mistake == Mistake::kOtherSwizzleOfCopy ? 0 : kRowBytes;
    const int64_t row_bytes = kDepth * 2, all = rows * row_bytes;
    const TensorBox box{data, {kDepth, rows, 1, 1}, {row_bytes, all, all}, {kRowBytes / 2, box_rows, 1, 1}, swizzle};
    CHECK(encode_tensor_map(box, map) == cudaSuccess, "a tensor map is refused");
  };
  encode(a.data(), kRealRows, kRows, &maps[0]);
  encode(b.data(), kColumns, kColumns, &maps[1]);
  const auto outcome = attempt(out, [&] {
    return launch(product_kernel<mistake, kRowBytes>, 1, kThreads, Ring<kRowBytes>::kSharedBytes, nullptr, maps[0],
                  maps[1], out.data());
  });
  *error = matrices.error(outcome.values);
  return outcome;
}

template <int kRowBytes>
void check_right_kernel() {
  double error;
  const auto outcome = run_product<Mistake::kNone, kRowBytes>(&error);
  for (const std::string& fault : outcome.faults) CHECK(fault.empty(), "rows of %d: %s", kRowBytes, fault.c_str());
  CHECK(outcome.same_bits && error < 1e-4, "rows of %d bytes: same bits %d, error %g", kRowBytes, outcome.same_bits,
        error);
}

// A fault in each order whose message contains one of these.
template <Mistake mistake, int kRowBytes = 64>
void check_fault(const std::vector<std::string>& texts) {
  double error;
  for (const std::string& fault : run_product<mistake, kRowBytes>(&error).faults) {
    bool found = false;
    for (const std::string& text : texts) found |= fault.find(text) != std::string::npos;
    CHECK(found, "mistake %d: expected \"%s\", got \"%s\"", static_cast<int>(mistake), texts[0].c_str(), fault.c_str());
  }
}

template <Mistake mistake, int kRowBytes = 64>
void check_result() {
  double error;
  run_product<mistake, kRowBytes>(&error);
  CHECK(error > 0.1, "mistake %d gives the right result", static_cast<int>(mistake));
}

void check_mistakes() {
  // Which thread is found to be wrong depends on the order: the reader, or the writer behind it.
  check_fault<Mistake::kNoWait>({"has not been waited for", "no barrier since"});
  check_fault<Mistake::kWrongPhase>({"has not been waited for", "no barrier since"});
  check_fault<Mistake::kFewBytes>({"mbarrier_wait"});
  check_fault<Mistake::kManyBytes>({"mbarrier_wait"});
  check_fault<Mistake::kBytesOfOneCopy>({"has not been waited for", "mbarrier_wait"});
  check_fault<Mistake::kNoMbarrierFence>({"no fence_mbarrier_init()"});
  check_fault<Mistake::kNoBarrierAfterInit>({"no mbarrier was made here", "no barrier since"});
  check_fault<Mistake::kStageReusedTooEarly>({"more than the 1 arrivals"});
  check_fault<Mistake::kReleasedTooEarly, 32>({"no barrier since", "still reads it"});
  check_fault<Mistake::kCopyLeftUnfinished>({"ended without waiting for this copy"});
  check_fault<Mistake::kUnalignedBox>({"must be aligned to 512"});
  check_result<Mistake::kOtherSwizzleOfCopy>();
  check_result<Mistake::kOtherSwizzleOfProduct>();
  check_result<Mistake::kWrongStride>();
  check_fault<Mistake::kNoProductFence>({"no wgmma_fence()"});
  check_result<Mistake::kSumsReadTooEarly>();
  check_fault<Mistake::kSumsWrittenTooEarly>({"its sums were written before"});
  check_fault<Mistake::kInputsWrittenTooEarly>({"its registers were written before"});
  check_fault<Mistake::kProductLeftUnfinished>({"ended without waiting for this product"});
  check_fault<Mistake::kProductMissingInOneWarp>({"computed other products"});
}

enum class StoreMistake { kNone, kNoFence, kFenceBeforeStores, kWrongLeadingBytes };

// The columns' sums of b (32 x 16), which ordinary stores bring to shared memory, without a swizzle; a is all ones.
template <StoreMistake mistake>
__global__ void stored_kernel(const f16* b, float* out) {
  auto* shared = shared_memory<unsigned char>();
  const int thread = threadIdx.x;
  if (mistake == StoreMistake::kFenceBeforeStores) fence_async_proxy();
  if (thread < 64) {  // (eights of columns, halves of K, columns), 16 bytes each
    const int column = thread / 16 * 8 + thread % 8, half = thread / 8 % 2;
    store_shared(reinterpret_cast<uint4*>(shared) + thread,
                 load_global(reinterpret_cast<const uint4*>(b) + 2 * column + half));
  }
  if (mistake == StoreMistake::kNone || mistake == StoreMistake::kWrongLeadingBytes) fence_async_proxy();
  __syncthreads();
  uint32_t a[4];
  for (uint32_t& pair : a) pair = pack<f16>(1.0f, 1.0f);
  Sums sums[4] = {};
  wgmma_fence();
  wgmma_m64n32k16<f16>(sums, a,
                       matrix_descriptor(shared, mistake == StoreMistake::kWrongLeadingBytes ? 256 : 128, 256, 0));
  wgmma_commit();
  wgmma_wait<0>();
  if (thread < 4) {
    for (int n = 0; n < 4; ++n) {
      for (int i = 0; i < 2; ++i) out[8 * n + 2 * thread + i] = sums[n].values[i];
    }
  }
}

template <StoreMistake mistake>
simt::Outcome<float> run_stored(double* error) {
  std::vector<f16> numbers;
  for (const float value : random_floats(kColumns * 16, 2)) numbers.push_back(from_float<f16>(value));
  DeviceArray<f16> b("b", numbers);
  DeviceArray<float> out("the output", kColumns);
  const auto outcome =
      attempt(out, [&] { return launch(stored_kernel<mistake>, 1, 128, 1280, nullptr, b.data(), out.data()); });
  *error = 0;
  for (int column = 0; column < kColumns; ++column) {
    double sum = 0;
    for (int k = 0; k < 16; ++k) sum += to_float(numbers[16 * column + k]);
    const double off = std::fabs(outcome.values[column] - sum);
    *error = off <= *error ? *error : std::isnan(off) ? INFINITY : off;
  }
  return outcome;
}

void check_stores() {
  double error;
  const auto right = run_stored<StoreMistake::kNone>(&error);
  for (const std::string& fault : right.faults) CHECK(fault.empty(), "%s", fault.c_str());
  CHECK(right.same_bits && error < 1e-5, "error %g", error);
  simt::check_fault(run_stored<StoreMistake::kNoFence>(&error), "no fence_async_proxy() since thread");
  simt::check_fault(run_stored<StoreMistake::kFenceBeforeStores>(&error), "no fence_async_proxy() since thread");
  run_stored<StoreMistake::kWrongLeadingBytes>(&error);
  CHECK(error > 0.1, "a wrong leading offset gives the right result");
}

void check_maps() {
  alignas(16) static uint16_t memory[8];
  TensorMap map;
  const TensorBox right{memory, {64, 8, 4, 1}, {128, 1024, 4096}, {16, 8, 4, 1}, 32};
  const auto is_refused = [&](auto change) {
    TensorBox box = right;
    change(box);
    return encode_tensor_map(box, &map) != cudaSuccess;
  };
  CHECK(!is_refused([](TensorBox&) {}), "a right box");
  CHECK(is_refused([](TensorBox& box) { box.data = memory + 1; }), "misaligned data");
  CHECK(is_refused([](TensorBox& box) { box.stride_bytes[1] = 1032; }), "a stride that is no multiple of 16");
  CHECK(is_refused([](TensorBox& box) { box.stride_bytes[2] = int64_t{1} << 40; }), "a stride of 2^40");
  CHECK(is_refused([](TensorBox& box) { box.box[1] = 257; }), "a box of 257");
  CHECK(is_refused([](TensorBox& box) { box.box[0] = 32; }), "a row that is longer than its swizzle");
  CHECK(is_refused([](TensorBox& box) { box.sizes[3] = 0; }), "no elements");
}

}  // namespace

int main() {
  check_right_kernel<32>();
  check_right_kernel<64>();
  check_right_kernel<128>();
  check_mistakes();
  check_stores();
  check_maps();
  return test_result();
}
