#include "csrc/kernels/cpu/dense_layers.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <atomic>
#include <tuple>

#include "csrc/common/cpu_isa.h"
#include "csrc/kernels/cpu/dense_layers_bf16.h"
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

// What the forward pass leaves for the backward pass: maps of floats, or a run of bfloat16 for each picture.
Tensor empty_slab(int64_t pictures, const DenseShape& shape, bool bf16, const Tensor& like) {
  if (bf16) {
    const int64_t size[2] = {pictures, dense_bf16_slab_numbers(shape)};
    return torch::stable::empty({size, 2}, ScalarType::BFloat16, std::nullopt, like.device());
  }
  const int64_t size[4] = {pictures, shape.map_rows(), shape.map_columns(), shape.slab_channels()};
  return torch::stable::empty({size, 4}, ScalarType::Float, std::nullopt, like.device());
}

void check_slab(const Tensor& slab, int64_t pictures, const DenseShape& shape, bool bf16) {
  const int64_t dim = bf16 ? 2 : 4;
  STD_TORCH_CHECK(slab.scalar_type() == (bf16 ? ScalarType::BFloat16 : ScalarType::Float),
                  "slab must be of the type that the forward pass gave");
  check_tensor(slab, dim, "slab");
  const bool fits = bf16 ? slab.size(1) == dense_bf16_slab_numbers(shape)
                         : slab.size(1) == shape.map_rows() && slab.size(2) == shape.map_columns() &&
                               slab.size(3) == shape.slab_channels();
  STD_TORCH_CHECK(slab.is_contiguous() && slab.size(0) == pictures && fits,
                  "slab does not come from dense_layers with these sizes");
}

Tensor empty_pictures(int64_t pictures, int64_t channels, const DenseShape& shape, const Tensor& like) {
  const int64_t size[4] = {pictures, channels, shape.height, shape.width};
  return torch::stable::empty({size, 4}, ScalarType::Float, std::nullopt, like.device(), std::nullopt,
                              MemoryFormat::ChannelsLast);
}

// Numbers of 16 bits in the memory of floats.
class Numbers {
 public:
  explicit Numbers(int64_t count) : memory_((count + 1) / 2) {}
  uint16_t* data() const { return reinterpret_cast<uint16_t*>(memory_.data()); }

 private:
  Workspace memory_;
};

// Each of the jobs once, by the threads that have time.
template <typename Job>
void share_jobs(int64_t jobs, int64_t scratch_floats, const Job& job) {
  std::atomic<int64_t> next{0};
  torch::stable::parallel_for(0, torch::stable::get_num_threads(), 1, [&](int64_t, int64_t) {
    const Workspace scratch(scratch_floats);
    for (int64_t i = next++; i < jobs; i = next++) job(i, scratch.data());
  });
}

// A call of the op, its arguments checked.
struct ForwardCall {
  DenseShape shape;
  int64_t pictures;
  float negative_slope, out_slope, residual_scale;
  const float* weights;
  const float* bias;  // padded
  const float* x;
  float* result;

  int64_t in_numbers() const { return shape.height * shape.width * shape.in_channels; }
  int64_t out_numbers() const { return shape.height * shape.width * shape.out_channels; }
};

void run_floats(const ForwardCall& call, CpuIsa isa, float* slabs) {
  const DenseShape& shape = call.shape;
  const Workspace packed(dense_packed_floats(shape));
  dense_pack(shape, isa, call.weights, packed.data());
  torch::stable::parallel_for(0, call.pictures, 1, [&](int64_t begin, int64_t end) {
    const Workspace scratch(dense_forward_scratch_floats(shape));
    for (int64_t i = begin; i < end; ++i) {
      const DenseForward pass{shape,
                              {packed.data(), call.bias},
                              call.negative_slope,
                              call.out_slope,
                              call.residual_scale,
                              call.x + i * call.in_numbers(),
                              slabs + i * shape.slab_floats(),
                              call.result + i * call.out_numbers()};
      dense_forward(pass, isa, scratch.data());
    }
  });
}

void run_bf16(const ForwardCall& call, CpuIsa isa, uint16_t* slabs) {
  const DenseShape& shape = call.shape;
  const Numbers packed(dense_bf16_packed_numbers(shape));
  torch::stable::parallel_for(0, dense_bf16_pack_jobs(shape), 1, [&](int64_t begin, int64_t end) {
    for (int64_t job = begin; job < end; ++job) dense_bf16_pack(shape, call.weights, packed.data(), job);
  });
  share_jobs(call.pictures, dense_bf16_scratch_floats(shape), [&](int64_t i, float* scratch) {
    const Bf16DenseForward pass{shape,
                                packed.data(),
                                call.bias,
                                call.negative_slope,
                                call.out_slope,
                                call.residual_scale,
                                call.x + i * call.in_numbers(),
                                slabs + i * dense_bf16_slab_numbers(shape),
                                call.result + i * call.out_numbers()};
    dense_bf16_forward(pass, isa, scratch);
  });
}

