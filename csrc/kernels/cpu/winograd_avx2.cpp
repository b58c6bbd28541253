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

// Two products are added in 16 bits, of an unsigned and a signed byte each. They fit if both numbers are below 128: so
// 128 is taken from the inputs, which get the sign of the weights.
struct Avx2Dot {
  struct Inputs : BroadcastInputs {
    [[gnu::always_inline]] static Inputs load(const uint8_t* v) { return {BroadcastInputs::load(v)}; }
    [[gnu::always_inline]] IntVec four(int i) const {
      return reinterpret_cast<IntVec>(
          _mm256_xor_si256(reinterpret_cast<__m256i>(BroadcastInputs::four(i)), _mm256_set1_epi8(-kInt8Zero)));
    }
  };
  static constexpr int kTiles = 4;  // registers are needed for the products on their way to the sums

  [[gnu::always_inline]] static IntVec start(const int32_t*) { return IntVec{}; }
  [[gnu::always_inline]] static IntVec add(IntVec sum, IntVec x, IntVec w) {
    const auto weights = reinterpret_cast<__m256i>(w);
    const __m256i pairs =
        _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(reinterpret_cast<__m256i>(x), weights));
    return add_wrapping(sum, reinterpret_cast<IntVec>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
  }
};

}  // namespace

const WinogradIsa<Float32>& winograd_avx2() { return kSteps<FloatBlock<Float32>>; }

const WinogradIsa<Int8>& winograd_int8_avx2() { return kSteps<ByteBlock<Avx2Dot>>; }

const WinogradTrainIsa& winograd_train_avx2() { return kTrainSteps; }

}  // namespace srdgan

#endif
