#include "csrc/kernels/cpu/l2h_net.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <memory>
#include <type_traits>
#include <utility>

#include "csrc/common/huge_pages.h"
#include "csrc/kernels/cpu/upsample_conv.h"
#include "csrc/ops/checks.h"
#include "csrc/ops/cpu/process_isa.h"
#include "csrc/ops/cpu/workspace.h"

namespace srdgan {
namespace {

using torch::headeronly::MemoryFormat;

// Reads the parameters of one layer after the other: srdgan_rt/ops/_packing.py writes them so. Bytes and whole numbers
// stand in the same tensor of floats.
class ParameterReader {
 public:
  explicit ParameterReader(const Tensor& parameters)
      : next_(parameters.const_data_ptr<float>()), end_(next_ + parameters.numel()) {}

  template <typename Precision>
  PackedConv<Precision> conv(const WinogradSegments& inputs, int64_t out_channels) {
    PackedConv<Precision> conv{};
    conv.weight = take<typename Precision::Weight>(winograd_packed_size<Precision>(inputs, out_channels));
    conv.bias = take(winograd_pad(out_channels));
    if (std::is_same_v<Precision, Int8>) {
      conv.start = take<int32_t>(Precision::kPoints * winograd_pad(out_channels));
      conv.steps = take(Precision::kPoints * winograd_pad(out_channels));
    }
    return conv;
  }
  PackedConv<Float32> conv(int64_t in_channels, int64_t out_channels) {
    return conv<Float32>({1, &in_channels}, out_channels);
  }

  template <typename Precision>
  DenseWeights<Precision> dense_block(int64_t features, int64_t growth) {
    const int64_t inputs[kDenseConvs] = {features, growth, growth, growth, growth};
    DenseWeights<Precision> weights{};
    if (std::is_same_v<Precision, Int8>)
      weights.levels = take(Precision::kPoints * WinogradSegments{kDenseConvs, inputs}.depth());
    for (int64_t i = 0; i < kDenseConvs; ++i) {
      weights.convs[i] = conv<Precision>({i + 1, inputs}, i + 1 < kDenseConvs ? growth : features);
    }
    return weights;
  }

  void tail(L2HParameters& parameters, int64_t scale) {
    const int64_t features = parameters.features;
    for (; scale > 1; scale /= 2) {
      const float* weight =
          take(kUpsampleConvProducts * upsample_conv_num_panels(features) * features * kUpsampleConvPanel);
      parameters.upsample.push_back({weight, take(winograd_pad(features))});
    }
    parameters.hr = conv(features, features);
    parameters.last = conv(features, kImageChannels);
  }

  int64_t left() const { return end_ - next_; }
  void finish() const { STD_TORCH_CHECK(left() == 0, "parameters do not fit the sizes"); }

 private:
  template <typename T = float>
  const T* take(int64_t count) {
    const int64_t floats = count * static_cast<int64_t>(sizeof(T)) / static_cast<int64_t>(sizeof(float));
    STD_TORCH_CHECK(floats <= left(), "parameters do not fit the sizes");
    return reinterpret_cast<const T*>(std::exchange(next_, next_ + floats));
  }

