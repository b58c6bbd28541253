// Nearest x2 enlargement, 3x3 convolution (zero padding 1 on the enlarged grid), bias and LeakyReLU in one pass over
// the small picture. No enlarged picture is ever made. docs/design/kernels.md derives it; in short:
//
// One output row (or column) 2c-1 .. 2c+2 of the enlarged picture depends on the three small samples x[c-1], x[c],
// x[c+1] alone:
//
//   y[2c-1] = (w0 + w1) (x[c-1] - x[c]) + (w0 + w1 + w2) x[c]
//   y[2c  ] =  w0       (x[c-1] - x[c]) + (w0 + w1 + w2) x[c]
//   y[2c+1] =       w2  (x[c+1] - x[c]) + (w0 + w1 + w2) x[c]
//   y[2c+2] = (w1 + w2) (x[c+1] - x[c]) + (w0 + w1 + w2) x[c]
//
// Four outputs from five products, where the direct form takes twelve and the four 2-tap phases eight. On both axes: a
// 4x4 patch of outputs from 25 products of a small pixel's channels with a matrix, against 144 and 64.
#pragma once

#include <cstdint>

#include "csrc/common/cpu_isa.h"
#include "csrc/kernels/cpu/feature_map.h"

namespace srdgan {

// Output channels are packed in panels of this many, the last one filled up with zeros.
constexpr int64_t kUpsampleConvPanel = 16;
// Products per 4x4 patch of outputs.
constexpr int64_t kUpsampleConvProducts = 25;

// One picture.
struct UpsampleConvProblem {
  FeatureMap input;     // rows of `width` pixels; pixels beside them count as zeros
  FeatureMap output;    // twice as many rows of twice as many pixels
  const float* packed;  // from upsample_conv_pack
  const float* bias;    // (out_channels), or null for none
  int64_t width;
  int64_t in_channels;  // at most those of the maps, which may be padded
  int64_t out_channels;
  float negative_slope;  // 0..1
};

// Number of panels that hold `out_channels`; the packed weights are (25, panels, in_channels, 16) floats.
int64_t upsample_conv_num_panels(int64_t out_channels);

// Sums the 3x3 taps of weight (out_channels, in_channels, 3, 3), dense, into the 25 matrices. Done once per layer.
void upsample_conv_pack(const float* weight, int64_t in_channels, int64_t out_channels, float* packed);

// The work is cut into patches of up to 4x4 outputs that can be computed in any order and on any thread: the result of
// a patch does not depend on that. There are this many in a column or row of `size` input pixels;
// patch i makes outputs 4i - 1 .. 4i + 2 from inputs 2i - 1 .. 2i + 1.
constexpr int64_t upsample_conv_num_patches(int64_t size) { return size / 2 + 1; }

// Floats of scratch memory for one call with up to `patches` columns of patches.
int64_t upsample_conv_scratch_floats(const UpsampleConvProblem& problem, CpuIsa isa, int64_t patches);

// Rows [row_begin, row_end) and columns [column_begin, column_end) of patches. Safe to call at once on disjoint ranges.
void upsample_conv(const UpsampleConvProblem& problem, CpuIsa isa, int64_t row_begin, int64_t row_end,
                   int64_t column_begin, int64_t column_end, float* scratch);

}  // namespace srdgan
