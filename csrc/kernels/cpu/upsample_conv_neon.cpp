#include "csrc/kernels/cpu/upsample_conv_block.h"

#if defined(__aarch64__)

namespace srdgan {
namespace {
#include "csrc/kernels/cpu/upsample_conv_lanes.h"
}  // namespace

// 5 pixels: 20 sums, 4 vectors of weights and 5 inputs fill 29 of the 32 registers.
const UpsampleConvIsa& upsample_conv_neon() {
  static const UpsampleConvIsa isa = {5, 1, {{block<1>, block<2>, block<3>, block<4>, block<5>}, {}}, differences};
  return isa;
}

}  // namespace srdgan

#endif
