#include "csrc/kernels/cpu/dense_layers.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <tuple>

#include "csrc/common/cpu_isa.h"
#include "csrc/ops/checks.h"
#include "csrc/ops/cpu/workspace.h"

namespace srdgan {
namespace {

using torch::headeronly::MemoryFormat;

constexpr int64_t kMaxChannels = 4096;
constexpr int64_t kMaxGrowths = 16;

// Checks all about sizes: torch.ops takes any from anyone.
void check_shape(const DenseShape& shape, const Tensor& weights, double residual_scale) {
  check_size(shape.height, shape.width);
  STD_TORCH_CHECK(shape.growths >= 0 && shape.growths <= kMaxGrowths, "growths must be 0..", kMaxGrowths, ", got ",
                  shape.growths);
  for (const int64_t channels : {shape.in_channels, shape.growth_channels, shape.out_channels}) {
    STD_TORCH_CHECK(channels >= 1 && channels <= kMaxChannels, "channels must be 1..", kMaxChannels, ", got ",
                    channels);
  }
  STD_TORCH_CHECK((shape.growths == 0 && residual_scale == 0) || shape.in_channels == shape.out_channels,
                  "a dense block must have as many output channels as inputs, got ", shape.out_channels, " and ",
                  shape.in_channels);
  check_floats(weights, 1, "weights");
  STD_TORCH_CHECK(weights.numel() == shape.weights_begin(shape.num_layers()), "weights must have ",
                  shape.weights_begin(shape.num_layers()), " values, got ", weights.numel());
}

Tensor empty_maps(int64_t pictures, const DenseShape& shape, const Tensor& like) {
  const int64_t size[4] = {pictures, shape.map_rows(), shape.map_columns(), shape.slab_channels()};
  return torch::stable::empty({size, 4}, ScalarType::Float, std::nullopt, like.device());
}

Tensor empty_pictures(int64_t pictures, int64_t channels, const DenseShape& shape, const Tensor& like) {
  const int64_t size[4] = {pictures, channels, shape.height, shape.width};
  return torch::stable::empty({size, 4}, ScalarType::Float, std::nullopt, like.device(), std::nullopt,
                              MemoryFormat::ChannelsLast);
}

// x (N, C_in, H, W) -> result (N, C_out, H, W), channels_last, and the slab that the backward pass needs.
std::tuple<Tensor, Tensor> dense_layers_cpu(const Tensor& x, const Tensor& weights, const Tensor& bias, int64_t growths,
                                            int64_t growth_channels, int64_t out_channels, double negative_slope,
                                            double out_slope, double residual_scale) {
  check_floats(x, 4, "x");
  const DenseShape shape{x.size(2), x.size(3), x.size(1), growths, growth_channels, out_channels};
  check_shape(shape, weights, residual_scale);
  check_slope(negative_slope);
  check_slope(out_slope);
  check_floats(bias, 1, "bias");
  STD_TORCH_CHECK(bias.numel() == shape.bias_begin(shape.num_layers()), "bias must have ",
                  shape.bias_begin(shape.num_layers()), " values, got ", bias.numel());
  const int64_t pictures = x.size(0);
  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  const Tensor dense_weights = torch::stable::contiguous(weights), dense_bias = torch::stable::contiguous(bias);
  Tensor result = empty_pictures(pictures, out_channels, shape, x);
  Tensor slab = empty_maps(pictures, shape, x);

  const CpuIsa isa = process_isa();
  const Workspace packed(dense_packed_floats(shape));
  const Workspace padded_bias(shape.padded_bias_begin(shape.num_layers()));
  dense_pack(shape, isa, dense_weights.const_data_ptr<float>(), packed.data());
  dense_pack_bias(shape, dense_bias.const_data_ptr<float>(), padded_bias.data());
  const float* from = input.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();
  float* slabs = slab.mutable_data_ptr<float>();
  const int64_t pixels = shape.height * shape.width;
  torch::stable::parallel_for(0, pictures, 1, [&](int64_t begin, int64_t end) {
    const Workspace scratch(dense_forward_scratch_floats(shape));
    for (int64_t i = begin; i < end; ++i) {
      const DenseForward pass{shape,
                              {packed.data(), padded_bias.data()},
                              static_cast<float>(negative_slope),
                              static_cast<float>(out_slope),
                              static_cast<float>(residual_scale),
                              from + i * pixels * shape.in_channels,
                              slabs + i * shape.slab_floats(),
                              to + i * pixels * shape.out_channels};
      dense_forward(pass, isa, scratch.data());
    }
  });
  return {result, slab};
}

// The gradients of x, weights and bias; those that are not wanted are empty.
std::tuple<Tensor, Tensor, Tensor> dense_layers_backward_cpu(const Tensor& grad, const Tensor& result,
                                                             const Tensor& slab, const Tensor& weights,
                                                             int64_t in_channels, int64_t growths,
                                                             int64_t growth_channels, double negative_slope,
                                                             double out_slope, double residual_scale, bool wants_x,
                                                             bool wants_weights) {
  check_floats(grad, 4, "grad");
  check_floats(result, 4, "result");
  check_floats(slab, 4, "slab");
  const DenseShape shape{grad.size(2), grad.size(3), in_channels, growths, growth_channels, grad.size(1)};
  check_shape(shape, weights, residual_scale);
  check_slope(negative_slope);
  check_slope(out_slope);
  for (int64_t i = 0; i < 4; ++i) STD_TORCH_CHECK(result.size(i) == grad.size(i), "result must have the shape of grad");
  const int64_t pictures = grad.size(0);
  STD_TORCH_CHECK(slab.is_contiguous() && slab.size(0) == pictures && slab.size(1) == shape.map_rows() &&
                      slab.size(2) == shape.map_columns() && slab.size(3) == shape.slab_channels(),
                  "slab does not come from dense_layers with these sizes");
  const Tensor dense_grad = torch::stable::contiguous(grad, MemoryFormat::ChannelsLast);
  const Tensor dense_result = torch::stable::contiguous(result, MemoryFormat::ChannelsLast);
  const Tensor dense_weights = torch::stable::contiguous(weights);
  Tensor grad_x = empty_pictures(wants_x ? pictures : 0, in_channels, shape, grad);
  const int64_t num_weights[1] = {wants_weights ? weights.numel() : 0};
  const int64_t num_biases[1] = {wants_weights ? shape.bias_begin(shape.num_layers()) : 0};
  Tensor grad_weights = torch::stable::empty({num_weights, 1}, ScalarType::Float, std::nullopt, grad.device());
  Tensor grad_bias = torch::stable::empty({num_biases, 1}, ScalarType::Float, std::nullopt, grad.device());

  const CpuIsa isa = process_isa();
  const DenseShape reversed = shape.reversed();
  const int64_t taps_floats = wants_weights ? dense_taps_floats(shape) : 0;
  const int64_t bias_floats = wants_weights ? shape.padded_bias_begin(shape.num_layers()) : 0;
  const Workspace packed(dense_packed_floats(reversed));
  const Workspace no_bias(reversed.padded_bias_begin(reversed.num_layers()));
  const Workspace taps(pictures * taps_floats);
  const Workspace biases(pictures * bias_floats);
  dense_pack_reversed(shape, isa, dense_weights.const_data_ptr<float>(), packed.data());
  std::fill_n(no_bias.data(), reversed.padded_bias_begin(reversed.num_layers()), 0.0f);
  const float* grads = dense_grad.const_data_ptr<float>();
  const float* results = dense_result.const_data_ptr<float>();
  const float* slabs = slab.const_data_ptr<float>();
  float* to = wants_x ? grad_x.mutable_data_ptr<float>() : nullptr;
  const int64_t pixels = shape.height * shape.width;
  torch::stable::parallel_for(0, pictures, 1, [&](int64_t begin, int64_t end) {
    const Workspace scratch(dense_backward_scratch_floats(shape));
    for (int64_t i = begin; i < end; ++i) {
      const DenseBackward pass{shape,
                               {packed.data(), no_bias.data()},
                               static_cast<float>(negative_slope),
                               static_cast<float>(out_slope),
                               static_cast<float>(residual_scale),
                               grads + i * pixels * shape.out_channels,
                               slabs + i * shape.slab_floats(),
                               results + i * pixels * shape.out_channels,
                               to == nullptr ? nullptr : to + i * pixels * in_channels,
                               wants_weights ? taps.data() + i * taps_floats : nullptr,
                               biases.data() + i * bias_floats};
      dense_backward(pass, isa, scratch.data());
    }
  });
  if (!wants_weights) return {grad_x, grad_weights, grad_bias};
  const DenseGradients sums{shape,
                            pictures,
                            taps.data(),
                            biases.data(),
                            grad_weights.mutable_data_ptr<float>(),
                            grad_bias.mutable_data_ptr<float>()};
  torch::stable::parallel_for(0, shape.num_layers(), 1,
                              [&](int64_t begin, int64_t end) { dense_sum_gradients(sums, begin, end); });
  return {grad_x, grad_weights, grad_bias};
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) {
  m.impl("dense_layers", TORCH_BOX(&srdgan::dense_layers_cpu));
  m.impl("dense_layers_backward", TORCH_BOX(&srdgan::dense_layers_backward_cpu));
}
