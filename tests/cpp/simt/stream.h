#pragma once

#include "tests/cpp/simt/kernel.h"

// What CUDA calls a stream: keeps kernels until it is their turn.
struct CUstream_st {
  virtual ~CUstream_st() = default;
  virtual void queue_kernel(simt::Launch launch) = 0;
};
