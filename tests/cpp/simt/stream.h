#pragma once

#include <cuda_runtime_api.h>

#include <functional>

// What CUDA calls a stream: keeps kernels until it is their turn.
struct CUstream_st {
  virtual ~CUstream_st() = default;
  virtual void queue_kernel(std::function<cudaError_t()> kernel) = 0;
};
