#include "csrc/kernels/cpu/winograd.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace srdgan {
namespace {

constexpr int kLanes = 8;
constexpr int kBlockTiles = 6;
constexpr int kBlockVectors = 2;

#include "csrc/kernels/cpu/winograd_lanes.h"

struct VnniDot {
  using Inputs = BroadcastInputs;
  static constexpr int kTiles = kBlockTiles;

  [[gnu::always_inline]] static IntVec start(const int32_t* p) { return load_ints(p); }
  [[gnu::always_inline]] static IntVec add(IntVec sum, IntVec x, IntVec w) {
    return reinterpret_cast<IntVec>(_mm256_dpbusd_avx_epi32(
        reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(w)));
  }
};

}  // namespace

const WinogradIsa<Int8>& winograd_int8_avx_vnni() { return kSteps<ByteBlock<VnniDot>>; }

}  // namespace srdgan

#endif
