#include "csrc/kernels/cpu/winograd_train.h"

#if defined(__aarch64__)

namespace srdgan {
namespace {

// 20 sums, 4 vectors of weights and 5 inputs fill 29 of the 32 registers. With 6 tiles GCC spills some.
constexpr int kLanes = 4;
constexpr int kBlockTiles = 5;
constexpr int kBlockVectors = 4;

#include "csrc/kernels/cpu/winograd_lanes.h"
#include "csrc/kernels/cpu/winograd_train_lanes.h"

}  // namespace

const WinogradIsa<Float32>& winograd_neon() { return kSteps<FloatBlock<Float32>>; }

const WinogradIsa<Int8>& winograd_int8_neon() { return kSteps<ByteBlock<PortableDot>>; }

const WinogradTrainIsa& winograd_train_neon() { return kTrainSteps; }

}  // namespace srdgan

#endif
