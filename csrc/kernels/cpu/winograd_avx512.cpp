#include "csrc/kernels/cpu/winograd_train.h"

#if defined(__x86_64__)

namespace srdgan {
namespace {

constexpr int kLanes = 16;
constexpr int kBlockTiles = 14;
constexpr int kBlockVectors = 2;

#include "csrc/kernels/cpu/winograd_lanes.h"
#include "csrc/kernels/cpu/winograd_train_lanes.h"

}  // namespace

const WinogradIsa<Float32>& winograd_avx512() { return kSteps<FloatBlock<Float32>>; }

const WinogradTrainIsa& winograd_train_avx512() { return kTrainSteps; }

}  // namespace srdgan

#endif
