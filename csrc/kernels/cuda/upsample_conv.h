// The CUDA version of csrc/kernels/cpu/upsample_conv.h: nearest x2, 3x3 convolution, bias and LeakyReLU as four
// convolutions of 2x2 taps over the small picture, one for each parity of output row and column. Plain float32, no
// tensor cores.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace srdgan {

// 4 phases of 4 taps: the phase weights are (4, 4, in_channels, out_channels) floats.
constexpr int64_t kUpsampleConvPhaseMatrices = 16;

struct UpsampleConvCudaProblem {
  const float* input;          // (N, H, W, in_channels), dense
  const float* phase_weights;  // from launch_upsample_conv_phases
  const float* bias;           // (out_channels), or null for none
  float* output;               // (N, 2H, 2W, out_channels), dense
  int64_t batch;
  int64_t height;  // H
  int64_t width;   // W
  int64_t in_channels;
  int64_t out_channels;
  float negative_slope;  // 0..1
};

// weight (out_channels, in_channels, 3, 3), dense -> phase_weights. All pointers are on the device.
cudaError_t launch_upsample_conv_phases(const float* weight, int64_t in_channels, int64_t out_channels,
                                        float* phase_weights, cudaStream_t stream);

cudaError_t launch_upsample_conv(const UpsampleConvCudaProblem& problem, cudaStream_t stream);

}  // namespace srdgan
