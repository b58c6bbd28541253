#include "csrc/kernels/cpu/winograd_train.h"

namespace srdgan {
namespace {

constexpr int kLanes = 4;
constexpr int kBlockTiles = 3;
constexpr int kBlockVectors = 4;

#include "csrc/kernels/cpu/winograd_lanes.h"
#include "csrc/kernels/cpu/winograd_train_lanes.h"

}  // namespace

const WinogradTrainIsa& winograd_train_portable() { return kTrainSteps; }

}  // namespace srdgan
