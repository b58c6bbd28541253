#include "csrc/kernels/cpu/winograd_train.h"

namespace srdgan {
namespace {

constexpr int kLanes = 4;
constexpr int kBlockTiles = 3;
constexpr int kBlockVectors = 4;

#include "csrc/kernels/cpu/winograd_lanes.h"
#include "csrc/kernels/cpu/winograd_train_lanes.h"

}  // namespace

const WinogradIsa<Float32>& winograd_portable() { return kSteps<FloatBlock<Float32>>; }

const WinogradIsa<Int8>& winograd_int8_portable() { return kSteps<ByteBlock<PortableDot>>; }

const WinogradTrainIsa& winograd_train_portable() { return kTrainSteps; }

}  // namespace srdgan
