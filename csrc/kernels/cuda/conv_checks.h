// The limits of the convolutions' arguments (conv3x3.h). Host code.
#pragma once

#include <cstdint>

#include "csrc/kernels/cuda/conv3x3.h"

namespace srdgan::gpu {

inline bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

inline bool is_aligned(const Strides& strides) {
  return strides.image % 8 == 0 && strides.row % 8 == 0 && strides.pixel % 8 == 0;
}

inline bool is_valid(const FeatureInput& input) {
  return input.first_groups > 0 && input.second_groups >= 0 && is_aligned(input.first) && is_aligned(input.second) &&
         is_aligned(input.strides);
}

inline bool is_valid(const FeatureOutput& output) {
  return is_aligned(output.data) && is_aligned(output.residual) && is_aligned(output.outer) &&
         is_aligned(output.strides);
}

inline bool is_valid(const PictureInput& input) {
  return input.height > 0 && input.width > 0 && input.channels > 0 && input.unshuffle > 0;
}

inline bool is_valid(const PictureOutput& output) { return output.channels >= 1 && output.channels <= 4; }

inline bool is_valid(const ConvWeights& weights) { return is_aligned(weights.weight) && is_aligned(weights.bias); }

// CUDA's limits of blocks.
inline bool is_grid(int64_t columns, int64_t rows, int64_t images) {
  return columns <= INT32_MAX && rows <= kConvMaxBatch && images <= kConvMaxBatch;
}

}  // namespace srdgan::gpu
