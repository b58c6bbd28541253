#pragma once

#include <memory>

#include "csrc/cuda/device.h"

namespace srdgan::gpu {

// A GPU by its number, through the CUDA runtime (csrc/cuda/runtime). The library of the tests has a device on the CPU
// in its place. Throws std::runtime_error where there is none.
std::unique_ptr<Device> open_device(int index);

}  // namespace srdgan::gpu