// x (N, C_in, H, W) -> result (N, C_out, H, W), channels_last, and the slab that the backward pass needs.
std::tuple<Tensor, Tensor> dense_layers_cpu(const Tensor& x, const Tensor& weights, const Tensor& bias, int64_t growths,
                                            int64_t growth_channels, int64_t out_channels, double negative_slope,
                                            double out_slope, double residual_scale, bool bf16) {
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
  Tensor slab = empty_slab(pictures, shape, bf16, x);
  const Workspace padded_bias(shape.padded_bias_begin(shape.num_layers()));
  dense_pack_bias(shape, dense_bias.const_data_ptr<float>(), padded_bias.data());
  const ForwardCall call{shape,
                         pictures,
                         static_cast<float>(negative_slope),
                         static_cast<float>(out_slope),
                         static_cast<float>(residual_scale),
                         dense_weights.const_data_ptr<float>(),
                         padded_bias.data(),
                         input.const_data_ptr<float>(),
                         result.mutable_data_ptr<float>()};
  if (bf16) {
    run_bf16(call, process_isa(), static_cast<uint16_t*>(slab.mutable_data_ptr()));
  } else {
    run_floats(call, process_isa(), slab.mutable_data_ptr<float>());
  }
  return {result, slab};
}

struct BackwardCall {
  DenseShape shape;
  int64_t pictures;
  float negative_slope, out_slope, residual_scale;
  const float* weights;
  const float* grad;
  const float* result;
  float* grad_x;  // or null
  float* grad_weights;
  float* grad_bias;
  bool wants_weights;

  int64_t in_numbers() const { return shape.height * shape.width * shape.in_channels; }
  int64_t out_numbers() const { return shape.height * shape.width * shape.out_channels; }
  float* grad_x_of(int64_t picture) const { return grad_x == nullptr ? nullptr : grad_x + picture * in_numbers(); }
};

void run_floats_back(const BackwardCall& call, CpuIsa isa, const float* slabs) {
  const DenseShape &shape = call.shape, reversed = shape.reversed();
  const int64_t taps_floats = call.wants_weights ? dense_taps_floats(shape) : 0;
  const int64_t bias_floats = call.wants_weights ? shape.padded_bias_begin(shape.num_layers()) : 0;
  const Workspace packed(dense_packed_floats(reversed));
  const Workspace no_bias(reversed.padded_bias_begin(reversed.num_layers()));
  const Workspace taps(call.pictures * taps_floats);
  const Workspace biases(call.pictures * bias_floats);
  dense_pack_reversed(shape, isa, call.weights, packed.data());
  std::fill_n(no_bias.data(), reversed.padded_bias_begin(reversed.num_layers()), 0.0f);
  torch::stable::parallel_for(0, call.pictures, 1, [&](int64_t begin, int64_t end) {
    const Workspace scratch(dense_backward_scratch_floats(shape));
    for (int64_t i = begin; i < end; ++i) {
      const DenseBackward pass{shape,
                               {packed.data(), no_bias.data()},
                               call.negative_slope,
                               call.out_slope,
                               call.residual_scale,
                               call.grad + i * call.out_numbers(),
                               slabs + i * shape.slab_floats(),
                               call.result + i * call.out_numbers(),
                               call.grad_x_of(i),
                               call.wants_weights ? taps.data() + i * taps_floats : nullptr,
                               biases.data() + i * bias_floats};
      dense_backward(pass, isa, scratch.data());
    }
  });
  if (!call.wants_weights) return;
  const DenseGradients sums{shape, call.pictures, taps.data(), biases.data(), call.grad_weights, call.grad_bias};
  torch::stable::parallel_for(0, shape.num_layers(), 1,
                              [&](int64_t begin, int64_t end) { dense_sum_gradients(sums, begin, end); });
}

