// Descriptions of arrays in global memory for TMA, the engine that copies boxes of them (hopper.cuh). Host code.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace srdgan::gpu {

// A CUtensorMap. Kernels get it as a parameter.
struct alignas(64) TensorMap {
  unsigned char bytes[128];
};

// An array of 16-bit elements with four axes, the innermost first, whose elements lie side by side.
struct TensorBox {
  const void* data;         // a multiple of 16
  int64_t sizes[4];         // of the array: up to 2^32
  int64_t stride_bytes[3];  // of the axes but the first: multiples of 16 below 2^40
  int32_t box[4];           // what is copied at a time: up to 256 of each axis
  int32_t swizzle_bytes;    // of the box in shared memory: 0, 32, 64 or 128; then box[0] takes at most so many bytes
};

// Returns an error where a limit is not kept, or where the driver has no TMA.
cudaError_t encode_tensor_map(const TensorBox& box, TensorMap* map);

}  // namespace srdgan::gpu
