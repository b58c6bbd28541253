#include "tests/cpp/winograd_wide.h"

namespace srdgan {
namespace SRDGAN_WIDE {
namespace {
constexpr int kLanes = 16;
constexpr int kBlockTiles = 14;
constexpr int kBlockVectors = 2;
#include "csrc/kernels/cpu/winograd_lanes.h"
}  // namespace

const WinogradIsa<Float32> kFloats = kSteps<FloatBlock<Float32>>;
const WinogradIsa<Int8> kBytes = kSteps<ByteBlock<PortableDot>>;

}  // namespace SRDGAN_WIDE
}  // namespace srdgan