  const float* next_;
  const float* end_;
};

void check_parameters(const Tensor& parameters) {
  check_dim(parameters, 1, "parameters");
  check_float32(parameters, "parameters");
  STD_TORCH_CHECK(parameters.is_contiguous(), "parameters must be contiguous");
}

void check_sizes(int64_t features, int64_t growth, int64_t scale, double negative_slope) {
  STD_TORCH_CHECK(features > 0 && growth > 0, "features and growth must be at least 1");
  STD_TORCH_CHECK(scale == 1 || scale == 2 || scale == 4, "scale must be 1, 2 or 4, got ", scale);
  STD_TORCH_CHECK(negative_slope >= 0 && negative_slope <= 1, "negative_slope must be 0..1, got ", negative_slope);
}

L2HParameters read_net(const Tensor& parameters, int64_t features, int64_t growth, int64_t num_dense_blocks,
                       int64_t scale, bool int8, double negative_slope) {
  check_parameters(parameters);
  check_sizes(features, growth, scale, negative_slope);
  STD_TORCH_CHECK(num_dense_blocks >= 0 && num_dense_blocks % kBlocksPerRrdb == 0, "an RRDB has three dense blocks");
  L2HParameters net{};
  net.features = features;
  net.growth = growth;
  net.negative_slope = static_cast<float>(negative_slope);
  net.has_rrdbs = true;
  net.int8 = int8;
  ParameterReader reader(parameters);
  net.first = reader.conv(kImageChannels, features);
  for (int64_t i = 0; i < num_dense_blocks; ++i) {
    if (int8) {
      net.dense_int8.push_back(reader.dense_block<Int8>(features, growth));
    } else {
      net.dense.push_back(reader.dense_block<Float32>(features, growth));
    }
  }
  const int64_t body_inputs[] = {features, kImageChannels};
  net.body = reader.conv<Float32>({2, body_inputs}, features);
  reader.tail(net, scale);
  reader.finish();
  return net;
}

int64_t num_threads() { return torch::stable::get_num_threads(); }

// Every thread of torch's pool works until nothing is left.
void execute(Wavefront& wavefront) {
  torch::stable::parallel_for(0, num_threads(), 1, [&](int64_t thread, int64_t) {
    const Workspace scratch(wavefront.scratch_floats());
    wavefront.work(thread, scratch.data());
  });
}

Planes<const float> picture_planes(const Tensor& rows, int64_t image, int64_t first_row) {
  return {rows.const_data_ptr<float>() + image * rows.stride(0), kImageChannels, rows.stride(1), rows.stride(2),
          first_row};
}

Planes<float> result_planes(Tensor& result, int64_t image, int64_t first_row) {
  return {result.mutable_data_ptr<float>() + image * result.stride(0), kImageChannels, result.stride(1),
          result.stride(2), first_row};
}

// The kernels only read it; a map does not say so.
FeatureMap dense_map(const Tensor& features, int64_t image) {
  const int64_t channels = features.size(1), height = features.size(2), width = features.size(3);
  return FeatureMap::dense(const_cast<float*>(features.const_data_ptr<float>()) + image * channels * height * width,
                           height, width, channels);
}

Tensor empty(int64_t n, int64_t c, int64_t h, int64_t w, const Tensor& like, MemoryFormat format) {
  const int64_t shape[4] = {n, c, h, w};
  Tensor result =
      torch::stable::empty({shape, 4}, ScalarType::Float, std::nullopt, like.device(), std::nullopt, format);
  prefer_huge_pages(result.mutable_data_ptr(), result.numel() * static_cast<int64_t>(sizeof(float)));
  return result;
}

// The runs of channels that a convolution of a dense block reads: `features`, then `growth` as often as its weight has
// channels for.
std::vector<int64_t> list_inputs(const Tensor& weight, int64_t features, int64_t growth) {
  const int64_t more = weight.size(1) - features;
  STD_TORCH_CHECK(features > 0 && more >= 0 && growth > 0 && more % growth == 0,
                  "weight must have features and a multiple of growth channels");
  std::vector<int64_t> inputs(static_cast<size_t>(1 + more / growth), growth);
  inputs[0] = features;
  return inputs;
}

void pack_bias(const Tensor& bias, float* packed) {
  const float* source = bias.const_data_ptr<float>();
  std::fill_n(std::copy_n(source, bias.numel(), packed), winograd_pad(bias.numel()) - bias.numel(), 0.0f);
}

// weight (C_out, C_in, 3, 3), bias (C_out); C_in = features + a multiple of growth; out as long as the packed layer
void winograd_pack_cpu(const Tensor& weight, const Tensor& bias, int64_t features, int64_t growth, Tensor out) {
  check_conv_weight(weight);
  check_parameters(bias);
  check_parameters(out);
  const int64_t out_channels = weight.size(0);
  const std::vector<int64_t> inputs = list_inputs(weight, features, growth);
  const WinogradSegments segments{static_cast<int64_t>(inputs.size()), inputs.data()};
  const int64_t weights = winograd_packed_size<Float32>(segments, out_channels);
  STD_TORCH_CHECK(bias.numel() == out_channels && out.numel() == weights + winograd_pad(out_channels),
                  "bias or out does not fit the weight");
  const Tensor dense = torch::stable::contiguous(weight);
  float* packed = out.mutable_data_ptr<float>();
  const float* source = dense.const_data_ptr<float>();
  torch::stable::parallel_for(0, winograd_pad(out_channels) / kWinogradPanel, 1, [&](int64_t begin, int64_t end) {
    winograd_pack(source, segments, out_channels, packed, begin, end);
  });
  pack_bias(bias, packed + weights);
}

// The same in bytes: weights, bias, start, steps. levels (points, depth), at least as many columns as the layer has
// inputs.
void winograd_pack_int8_cpu(const Tensor& weight, const Tensor& bias, const Tensor& levels, int64_t features,
                            int64_t growth, Tensor out) {
  check_conv_weight(weight);
  check_parameters(bias);
  check_parameters(out);
  check_dim(levels, 2, "levels");
  check_float32(levels, "levels");
  const int64_t out_channels = weight.size(0);
  const int64_t padded = winograd_pad(out_channels);
  const std::vector<int64_t> inputs = list_inputs(weight, features, growth);
  const WinogradSegments segments{static_cast<int64_t>(inputs.size()), inputs.data()};
  const int64_t weight_floats =
      winograd_packed_size<Int8>(segments, out_channels) / static_cast<int64_t>(sizeof(float));
  STD_TORCH_CHECK(levels.is_contiguous() && levels.size(0) == Int8::kPoints && levels.size(1) >= segments.depth(),
                  "levels does not fit the weight");
  STD_TORCH_CHECK(bias.numel() == out_channels && out.numel() == weight_floats + (1 + 2 * Int8::kPoints) * padded,
                  "bias or out does not fit the weight");
  const Tensor dense = torch::stable::contiguous(weight);
  const float* source = dense.const_data_ptr<float>();
  auto* packed = static_cast<int8_t*>(out.mutable_data_ptr());
  float* packed_bias = out.mutable_data_ptr<float>() + weight_floats;
  auto* start = reinterpret_cast<int32_t*>(packed_bias + padded);
  float* steps = packed_bias + (1 + Int8::kPoints) * padded;
  torch::stable::parallel_for(0, padded / kWinogradPanel, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      winograd_pack_int8(source, segments, out_channels, levels.const_data_ptr<float>(), levels.size(1), packed, start,
                         steps, panel);
    }
  });
  pack_bias(bias, packed_bias);
}

