#include "csrc/kernels/cuda/nearest_downsample.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>

#include "csrc/ops/checks.h"
#include "csrc/ops/cuda/launch.h"

namespace srdgan {
namespace {

// x (N, C, H, W) of any strides -> (N, C, ceil((H - phase) / factor), ceil((W - phase) / factor)) float32, contiguous
Tensor nearest_downsample_cuda(const Tensor& x, int64_t factor, int64_t phase, double shot_noise, double read_noise,
                               int64_t seed) {
  check_downsample(x, factor, phase);
  const CurrentDevice device(x.get_device_index());
  NearestDownsampleCudaProblem problem{};
  problem.batch = x.size(0);
  problem.channels = x.size(1);
  for (int i = 0; i < 4; ++i) problem.stride[i] = x.stride(i);
  problem.out_height = downsampled_size(x.size(2), factor, phase);
  problem.out_width = downsampled_size(x.size(3), factor, phase);
  problem.factor = std::min(factor, std::max(x.size(2), x.size(3)));  // no other samples, and no overflow
  problem.phase = phase;
  problem.noise = make_noise(shot_noise, read_noise, seed);

  const int64_t shape[4] = {problem.batch, problem.channels, problem.out_height, problem.out_width};
  Tensor output = torch::stable::empty({shape, 4}, ScalarType::Float, std::nullopt, x.device());
  float* target = output.mutable_data_ptr<float>();
  const cudaError_t error =
      x.scalar_type() == ScalarType::Byte
          ? launch_nearest_downsample(x.const_data_ptr<uint8_t>(), problem, target, current_stream(x))
          : launch_nearest_downsample(x.const_data_ptr<float>(), problem, target, current_stream(x));
  check_launch(error, "nearest_downsample");
  return output;
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, SRDGAN_CUDA_KEY, m) {
  m.impl("nearest_downsample", TORCH_BOX(&srdgan::nearest_downsample_cuda));
}
