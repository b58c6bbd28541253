// The 3x3 convolutions of the L2H net on tensor cores: 16-bit features. docs/design/cuda.md explains the kernel.
//
// All pointers are on the device. Outside of the picture, inputs are zero.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "csrc/kernels/cuda/gpu.h"

namespace srdgan::gpu {

enum class ElementType { kFloat16, kBFloat16 };

// Where kernels are launched.
struct Context {
  ElementType type;  // of features and weights
  // Sums in float16 between conv_first and conv_last, with kFloat16 alone: twice as fast on GeForce, a little less
  // exact.
  bool half_sums;
  Gpu gpu;
  cudaStream_t stream;
  Start start = Start::kInTurn;
};

constexpr int64_t kGroupChannels = 16;  // input channels that are multiplied at a time
constexpr int64_t kConvMaxOutputs = 64;
constexpr int64_t kConvMaxBatch = 65535;  // pictures: CUDA's limit of a grid's third dimension, as of its second

struct ConvSize {
  int64_t batch;
  int64_t height;  // of the input
  int64_t width;
};

// Distances in elements. Channels lie side by side: (n, y, x, c) is data[n * image + y * row + x * pixel + c].
struct Strides {
  int64_t image;
  int64_t row;
  int64_t pixel;

  static Strides dense(int64_t height, int64_t width, int64_t channels) {
    return {height * width * channels, width * channels, channels};
  }
};

// Features that a convolution reads: first_groups * 16 channels at `first`, then second_groups * 16 at `second`, both
// with these strides. So a dense block's convolutions read one slab, and nothing is concatenated. Pointers are
// multiples of 16 bytes, strides of 8 elements.
struct FeatureInput {
  const void* first;
  const void* second;
  int32_t first_groups;
  int32_t second_groups;  // may be 0
  Strides strides;
};

// Where the result goes: value = LeakyReLU(sum + bias); then, where they are not null, value = residual +
// residual_scale * value and value = outer + outer_scale * value. Aligned as inputs. The output may share memory with
// inputs and residuals only where channels differ.
struct FeatureOutput {
  void* data;
  const void* residual;
  const void* outer;
  float residual_scale;
  float outer_scale;
  Strides strides;  // of all three
};

enum class SampleType { kUint8, kUint16, kFloat32 };

// Samples of pictures: of the result's size or more, any strides (in samples), any alignment of samples.
struct PictureStrides {
  int64_t image;
  int64_t row;
  int64_t column;
  int64_t channel;
};

// A picture that conv_first reads: integers are divided by their largest value.
struct PictureInput {
  const void* data;
  SampleType type;
  int64_t height;  // of the picture in memory
  int64_t width;
  PictureStrides strides;
  // The convolution's pixel (0, 0) is the picture's (top, left), both in samples. Samples that the picture does not
  // have are mirrored at its edges, the first and last ones not repeated.
  int64_t top;
  int64_t left;
  // Factor of a pixel-unshuffle: each block of unshuffle^2 samples is one pixel of channels * unshuffle^2 channels.
  int32_t unshuffle;
  int32_t channels;
};

// A picture that conv_last writes. Integers are clamped and rounded, ties to even; floats are stored as they are.
struct PictureOutput {
  void* data;
  SampleType type;
  PictureStrides strides;
  // The part of the result that is stored; its first pixel goes to `data`.
  int64_t top;
  int64_t left;
  int64_t height;
  int64_t width;
  int32_t channels;  // 1..4
};

struct ConvWeights {
  const void* weight;    // of pack_conv_weight or, for upsample_conv3x3, pack_upsample_weight
  const float* bias;     // of pack_conv_bias
  int32_t outputs;       // padded channels: 16, 32 or 64
  float negative_slope;  // of LeakyReLU; 1 for none
};

// Each returns an error, and launches nothing, where its limits are not kept.
cudaError_t launch_conv3x3(const Context& context, const ConvSize& size, const FeatureInput& input,
                           const ConvWeights& weights, const FeatureOutput& output);

// Nearest x2 enlargement, then a 3x3 convolution: the output is twice as high and wide. At most kConvMaxBatch / 4
// pictures.
cudaError_t launch_upsample_conv3x3(const Context& context, const ConvSize& size, const FeatureInput& input,
                                    const ConvWeights& weights, const FeatureOutput& output);

cudaError_t launch_conv_first(const Context& context, const ConvSize& size, const PictureInput& input,
                              const ConvWeights& weights, const FeatureOutput& output);

cudaError_t launch_conv_last(const Context& context, const ConvSize& size, const FeatureInput& input,
                             const ConvWeights& weights, const PictureOutput& output);

// launch_conv3x3 with `hr`, then launch_conv_last with `last`: the same bits, but the features in between never leave
// the multiprocessors. They have at most kMostHrLastFeatures channels (padded); with more, what is computed twice costs
// more than it saves. steps: tiles of 32 rows that a block computes one below the other; 0 chooses. The result does not
// depend on it.
constexpr int64_t kMostHrLastFeatures = 32;
cudaError_t launch_conv_hr_last(const Context& context, const ConvSize& size, const FeatureInput& input,
                                const ConvWeights& hr, const ConvWeights& last, const PictureOutput& output,
                                int64_t steps = 0);

}  // namespace srdgan::gpu
