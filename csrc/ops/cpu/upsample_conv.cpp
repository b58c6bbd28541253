#include "csrc/kernels/cpu/upsample_conv.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <vector>

#include "csrc/common/cpu_isa.h"
#include "csrc/common/huge_pages.h"
#include "csrc/ops/checks.h"

namespace srdgan {
namespace {

using torch::headeronly::MemoryFormat;

// weight (C_out, C_in, 3, 3) -> (25, ceil(C_out / 16), C_in, 16)
Tensor upsample_conv_pack_cpu(const Tensor& weight) {
  check_conv_weight(weight);
  const int64_t out_channels = weight.size(0);
  const int64_t in_channels = weight.size(1);
  const int64_t shape[4] = {kUpsampleConvProducts, upsample_conv_num_panels(out_channels), in_channels,
                            kUpsampleConvPanel};
  Tensor packed = torch::stable::empty({shape, 4}, ScalarType::Float, std::nullopt, weight.device());
  const Tensor dense = torch::stable::contiguous(weight);
  upsample_conv_pack(dense.const_data_ptr<float>(), in_channels, out_channels, packed.mutable_data_ptr<float>());
  return packed;
}

// x (N, C_in, H, W) -> (N, C_out, 2H, 2W), channels_last
Tensor upsample_conv_packed_cpu(const Tensor& x, const Tensor& packed, const std::optional<Tensor>& bias,
                                int64_t out_channels, double negative_slope) {
  check_floats(packed, 4, "packed");
  STD_TORCH_CHECK(packed.is_contiguous() && packed.size(0) == kUpsampleConvProducts && packed.size(1) > 0 &&
                      packed.size(2) > 0 && packed.size(3) == kUpsampleConvPanel,
                  "packed does not come from upsample_conv_pack");
  const int64_t most = packed.size(1) * kUpsampleConvPanel;
  STD_TORCH_CHECK(out_channels > most - kUpsampleConvPanel && out_channels <= most,
                  "out_channels must be those of the packed weight, got ", out_channels);
  check_conv_input(x, bias, packed.size(2), out_channels);
  check_slope(negative_slope);

  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  const std::optional<Tensor> dense_bias =
      bias.has_value() ? std::optional(torch::stable::contiguous(*bias)) : std::nullopt;
  const int64_t shape[4] = {x.size(0), out_channels, 2 * x.size(2), 2 * x.size(3)};
  Tensor output = torch::stable::empty({shape, 4}, ScalarType::Float, std::nullopt, x.device(), std::nullopt,
                                       MemoryFormat::ChannelsLast);

  prefer_huge_pages(output.mutable_data_ptr(), output.numel() * static_cast<int64_t>(sizeof(float)));

  UpsampleConvProblem problem{};
  problem.packed = packed.const_data_ptr<float>();
  problem.bias = dense_bias.has_value() ? dense_bias->const_data_ptr<float>() : nullptr;
  problem.width = x.size(3);
  problem.in_channels = x.size(1);
  problem.out_channels = out_channels;
  problem.negative_slope = static_cast<float>(negative_slope);
  const CpuIsa isa = process_isa();
  const int64_t rows = upsample_conv_num_patches(x.size(2));
  const int64_t columns = upsample_conv_num_patches(x.size(3));
  const int64_t input_floats = x.size(1) * x.size(2) * x.size(3);
  const int64_t output_floats = out_channels * shape[2] * shape[3];
  torch::stable::parallel_for(0, x.size(0) * rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(upsample_conv_scratch_floats(problem, isa, columns)));
    UpsampleConvProblem image = problem;
    for (int64_t row = begin; row < end; ++row) {
      // The kernel only reads the input, but FeatureMap has no const form.
      image.input = FeatureMap::dense(const_cast<float*>(input.const_data_ptr<float>()) + row / rows * input_floats,
                                      x.size(2), x.size(3), x.size(1));
      image.output = FeatureMap::dense(output.mutable_data_ptr<float>() + row / rows * output_floats, shape[2],
                                       shape[3], out_channels);
      upsample_conv(image, isa, row % rows, row % rows + 1, 0, columns, scratch.data());
    }
  });
  return output;
}

Tensor upsample_conv_cpu(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                         double negative_slope) {
  return upsample_conv_packed_cpu(x, upsample_conv_pack_cpu(weight), bias, weight.size(0), negative_slope);
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) {
  m.impl("upsample_conv", TORCH_BOX(&srdgan::upsample_conv_cpu));
  m.impl("upsample_conv_pack", TORCH_BOX(&srdgan::upsample_conv_pack_cpu));
  m.impl("upsample_conv_packed", TORCH_BOX(&srdgan::upsample_conv_packed_cpu));
}
