// conv3x3 by wgmma and TMA, for GPUs of compute capability 9.0 (H100). docs/design/cuda.md explains the kernel.
#pragma once

#include <cuda_runtime_api.h>

#include "csrc/kernels/cuda/conv3x3.h"

namespace srdgan::gpu {

bool is_wgmma_built();

// Whether a net computes with it: this build has the kernel, the GPU can run it, and sums are not in float16.
bool uses_wgmma(const Gpu& gpu, bool half_sums);

constexpr bool takes_wgmma(int64_t outputs) { return outputs >= 32; }

// As launch_conv3x3, with the same sums, for 32 or 64 outputs. weights: in the order of order_conv_for_wgmma.
// context.half_sums must be false.
cudaError_t launch_conv3x3_wgmma(const Context& context, const ConvSize& size, const FeatureInput& input,
                                 const ConvWeights& weights, const FeatureOutput& output);

}  // namespace srdgan::gpu
