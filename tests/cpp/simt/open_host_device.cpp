// For a library in which engine_c.h runs on the CPU (tests/helpers/simt_library.py). Its callers' memory is the host's.
#include "csrc/cuda/open_device.h"
#include "tests/cpp/simt/host_device.h"

namespace srdgan::gpu {

std::unique_ptr<Device> open_device(int index) {
  if (index != 0) throw std::runtime_error("the GPU must be 0..0, got " + std::to_string(index));
  auto device = std::make_unique<simt::HostDevice>();
  device->takes_any_memory = true;
  return device;
}

}  // namespace srdgan::gpu
