#include "csrc/kernels/cuda/upsample_conv.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "csrc/ops/checks.h"
#include "csrc/ops/cuda/launch.h"

namespace srdgan {
namespace {

using torch::headeronly::MemoryFormat;

// x (N, C_in, H, W), weight (C_out, C_in, 3, 3) -> (N, C_out, 2H, 2W), channels_last
Tensor upsample_conv_cuda(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                          double negative_slope) {
  check_conv_weight(weight);
  check_conv_input(x, bias, weight.size(1), weight.size(0));
  check_slope(negative_slope);
  STD_TORCH_CHECK(weight.is_cuda() && weight.get_device_index() == x.get_device_index() &&
                      (!bias.has_value() || (bias->is_cuda() && bias->get_device_index() == x.get_device_index())),
                  "x, weight and bias must be on one device");
  const CurrentDevice device(x.get_device_index());

  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  const Tensor dense_weight = torch::stable::contiguous(weight);
  const std::optional<Tensor> dense_bias =
      bias.has_value() ? std::optional(torch::stable::contiguous(*bias)) : std::nullopt;
  const int64_t in_channels = weight.size(1);
  const int64_t out_channels = weight.size(0);
  const int64_t phase_shape[3] = {kUpsampleConvPhaseMatrices, in_channels, out_channels};
  Tensor phase_weights = torch::stable::empty({phase_shape, 3}, ScalarType::Float, std::nullopt, x.device());
  const int64_t shape[4] = {x.size(0), out_channels, 2 * x.size(2), 2 * x.size(3)};
  Tensor output = torch::stable::empty({shape, 4}, ScalarType::Float, std::nullopt, x.device(), std::nullopt,
                                       MemoryFormat::ChannelsLast);

  UpsampleConvCudaProblem problem{};
  problem.input = input.const_data_ptr<float>();
  problem.phase_weights = phase_weights.const_data_ptr<float>();
  problem.bias = dense_bias.has_value() ? dense_bias->const_data_ptr<float>() : nullptr;
  problem.output = output.mutable_data_ptr<float>();
  problem.batch = x.size(0);
  problem.height = x.size(2);
  problem.width = x.size(3);
  problem.in_channels = in_channels;
  problem.out_channels = out_channels;
  problem.negative_slope = static_cast<float>(negative_slope);

  const cudaStream_t stream = current_stream(x);
  check_launch(launch_upsample_conv_phases(dense_weight.const_data_ptr<float>(), in_channels, out_channels,
                                           phase_weights.mutable_data_ptr<float>(), stream),
               "upsample_conv");
  check_launch(launch_upsample_conv(problem, stream), "upsample_conv");
  return output;
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, SRDGAN_CUDA_KEY, m) {
  m.impl("upsample_conv", TORCH_BOX(&srdgan::upsample_conv_cuda));
}
