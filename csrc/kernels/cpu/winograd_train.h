// What training adds to the three steps of winograd.h: weights that change at every step, and their gradient.
//
// With the matrices of winograd.h, sum = (G w G') * (B' inputs B), so the gradient of the weights is
//
//   dw = G' [ sum over tiles of (B' inputs B) * (A doutputs A') ] G.
//
// At each of the points that is one small matrix product again: channels of the inputs times channels of the outputs,
// summed over the tiles. The gradient of the inputs needs nothing new: it is the convolution of doutputs with the
// weights mirrored and their channels swapped.
#pragma once

#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

using TrainingTile = Float32Training;

// G w G' of the weights between some channels, into a part of packed weights (points, panels, depth, 16). The channels
// that pad are not written.
struct WinogradWeights {
  const float* weight;  // of output n, input k and tap i: weight[n * out_stride + k * in_stride + i]
  int64_t out_stride;
  int64_t in_stride;
  bool mirrored;  // takes tap 8 - i for i
  int64_t out_channels;
  int64_t in_channels;
  float* packed;  // at the input channel that comes first
  int64_t depth;
};

// A gradient A' of the gradients of a run of neighbouring tiles in one row of tiles.
struct WinogradGradient {
  const float* rows[TrainingTile::kTile];  // of pixels; each starts at the first tile's first column
  int64_t pixel_stride;
  int64_t tiles;
  int64_t channels;  // multiple of 16
  float* m;          // (points, tiles, channels)
  int64_t tile_stride;
  int64_t point_stride;
};

// sums[k][n] += sum over t of v[t][k] * m[t][n], at one point.
struct WinogradWeightProduct {
  const float* v;  // (tiles, depth)
  int64_t v_stride;
  const float* m;  // (tiles, channels)
  int64_t m_stride;
  int64_t tiles;
  int64_t depth;     // multiple of 16
  int64_t channels;  // multiple of 16
  float* sums;       // (depth, channels), dense
};

// G' sums G: from the points to the taps.
struct WinogradTaps {
  const float* sums;  // (points, count), dense
  int64_t count;      // multiple of 16
  float* taps;        // (9, count)
};

// One instruction set's implementation.
struct WinogradTrainIsa {
  WinogradIsa<TrainingTile> steps;
  void (*transform_weights)(const WinogradWeights& weights);
  void (*transform_gradient)(const WinogradGradient& gradient);
  void (*multiply_weights)(const WinogradWeightProduct& product);
  void (*transform_taps)(const WinogradTaps& taps);
};

const WinogradTrainIsa& winograd_train_isa(CpuIsa isa);

const WinogradTrainIsa& winograd_train_portable();
#if defined(__x86_64__)
const WinogradTrainIsa& winograd_train_avx2();
const WinogradTrainIsa& winograd_train_avx512();
#elif defined(__aarch64__)
const WinogradTrainIsa& winograd_train_neon();
#endif

}  // namespace srdgan
