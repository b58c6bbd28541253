#include "csrc/kernels/cpu/upsample_conv_block.h"

namespace srdgan {
namespace {
#include "csrc/kernels/cpu/upsample_conv_lanes.h"
}  // namespace

// With SSE2's 16 registers there is room for no more than 3 pixels.
const UpsampleConvIsa& upsample_conv_portable() {
  static const UpsampleConvIsa isa = {3, 1, {{block<1>, block<2>, block<3>}, {}}, differences};
  return isa;
}

}  // namespace srdgan
