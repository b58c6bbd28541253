// Asks the CUDA runtime what gpu.h tells. Host code.
#pragma once

#include <cuda_runtime_api.h>

#include "csrc/kernels/cuda/gpu.h"

namespace srdgan::gpu {

inline cudaError_t read_gpu(int index, Gpu* gpu) {
  int bytes = 0, major = 0, minor = 0;
  cudaError_t error = cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerMultiprocessor, index);
  if (error == cudaSuccess) error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index);
  if (error == cudaSuccess) error = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index);
  *gpu = {bytes, 10 * major + minor};
  return error;
}

}  // namespace srdgan::gpu
