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

// sudot multiplies signed by unsigned bytes.
struct I8mmDot {
  struct Inputs {
    static constexpr int kDepth = 16;
    struct Four {
      uint8x16_t v;
      int lane;
    };
    uint8x16_t v;

    [[gnu::always_inline]] static Inputs load(const uint8_t* v) { return {vld1q_u8(v)}; }
    [[gnu::always_inline]] Four four(int lane) const { return {v, lane}; }
  };
  static constexpr int kTiles = kBlockTiles;

  [[gnu::always_inline]] static IntVec start(const int32_t* p) { return load_ints(p); }
  [[gnu::always_inline]] static IntVec add(IntVec sum, Inputs::Four x, IntVec w) {
    const auto s = reinterpret_cast<int32x4_t>(sum);
    const auto weights = reinterpret_cast<int8x16_t>(w);
    switch (x.lane) {  // a number in the instruction
      case 0:
        return reinterpret_cast<IntVec>(vsudotq_laneq_s32(s, weights, x.v, 0));
      case 1:
        return reinterpret_cast<IntVec>(vsudotq_laneq_s32(s, weights, x.v, 1));
      case 2:
        return reinterpret_cast<IntVec>(vsudotq_laneq_s32(s, weights, x.v, 2));
      default:
        return reinterpret_cast<IntVec>(vsudotq_laneq_s32(s, weights, x.v, 3));
    }
  }
};

}  // namespace

const WinogradIsa<Int8>& winograd_int8_neon_i8mm() { return kSteps<ByteBlock<I8mmDot>>; }

}  // namespace srdgan

#endif
