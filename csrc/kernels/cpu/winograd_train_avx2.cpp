#include "csrc/kernels/cpu/winograd_train.h"

#if defined(__x86_64__)

#pragma GCC target("avx2,fma")

namespace srdgan {
namespace {

constexpr int kLanes = 8;
constexpr int kBlockTiles = 6;
constexpr int kBlockVectors = 2;

#include "csrc/kernels/cpu/winograd_lanes.h"
#include "csrc/kernels/cpu/winograd_train_lanes.h"

}  // namespace

const WinogradTrainIsa& winograd_train_avx2() { return kTrainSteps; }

}  // namespace srdgan

#endif
