// What every CUDA wrapper needs: torch's stream, the GPU, and launch errors as exceptions.
//
// With SRDGAN_SIMT, the kernels are executed on the CPU (docs/design/simt.md): tests/helpers/simt_library.py compiles
// the wrappers so, and registers them for tensors on the CPU.
#pragma once

#include <cuda_runtime_api.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/tensor.h>

#include <cstdlib>
#include <string>

#include "csrc/kernels/cuda/gpu.h"

#ifdef SRDGAN_SIMT
#define SRDGAN_CUDA_KEY CPU
#else
#include "csrc/kernels/cuda/read_gpu.h"
#define SRDGAN_CUDA_KEY CUDA
#endif

namespace srdgan {

#ifdef SRDGAN_SIMT

// Makes a device the current one, as long as it lives.
struct CurrentDevice {
  explicit CurrentDevice(int32_t) {}
};

inline cudaStream_t current_stream(const torch::stable::Tensor&) { return nullptr; }
// An A100, or an H100 where the variable SRDGAN_SIMT_H100 is set.
inline gpu::Gpu read_gpu(const torch::stable::Tensor&) {
  return std::getenv("SRDGAN_SIMT_H100") == nullptr ? gpu::Gpu{164 << 10, 80} : gpu::Gpu{228 << 10, 90};
}
inline std::string describe(cudaError_t error) { return "error " + std::to_string(error); }

#else

// A torch without CUDA lacks this function. Weak, it does not keep the library from being loaded there; nothing calls
// it, as there are no tensors on a GPU.
#pragma weak aoti_torch_get_current_cuda_stream

using CurrentDevice = torch::stable::accelerator::DeviceGuard;

// The stream that torch queues its own work on, on the device of `t`.
inline cudaStream_t current_stream(const torch::stable::Tensor& t) {
  void* stream = nullptr;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(t.get_device_index(), &stream));
  return static_cast<cudaStream_t>(stream);
}

inline std::string describe(cudaError_t error) { return cudaGetErrorString(error); }

inline gpu::Gpu read_gpu(const torch::stable::Tensor& t) {
  gpu::Gpu gpu{};
  const cudaError_t error = gpu::read_gpu(t.get_device_index(), &gpu);
  STD_TORCH_CHECK(error == cudaSuccess, describe(error));
  return gpu;
}

#endif

inline void check_launch(cudaError_t error, const char* op) {
  STD_TORCH_CHECK(error == cudaSuccess, op, ": ", describe(error));
}

}  // namespace srdgan
