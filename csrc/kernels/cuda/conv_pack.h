// Weights in the order in which the kernel of conv3x3.h reads them. Host code.
//
// The tensor cores multiply 16 pixels x 16 input channels by 16 input channels x 8 outputs. Each lane of a warp holds 4
// weights of such a product: input channels 2q, 2q + 1, 2q + 8 and 2q + 9 of output column lane / 4, where q = lane
// % 4. The weights of two products lie side by side, so that a lane reads 16 bytes at a time:
//
//   (groups of 16 input channels, taps, pairs of 8 outputs, 32 lanes, 2 products, 4 weights)
//
// Lane 4p + q receives the outputs 2q and 2q + 1 of every product for pixel p. Outputs are assigned to columns such
// that these are neighbours in memory: it stores 8 channels by one instruction.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/kernels/cuda/conv3x3.h"

namespace srdgan::gpu {

// Channels that a kernel computes for so many of a layer; the rest are zeros. 0 where there are too many.
constexpr int64_t pad_channels(int64_t channels) {
  for (int64_t padded = kGroupChannels; padded <= kConvMaxOutputs; padded *= 2) {
    if (channels <= padded) return padded;
  }
  return 0;
}

// The channel that column `column` (0..7) of product `product` computes, of a layer with so many padded outputs.
constexpr int64_t output_channel(int64_t outputs, int64_t product, int64_t column) {
  const int64_t per_warp = outputs < 32 ? outputs / 8 : 4;  // products of one warp
  const int64_t quad_lane = column / 2;
  return product / per_warp * per_warp * 8 + quad_lane * per_warp * 2 + product % per_warp * 2 + column % 2;
}

// A layer as PyTorch stores it.
struct ConvLayer {
  const float* weight;  // (out_channels, sum of in_channels, 3, 3)
  const float* bias;    // (out_channels)
  int64_t out_channels;
  // What the layer reads, one after the other; each is padded to pad_channels(its channels) in memory.
  std::vector<int64_t> in_channels;

  int64_t in_groups() const;
};

// Elements of a packed weight. taps: of one convolution, 3x3, or 2x2 for each of the four phases of upsample_conv.
int64_t packed_conv_elements(const ConvLayer& layer);
int64_t packed_upsample_elements(const ConvLayer& layer);

// Bits of the elements, rounded to nearest, ties to even.
void pack_conv_weight(const ConvLayer& layer, ElementType type, uint16_t* packed);
// The four phase convolutions of 2x2 taps, one after the other: phase 2 * (row parity) + (column parity).
void pack_upsample_weight(const ConvLayer& layer, ElementType type, uint16_t* packed);
// Puts the weights of pack_conv_weight into the order of conv_wgmma.h, for 32 or 64 padded outputs. wgmma reads pieces
// of 8 columns x 8 input channels: (groups of 16 input channels, taps, products of 8 columns, halves of the 16
// channels, 8 columns, 8 channels). Which output a column computes stays the same.
void order_conv_for_wgmma(const ConvLayer& layer, uint16_t* packed);
// pad_channels(out_channels) floats.
void pack_conv_bias(const ConvLayer& layer, float* packed);

}  // namespace srdgan::gpu
