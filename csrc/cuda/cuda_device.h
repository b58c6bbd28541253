// The GPUs of this machine, through the CUDA runtime.
#pragma once

#include <memory>

#include "csrc/cuda/device.h"

namespace srdgan::gpu {

// Throws std::runtime_error where there is no such GPU.
std::unique_ptr<Device> open_cuda_device(int index);

}  // namespace srdgan::gpu
