#include "csrc/kernels/cpu/winograd_train.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace srdgan {
namespace {

constexpr int kLanes = 8;
constexpr int kBlockTiles = 6;
constexpr int kBlockVectors = 2;

#include "csrc/kernels/cpu/winograd_lanes.h"
#include "csrc/kernels/cpu/winograd_train_lanes.h"

// Two products are added in 16 bits: weights are so small that they fit.
struct Avx2Dot {
  using Inputs = BroadcastInputs;
  static constexpr int kTiles = 5;  // registers are needed for the products on their way to the sums

  [[gnu::always_inline]] static IntVec start(const int32_t* p) { return load_ints(p); }
  [[gnu::always_inline]] static IntVec add(IntVec sum, IntVec x, IntVec w) {
    const __m256i pairs = _mm256_maddubs_epi16(reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(w));
    return add_wrapping(sum, reinterpret_cast<IntVec>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
  }
};

}  // namespace

const WinogradIsa<Float32>& winograd_avx2() { return kSteps<FloatBlock<Float32>>; }

const WinogradIsa<Int8>& winograd_int8_avx2() { return kSteps<ByteBlock<Avx2Dot>>; }

const WinogradTrainIsa& winograd_train_avx2() { return kTrainSteps; }

}  // namespace srdgan

#endif