// x (N, F, H, W) -> the same, channels_last
Tensor dense_blocks_cpu(const Tensor& x, const Tensor& parameters, int64_t growth, bool rrdbs, double negative_slope) {
  check_parameters(parameters);
  check_conv_input(x, std::nullopt, x.size(1), x.size(1));
  check_sizes(x.size(1), growth, 1, negative_slope);
  L2HParameters net{};
  net.features = x.size(1);
  net.growth = growth;
  net.negative_slope = static_cast<float>(negative_slope);
  net.has_rrdbs = rrdbs;
  ParameterReader reader(parameters);
  while (reader.left() > 0) net.dense.push_back(reader.dense_block<Float32>(net.features, growth));
  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  Tensor output = empty(x.size(0), x.size(1), x.size(2), x.size(3), x, MemoryFormat::ChannelsLast);
  L2HRun run(std::move(net), L2HPart::kBlocks, x.size(2), x.size(3), x.size(2), num_threads(), process_isa());
  const Workspace state(run.state_floats()), workspace(run.workspace_floats());
  run.clear_borders(state.data());
  for (int64_t image = 0; image < x.size(0); ++image) {
    L2HData data{};
    data.features_in = dense_map(input, image);
    data.features_out = dense_map(output, image);
    execute(*run.plan(state.data(), workspace.data(), data, 0, x.size(2)));
  }
  return output;
}

