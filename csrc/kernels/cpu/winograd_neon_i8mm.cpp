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

// sudot multiplies signed by unsigned bytes.
struct SudotProduct {
  using Vector = uint8x16_t;

  [[gnu::always_inline]] static Vector load(const uint8_t* v) { return vld1q_u8(v); }
  [[gnu::always_inline]] static IntVec start(const int32_t* p) { return load_ints(p); }
  template <int lane>
  [[gnu::always_inline]] static int32x4_t add(int32x4_t sum, int8x16_t weights, Vector inputs) {
    return vsudotq_laneq_s32(sum, weights, inputs, lane);
  }
};

}  // namespace

const WinogradIsa<Int8>& winograd_int8_neon_i8mm() { return kSteps<ByteBlock<LaneDot<SudotProduct>>>; }

}  // namespace srdgan

#endif