void run_bf16_back(const BackwardCall& call, CpuIsa isa, const uint16_t* slabs) {
  const DenseShape &shape = call.shape, reversed = shape.reversed();
  const int64_t planes_numbers = call.wants_weights ? dense_bf16_planes_numbers(shape) : 0;
  const int64_t biases = reversed.padded_bias_begin(reversed.num_layers());
  const Numbers packed(dense_bf16_packed_numbers(reversed)), planes(call.pictures * planes_numbers);
  const Workspace no_bias(biases);
  std::fill_n(no_bias.data(), biases, 0.0f);
  torch::stable::parallel_for(0, dense_bf16_pack_jobs(reversed), 1, [&](int64_t begin, int64_t end) {
    for (int64_t job = begin; job < end; ++job) dense_bf16_pack_reversed(shape, call.weights, packed.data(), job);
  });
  share_jobs(call.pictures, dense_bf16_backward_scratch_floats(shape), [&](int64_t i, float* scratch) {
    const Bf16DenseBackward pass{shape,
                                 packed.data(),
                                 no_bias.data(),
                                 call.negative_slope,
                                 call.out_slope,
                                 call.residual_scale,
                                 call.grad + i * call.out_numbers(),
                                 slabs + i * dense_bf16_slab_numbers(shape),
                                 call.result + i * call.out_numbers(),
                                 call.grad_x_of(i),
                                 call.wants_weights ? planes.data() + i * planes_numbers : nullptr};
    dense_bf16_backward(pass, isa, scratch);
  });
  if (!call.wants_weights) return;
  const Bf16GradientSums sums{shape, call.pictures, slabs, planes.data(), call.grad_weights, call.grad_bias};
  const int64_t threads = torch::stable::get_num_threads();
  share_jobs(dense_bf16_sum_jobs(shape, threads), dense_bf16_sum_scratch_floats(shape),
             [&](int64_t job, float* scratch) { dense_bf16_sum_gradients(sums, isa, threads, job, scratch); });
}

// The gradients of x, weights and bias; those that are not wanted are empty.
std::tuple<Tensor, Tensor, Tensor> dense_layers_backward_cpu(const Tensor& grad, const Tensor& result,
                                                             const Tensor& slab, const Tensor& weights,
                                                             int64_t in_channels, int64_t growths,
                                                             int64_t growth_channels, double negative_slope,
                                                             double out_slope, double residual_scale, bool wants_x,
                                                             bool wants_weights, bool bf16) {
  check_floats(grad, 4, "grad");
  check_floats(result, 4, "result");
  const DenseShape shape{grad.size(2), grad.size(3), in_channels, growths, growth_channels, grad.size(1)};
  check_shape(shape, weights, residual_scale);
  check_slope(negative_slope);
  check_slope(out_slope);
  for (int64_t i = 0; i < 4; ++i) STD_TORCH_CHECK(result.size(i) == grad.size(i), "result must have the shape of grad");
  const int64_t pictures = grad.size(0);
  check_slab(slab, pictures, shape, bf16);
  const Tensor dense_grad = torch::stable::contiguous(grad, MemoryFormat::ChannelsLast);
  const Tensor dense_result = torch::stable::contiguous(result, MemoryFormat::ChannelsLast);
  const Tensor dense_weights = torch::stable::contiguous(weights);
  Tensor grad_x = empty_pictures(wants_x ? pictures : 0, in_channels, shape, grad);
  const int64_t num_weights[1] = {wants_weights ? weights.numel() : 0};
  const int64_t num_biases[1] = {wants_weights ? shape.bias_begin(shape.num_layers()) : 0};
  Tensor grad_weights = torch::stable::empty({num_weights, 1}, ScalarType::Float, std::nullopt, grad.device());
  Tensor grad_bias = torch::stable::empty({num_biases, 1}, ScalarType::Float, std::nullopt, grad.device());

  const BackwardCall call{shape,
                          pictures,
                          static_cast<float>(negative_slope),
                          static_cast<float>(out_slope),
                          static_cast<float>(residual_scale),
                          dense_weights.const_data_ptr<float>(),
                          dense_grad.const_data_ptr<float>(),
                          dense_result.const_data_ptr<float>(),
                          wants_x ? grad_x.mutable_data_ptr<float>() : nullptr,
                          grad_weights.mutable_data_ptr<float>(),
                          grad_bias.mutable_data_ptr<float>(),
                          wants_weights};
  if (bf16) {
    run_bf16_back(call, process_isa(), static_cast<const uint16_t*>(slab.const_data_ptr()));
  } else {
    run_floats_back(call, process_isa(), slab.const_data_ptr<float>());
  }
  return {grad_x, grad_weights, grad_bias};
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) {
  m.impl("dense_layers", TORCH_BOX(&srdgan::dense_layers_cpu));
  m.impl("dense_layers_backward", TORCH_BOX(&srdgan::dense_layers_backward_cpu));
}