// x (N, F, H, W) -> (N, 3, scale * H, scale * W)
Tensor l2h_tail_cpu(const Tensor& x, const Tensor& parameters, int64_t scale, double negative_slope) {
  check_parameters(parameters);
  check_conv_input(x, std::nullopt, x.size(1), x.size(1));
  check_sizes(x.size(1), 1, scale, negative_slope);
  L2HParameters net{};
  net.features = x.size(1);
  net.growth = 1;
  net.negative_slope = static_cast<float>(negative_slope);
  ParameterReader reader(parameters);
  reader.tail(net, scale);
  reader.finish();
  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  Tensor output = empty(x.size(0), kImageChannels, scale * x.size(2), scale * x.size(3), x, MemoryFormat::Contiguous);
  L2HRun run(std::move(net), L2HPart::kTail, x.size(2), x.size(3), x.size(2), num_threads(), process_isa());
  const Workspace state(run.state_floats()), workspace(run.workspace_floats());
  run.clear_borders(state.data());
  for (int64_t image = 0; image < x.size(0); ++image) {
    L2HData data{};
    data.features_in = dense_map(input, image);
    data.result = result_planes(output, image, 0);
    execute(*run.plan(state.data(), workspace.data(), data, 0, x.size(2)));
  }
  return output;
}

// picture (N, 3, H, W) -> (N, 3, scale * H, scale * W)
Tensor l2h_net_cpu(const Tensor& picture, const Tensor& parameters, int64_t features, int64_t growth,
                   int64_t num_dense_blocks, int64_t scale, bool int8, double negative_slope) {
  check_conv_input(picture, std::nullopt, kImageChannels, kImageChannels);
  L2HRun run(read_net(parameters, features, growth, num_dense_blocks, scale, int8, negative_slope), L2HPart::kNet,
             picture.size(2), picture.size(3), picture.size(2), num_threads(), process_isa());
  const Tensor input = torch::stable::contiguous(picture);
  Tensor output = empty(picture.size(0), kImageChannels, scale * picture.size(2), scale * picture.size(3), picture,
                        MemoryFormat::Contiguous);
  const Workspace state(run.state_floats()), workspace(run.workspace_floats());
  run.clear_borders(state.data());
  for (int64_t image = 0; image < picture.size(0); ++image) {
    L2HData data{};
    data.picture = picture_planes(input, image, 0);
    data.result = result_planes(output, image, 0);
    execute(*run.plan(state.data(), workspace.data(), data, 0, picture.size(2)));
  }
  return output;
}

// rows (N, 3, h, W): rows known_before .. known_now - 1 of N pictures of `height` rows; state (N, floats)
// -> (N, 3, finished rows, scale * W)
Tensor l2h_strip_cpu(const Tensor& rows, const Tensor& parameters, Tensor state, int64_t features, int64_t growth,
                     int64_t num_dense_blocks, int64_t scale, bool int8, double negative_slope, int64_t height,
                     int64_t strip_rows, int64_t known_before) {
  check_conv_input(rows, std::nullopt, kImageChannels, kImageChannels);
  check_dim(state, 2, "state");
  check_float32(state, "state");
  const int64_t width = rows.size(3);
  STD_TORCH_CHECK(strip_rows >= L2HRun::min_strip_rows(height, width, int8) &&
                      strip_rows % L2HRun::strip_unit(height, width, int8) == 0 && known_before >= 0 &&
                      known_before < height && known_before % strip_rows == 0,
                  "strips must be multiples of the unit, and come in order");
  L2HRun run(read_net(parameters, features, growth, num_dense_blocks, scale, int8, negative_slope), L2HPart::kNet,
             height, width, strip_rows, num_threads(), process_isa());
  const int64_t known_now = std::min(known_before + strip_rows, height);
  STD_TORCH_CHECK(rows.size(2) == known_now - known_before, "rows must be ", known_before, "..", known_now);
  STD_TORCH_CHECK(
      state.is_contiguous() && state.size(0) == rows.size(0) && state.size(1) == run.state_floats() + Workspace::kLine,
      "state has the wrong size");
  const int64_t finished_before = known_before == 0 ? 0 : run.finished_rows(known_before);
  const Tensor input = torch::stable::contiguous(rows);
  Tensor output = empty(rows.size(0), kImageChannels, run.finished_rows(known_now) - finished_before, scale * width,
                        rows, MemoryFormat::Contiguous);
  const Workspace workspace(run.workspace_floats());
  for (int64_t image = 0; image < rows.size(0); ++image) {
    L2HData data{};
    data.picture = picture_planes(input, image, known_before);
    data.result = result_planes(output, image, finished_before);
    float* lines = Workspace::align(state.mutable_data_ptr<float>() + image * state.size(1));
    if (known_before == 0) run.clear_borders(lines);
    execute(*run.plan(lines, workspace.data(), data, known_before, known_now));
  }
  return output;
}

