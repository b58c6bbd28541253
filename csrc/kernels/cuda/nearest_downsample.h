// The CUDA version of csrc/kernels/cpu/nearest_downsample.h.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "csrc/common/philox_noise.h"

namespace srdgan {

// x (N, C, H, W) of the given strides, in elements -> output (N, C, out_height, out_width), dense:
// output[..., i, j] = x[..., factor * i + phase, factor * j + phase]; bytes are divided by 255. All pointers are on the
// device. Noise as in the CPU's version, the same bits.
struct NearestDownsampleCudaProblem {
  int64_t batch;
  int64_t channels;
  int64_t stride[4];
  int64_t out_height;
  int64_t out_width;
  int64_t factor;
  int64_t phase;
  SensorNoise noise;
};

cudaError_t launch_nearest_downsample(const float* x, const NearestDownsampleCudaProblem& problem, float* output,
                                      cudaStream_t stream);
cudaError_t launch_nearest_downsample(const uint8_t* x, const NearestDownsampleCudaProblem& problem, float* output,
                                      cudaStream_t stream);

}  // namespace srdgan
