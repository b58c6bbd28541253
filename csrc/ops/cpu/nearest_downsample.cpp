#include "csrc/kernels/cpu/nearest_downsample.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>

#include "csrc/ops/checks.h"

namespace srdgan {
namespace {

constexpr int64_t kSamplesPerThread = 16 * 1024;  // less is not worth waking a thread for

// x (N, C, H, W) of any strides -> (N, C, ceil((H - phase) / factor), ceil((W - phase) / factor)) float32, contiguous
Tensor nearest_downsample_cpu(const Tensor& x, int64_t factor, int64_t phase, double shot_noise, double read_noise,
                              int64_t seed) {
  check_downsample(x, factor, phase);
  NearestDownsampleProblem problem{};
  problem.channels = x.size(1);
  for (int i = 0; i < 4; ++i) problem.stride[i] = x.stride(i);
  problem.out_height = downsampled_size(x.size(2), factor, phase);
  problem.out_width = downsampled_size(x.size(3), factor, phase);
  problem.factor = std::min(factor, std::max(x.size(2), x.size(3)));  // no other samples, and no overflow
  problem.phase = phase;
  problem.noise = make_noise(shot_noise, read_noise, seed);

  const int64_t shape[4] = {x.size(0), x.size(1), problem.out_height, problem.out_width};
  Tensor output = torch::stable::empty({shape, 4}, ScalarType::Float, std::nullopt, x.device());
  const int64_t rows = shape[0] * shape[1] * shape[2];
  float* target = output.mutable_data_ptr<float>();
  const auto run = [&](const auto* source) {
    torch::stable::parallel_for(
        0, rows, std::max<int64_t>(1, kSamplesPerThread / problem.out_width),
        [&](int64_t begin, int64_t end) { nearest_downsample(source, problem, target, begin, end); });
  };
  if (x.scalar_type() == ScalarType::Byte) {
    run(x.const_data_ptr<uint8_t>());
  } else {
    run(x.const_data_ptr<float>());
  }
  return output;
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) {
  m.impl("nearest_downsample", TORCH_BOX(&srdgan::nearest_downsample_cpu));
}
