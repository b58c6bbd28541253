#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <cmath>
#include <string>
#include <vector>

#include "csrc/kernels/cuda/conv_wgmma.h"
#include "csrc/kernels/cuda/l2h_net.h"
#include "csrc/kernels/cuda/net_sizes.h"
#include "csrc/ops/checks.h"
#include "csrc/ops/cuda/launch.h"

namespace srdgan {
namespace {

using gpu::kPictureChannels;

gpu::ElementType read_elements(const std::string& precision) {
  STD_TORCH_CHECK(precision == "fp16" || precision == "bf16", "precision must be fp16 or bf16, got ", precision);
  return precision == "fp16" ? gpu::ElementType::kFloat16 : gpu::ElementType::kBFloat16;
}

// sizes: features, growth, RRDBs, enlargements, pixel-unshuffle
gpu::NetSizes read_sizes(const std::vector<int64_t>& sizes) {
  STD_TORCH_CHECK(sizes.size() == 5, "sizes must be 5 numbers, got ", sizes.size());
  const gpu::NetSizes read{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]};
  read.check();
  return read;
}

gpu::SampleType sample_type(const Tensor& picture) {
  switch (picture.scalar_type()) {
    case ScalarType::Byte:
      return gpu::SampleType::kUint8;
    case ScalarType::UInt16:
      return gpu::SampleType::kUint16;
    case ScalarType::Float:
      return gpu::SampleType::kFloat32;
    default:
      STD_TORCH_CHECK(false, "picture must be uint8, uint16 or float32");
  }
}

gpu::PictureStrides picture_strides(const Tensor& x) { return {x.stride(0), x.stride(2), x.stride(3), x.stride(1)}; }

// Number `index` of the layers in the order of NetLayers, for messages.
void check_layer(const Tensor& weight, const Tensor& bias, const gpu::ConvLayer& layer, size_t index) {
  int64_t in_channels = 0;
  for (const int64_t channels : layer.in_channels) in_channels += channels;
  const std::string name = "layer " + std::to_string(index);
  check_floats(weight, 4, name.c_str());
  check_floats(bias, 1, name.c_str());
  STD_TORCH_CHECK(weight.is_cpu() && bias.is_cpu() && weight.is_contiguous() && bias.is_contiguous(), name,
                  " must be contiguous on the CPU");
  STD_TORCH_CHECK(weight.size(0) == layer.out_channels && weight.size(1) == in_channels && weight.size(2) == 3 &&
                      weight.size(3) == 3 && bias.size(0) == layer.out_channels,
                  name, " must be (", layer.out_channels, ", ", in_channels, ", 3, 3) with as many biases");
}

// All layers in the order of NetLayers, on the CPU -> (bytes,) uint8 on the CPU
Tensor l2h_net_cuda_pack(std::vector<Tensor> weights, std::vector<Tensor> biases, std::vector<int64_t> sizes,
                         std::string precision) {
  const gpu::ElementType type = read_elements(precision);
  const gpu::NetSizes net = read_sizes(sizes);
  const auto num_layers = static_cast<size_t>(net.num_layers());
  STD_TORCH_CHECK(weights.size() == num_layers && biases.size() == num_layers, "the net has ", num_layers,
                  " layers, got ", weights.size(), " weights and ", biases.size(), " biases");
  std::vector<const float*> weight_data, bias_data;
  for (size_t i = 0; i < num_layers; ++i) {
    STD_TORCH_CHECK(weights[i].scalar_type() == ScalarType::Float && biases[i].scalar_type() == ScalarType::Float,
                    "layers must be float32");
    weight_data.push_back(weights[i].const_data_ptr<float>());
    bias_data.push_back(biases[i].const_data_ptr<float>());
  }
  const gpu::NetLayers layers = net.layers(weight_data.data(), bias_data.data());
  size_t index = 0;
  const auto check = [&](const gpu::ConvLayer& layer) {
    check_layer(weights[index], biases[index], layer, index);
    ++index;
  };
  check(layers.first);
  for (const gpu::ConvLayer& layer : layers.dense) check(layer);
  check(layers.body);
  for (const gpu::ConvLayer& layer : layers.upsample) check(layer);
  check(layers.hr);
  check(layers.last);
  const int64_t shape[1] = {gpu::packed_net_bytes(layers)};
  Tensor packed = torch::stable::empty({shape, 1}, ScalarType::Byte, std::nullopt, weights[0].device());
  gpu::pack_net(layers, type, packed.mutable_data_ptr());
  return packed;
}

// picture (N, 3, H, W) of any strides -> (N, 3, scale * H, scale * W), contiguous, of the same type
Tensor l2h_net_cuda(const Tensor& picture, const Tensor& weights, std::vector<int64_t> sizes, std::string precision,
                    bool half_sums, double negative_slope) {
  const gpu::ElementType type = read_elements(precision);
  const gpu::NetSizes net = read_sizes(sizes);
  check_slope(negative_slope);
  STD_TORCH_CHECK(!half_sums || type == gpu::ElementType::kFloat16, "sums in float16 need fp16, got ", precision);
  const gpu::SampleType samples = sample_type(picture);
  check_tensor(picture, 4, "picture");
  STD_TORCH_CHECK(picture.size(1) == kPictureChannels, "picture must have 3 channels, got ", picture.size(1));
  const int64_t batch = picture.size(0), height = picture.size(2), width = picture.size(3);
  check_size(height, width);
  constexpr int64_t kMaxBatch = gpu::kConvMaxBatch / 4;
  STD_TORCH_CHECK(batch <= kMaxBatch && batch * height * width <= kMaxPixels, "pictures must be at most ", kMaxBatch,
                  " with ", kMaxPixels, " pixels together, got ", batch);
  check_tensor(weights, 1, "weights");
  const gpu::NetLayers layers = net.layers(nullptr, nullptr);
  const int64_t bytes = gpu::packed_net_bytes(layers);
  STD_TORCH_CHECK(weights.scalar_type() == ScalarType::Byte && weights.is_contiguous() && weights.size(0) == bytes,
                  "weights must be ", bytes, " bytes from l2h_net_cuda_pack, got ", weights.size(0));
  STD_TORCH_CHECK(weights.device() == picture.device(), "picture and weights must be on one device");
  STD_TORCH_CHECK(reinterpret_cast<uintptr_t>(weights.const_data_ptr()) % 16 == 0, "weights must be 16-byte aligned");

  const CurrentDevice device(picture.get_device_index());
  const int64_t out_height = net.scale() * height, out_width = net.scale() * width;
  const int64_t shape[4] = {batch, kPictureChannels, out_height, out_width};
  Tensor result = torch::stable::empty({shape, 4}, picture.scalar_type(), std::nullopt, picture.device());
  if (batch == 0) return result;
  const auto blocks = [&](int64_t side) { return (side + net.unshuffle - 1) / net.unshuffle; };
  const gpu::Context context{type, half_sums, read_gpu(picture), current_stream(picture)};
  const bool by_wgmma = gpu::uses_wgmma(context.gpu, half_sums);
  const auto* part =
      static_cast<const unsigned char*>(weights.const_data_ptr()) + gpu::packed_part(layers, by_wgmma).offset;
  const gpu::L2HNetRun run(gpu::NetWeights(layers, part, static_cast<float>(negative_slope), by_wgmma),
                           {batch, blocks(height), blocks(width)});
  const int64_t workspace_shape[1] = {run.workspace_bytes()};
  Tensor workspace = torch::stable::empty({workspace_shape, 1}, ScalarType::Byte, std::nullopt, picture.device());
  const gpu::PictureInput input{picture.const_data_ptr(),
                                samples,
                                height,
                                width,
                                picture_strides(picture),
                                0,
                                0,
                                static_cast<int32_t>(net.unshuffle),
                                static_cast<int32_t>(kPictureChannels)};
  const gpu::PictureOutput output{
      result.mutable_data_ptr(), samples, picture_strides(result), 0, 0, out_height, out_width, kPictureChannels};
  // The workspace is free for other work of this stream once this returns, which runs after the kernels.
  check_launch(run.launch(context, input, output, workspace.mutable_data_ptr()), "l2h_net_cuda");
  return result;
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, SRDGAN_CUDA_KEY, m) { m.impl("l2h_net_cuda", TORCH_BOX(&srdgan::l2h_net_cuda)); }

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) { m.impl("l2h_net_cuda_pack", TORCH_BOX(&srdgan::l2h_net_cuda_pack)); }