L2HRun empty_run(int64_t features, int64_t growth, int64_t num_dense_blocks, int64_t scale, bool int8, int64_t height,
                 int64_t width, int64_t strip_rows) {
  L2HParameters net{};
  net.features = features;
  net.growth = growth;
  net.has_rrdbs = true;
  net.int8 = int8;
  int8 ? net.dense_int8.resize(static_cast<size_t>(num_dense_blocks))
       : net.dense.resize(static_cast<size_t>(num_dense_blocks));
  for (; scale > 1; scale /= 2) net.upsample.push_back({});
  return L2HRun(std::move(net), L2HPart::kNet, height, width, strip_rows, num_threads(), process_isa());
}

// Uninitialised room for packed parameters, in large pages: a product reads it from end to end.
Tensor empty_parameters(int64_t floats) {
  STD_TORCH_CHECK(floats >= 0, "floats must not be negative");
  Tensor parameters = torch::stable::empty({&floats, 1}, ScalarType::Float);
  prefer_huge_pages(parameters.mutable_data_ptr(), floats * static_cast<int64_t>(sizeof(float)));
  return parameters;
}

int64_t l2h_round_strip_rows(int64_t height, int64_t width, bool int8, int64_t rows) {
  const int64_t unit = L2HRun::strip_unit(height, width, int8);
  return std::max((rows + unit - 1) / unit * unit, L2HRun::min_strip_rows(height, width, int8));
}

int64_t l2h_state_floats(int64_t features, int64_t growth, int64_t num_dense_blocks, int64_t scale, bool int8,
                         int64_t height, int64_t width, int64_t strip_rows) {
  return empty_run(features, growth, num_dense_blocks, scale, int8, height, width, strip_rows).state_floats() +
         Workspace::kLine;
}

int64_t l2h_workspace_floats(int64_t features, int64_t growth, int64_t num_dense_blocks, int64_t scale, bool int8,
                             int64_t height, int64_t width, int64_t strip_rows) {
  return empty_run(features, growth, num_dense_blocks, scale, int8, height, width, strip_rows).workspace_floats();
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) {
  m.impl("winograd_pack", TORCH_BOX(&srdgan::winograd_pack_cpu));
  m.impl("winograd_pack_int8", TORCH_BOX(&srdgan::winograd_pack_int8_cpu));
  m.impl("dense_blocks", TORCH_BOX(&srdgan::dense_blocks_cpu));
  m.impl("l2h_tail", TORCH_BOX(&srdgan::l2h_tail_cpu));
  m.impl("l2h_net", TORCH_BOX(&srdgan::l2h_net_cpu));
  m.impl("l2h_strip", TORCH_BOX(&srdgan::l2h_strip_cpu));
}

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CompositeExplicitAutograd, m) {
  m.impl("empty_parameters", TORCH_BOX(&srdgan::empty_parameters));
  m.impl("l2h_round_strip_rows", TORCH_BOX(&srdgan::l2h_round_strip_rows));
  m.impl("l2h_state_floats", TORCH_BOX(&srdgan::l2h_state_floats));
  m.impl("l2h_workspace_floats", TORCH_BOX(&srdgan::l2h_workspace_floats));
}
