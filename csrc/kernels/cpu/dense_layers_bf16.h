// dense_layers.h with products of bfloat16 (bf16_conv.h), for processors that multiply matrices of them: features and
// gradients are rounded to bfloat16 where a convolution reads them. Inputs, results, sums, shortcuts and the gradients
// of the weights stay floats.
//
// The slab of a picture is a window (bf16_conv.h) of all features. Pictures are computed by several threads at once,
// but the gradients of the weights picture by picture: threads share the input channels, and the layers where there are
// more threads. So every sum has one order, and needs memory only once.
#pragma once

#include <cstdint>

#include "csrc/kernels/cpu/bf16_conv.h"
#include "csrc/kernels/cpu/dense_layers.h"

namespace srdgan {

// Sizes of what a picture needs, in numbers.
int64_t dense_bf16_slab_numbers(const DenseShape& shape);
int64_t dense_bf16_planes_numbers(const DenseShape& shape);  // gradients of all layers, for dense_bf16_sum_gradients

// Parameters in the layout of the kernels, as dense_pack and dense_pack_reversed: job i of dense_bf16_pack_jobs(shape)
// writes a part.
int64_t dense_bf16_packed_numbers(const DenseShape& shape);
int64_t dense_bf16_pack_jobs(const DenseShape& shape);
void dense_bf16_pack(const DenseShape& shape, const float* weights, uint16_t* packed, int64_t job);
// `shape` is that of the forward pass; packed and jobs are those of shape.reversed().
void dense_bf16_pack_reversed(const DenseShape& shape, const float* weights, uint16_t* packed, int64_t job);

struct Bf16DenseForward {
  DenseShape shape;
  const uint16_t* packed;
  const float* bias;     // padded
  float negative_slope;  // of the layers before the last
  float out_slope;
  float residual_scale;
  const float* x;  // (height, width, in_channels)
  uint16_t* slab;  // for the backward pass
  float* out;      // (height, width, out_channels)
};

int64_t dense_bf16_scratch_floats(const DenseShape& shape);
void dense_bf16_forward(const Bf16DenseForward& pass, CpuIsa isa, float* scratch);

struct Bf16DenseBackward {
  DenseShape shape;
  const uint16_t* packed;  // reversed
  const float* no_bias;    // zeros, as many as the reversed shape has
  float negative_slope;
  float out_slope;
  float residual_scale;
  const float* grad;     // (height, width, out_channels)
  const uint16_t* slab;  // as the forward pass left it
  const float* out;      // result of the forward pass; only read if out_slope is not 1
  float* grad_x;         // (height, width, in_channels), or null
  uint16_t* planes;      // dense_bf16_planes_numbers(shape), or null
};

int64_t dense_bf16_backward_scratch_floats(const DenseShape& shape);
void dense_bf16_backward(const Bf16DenseBackward& pass, CpuIsa isa, float* scratch);

// The gradients of weights and biases, of all pictures together.
struct Bf16GradientSums {
  DenseShape shape;
  int64_t pictures;
  const uint16_t* slabs;
  const uint16_t* planes;
  float* weights;  // as the weights of the block
  float* bias;
};

// Job i of dense_bf16_sum_jobs(shape, threads) writes a part of both.
int64_t dense_bf16_sum_jobs(const DenseShape& shape, int64_t threads);
int64_t dense_bf16_sum_scratch_floats(const DenseShape& shape);
void dense_bf16_sum_gradients(const Bf16GradientSums& sums, CpuIsa isa, int64_t threads, int64_t job, float* scratch);

}  // namespace srdgan
