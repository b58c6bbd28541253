#include "csrc/kernels/cpu/winograd.h"

#if defined(__aarch64__)

#include <arm_neon.h>

namespace srdgan {
namespace {

// 16 sums, 4 vectors of weights and 4 inputs; with 5 tiles GCC spills some.
constexpr int kLanes = 4;
constexpr int kBlockTiles = 4;
constexpr int kBlockVectors = 4;

#include "csrc/kernels/cpu/winograd_lanes.h"
#include "csrc/kernels/cpu/winograd_neon_lanes.h"

// sdot multiplies signed by signed bytes: 128 is taken from the inputs, which is what the start of the sums is for.
struct SdotProduct {
  using Vector = int8x16_t;

  [[gnu::always_inline]] static Vector load(const uint8_t* v) {
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(v), vdupq_n_u8(kInt8Zero)));
  }
  [[gnu::always_inline]] static IntVec start(const int32_t*) { return IntVec{}; }
  template <int lane>
  [[gnu::always_inline]] static int32x4_t add(int32x4_t sum, int8x16_t weights, Vector inputs) {
    return vdotq_laneq_s32(sum, weights, inputs, lane);
  }
};

}  // namespace

const WinogradIsa<Int8>& winograd_int8_neon_dotprod() { return kSteps<ByteBlock<LaneDot<SdotProduct>>>; }

}  // namespace srdgan

#endif
