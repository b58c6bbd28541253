// 3x3 convolutions in training, forward and backward: a residual dense block, or one convolution alone, which is a
// dense block without growth.
//
// Layer i reads the input and what all layers before it made, its *segments*, which stand side by side in the pixels of
// one map, the *slab*: nothing is concatenated, and every segment is transformed once for all layers that read it. The
// last layer makes the output:
//
//   out = x + residual_scale * y, or out = leaky(y, out_slope) where residual_scale is 0.
//
// Backward, the gradients of the layers are computed from the last to the first, each from all after it. That is a
// dense block again, whose weights are mirrored and whose activation is the slope at the features.
//
// One call computes one picture. Pictures are computed by several threads at once, and their gradients of the weights
// are added afterwards, in the order of the batch: results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "csrc/common/cpu_isa.h"
#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

// Sizes of a dense block. Channels are padded to multiples of 16 in every segment.
struct DenseShape {
  int64_t height;
  int64_t width;
  int64_t in_channels;
  int64_t growths;  // layers before the last
  int64_t growth_channels;
  int64_t out_channels;

  static constexpr int64_t kTile = Float32Training::kTile;

  int64_t num_layers() const { return growths + 1; }
  int64_t segment_channels(int64_t segment) const { return segment == 0 ? in_channels : growth_channels; }
  int64_t segment_begin(int64_t segment) const {
    return segment == 0 ? 0 : winograd_pad(in_channels) + (segment - 1) * winograd_pad(growth_channels);
  }
  int64_t slab_channels() const { return segment_begin(num_layers()); }
  int64_t layer_inputs(int64_t layer) const { return in_channels + layer * growth_channels; }
  int64_t layer_depth(int64_t layer) const { return segment_begin(layer + 1); }
  int64_t layer_outputs(int64_t layer) const { return layer < growths ? growth_channels : out_channels; }

  // Where a layer's parameters begin; with layer = num_layers(), how many there are. Weights are (layers, outputs,
  // inputs, 3, 3).
  int64_t weights_begin(int64_t layer) const;
  int64_t bias_begin(int64_t layer) const {
    return layer * growth_channels + (layer > growths ? out_channels - growth_channels : 0);
  }
  // The same for pairs of padded channels, as in packed weights and their gradients, and for padded biases.
  int64_t pairs_begin(int64_t layer) const;
  int64_t padded_bias_begin(int64_t layer) const {
    return layer * winograd_pad(growth_channels) +
           (layer > growths ? winograd_pad(out_channels) - winograd_pad(growth_channels) : 0);
  }

  int64_t tile_rows() const { return (height + kTile - 1) / kTile; }
  int64_t tile_columns() const { return (width + kTile - 1) / kTile; }
  // Maps are whole tiles with a border of one pixel.
  int64_t map_rows() const { return kTile * tile_rows() + 2; }
  int64_t map_columns() const { return kTile * tile_columns() + 2; }
  int64_t map_floats(int64_t channels) const { return map_rows() * map_columns() * channels; }
  int64_t slab_floats() const { return map_floats(slab_channels()); }

  // The shape of the backward pass.
  DenseShape reversed() const { return {height, width, out_channels, growths, growth_channels, in_channels}; }
};

// Parameters in the layout of the kernels. Made once for all pictures of a batch.
struct DensePacked {
  const float* weights;  // dense_packed_floats(shape)
  const float* bias;     // shape.padded_bias_begin(num_layers)
};

int64_t dense_packed_floats(const DenseShape& shape);
// Writes all of `packed`.
void dense_pack(const DenseShape& shape, CpuIsa isa, const float* weights, float* packed);
// For the backward pass: `shape` is that of the forward pass.
void dense_pack_reversed(const DenseShape& shape, CpuIsa isa, const float* weights, float* packed);
void dense_pack_bias(const DenseShape& shape, const float* bias, float* padded);

struct DenseForward {
  DenseShape shape;
  DensePacked packed;
  float negative_slope;  // of the layers before the last
  float out_slope;
  float residual_scale;
  const float* x;  // (height, width, in_channels)
  float* slab;     // slab_floats(), for the backward pass
  float* out;      // (height, width, out_channels)
};

int64_t dense_forward_scratch_floats(const DenseShape& shape);
void dense_forward(const DenseForward& pass, CpuIsa isa, float* scratch);

struct DenseBackward {
  DenseShape shape;
  DensePacked packed;  // reversed; biases of 0
  float negative_slope;
  float out_slope;
  float residual_scale;
  const float* grad;  // (height, width, out_channels)
  const float* slab;  // as the forward pass left it
  const float* out;   // result of the forward pass; only read if out_slope is not 1
  float* grad_x;      // (height, width, in_channels), or null
  float* taps;        // (layers, 9, depth, padded outputs): dense_taps_floats(shape), or null
  float* grad_bias;   // shape.padded_bias_begin(num_layers); written if taps is not null
};

int64_t dense_taps_floats(const DenseShape& shape);
int64_t dense_backward_scratch_floats(const DenseShape& shape);
void dense_backward(const DenseBackward& pass, CpuIsa isa, float* scratch);

// Adds up the gradients of `pictures` pictures, each `taps_stride` and `bias_stride` floats behind the one before, and
// leaves out the channels that pad. For disjoint ranges of layers at once.
struct DenseGradients {
  DenseShape shape;
  int64_t pictures;
  const float* taps;
  const float* padded_bias;
  float* weights;  // as the weights of the block
  float* bias;
};
void dense_sum_gradients(const DenseGradients& gradients, int64_t layer_begin, int64_t layer_end);

}  // namespace srdgan
