#include "csrc/kernels/cpu/l2h_net.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "csrc/common/cpu_isa.h"
#include "csrc/common/huge_pages.h"
#include "csrc/ops/checks.h"
#include "csrc/ops/cpu/workspace.h"

namespace srdgan {
namespace {

using torch::headeronly::MemoryFormat;

// weights (bytes) uint8, from l2h_pack
L2HWeights read_weights(const Tensor& weights) {
  STD_TORCH_CHECK(weights.is_cpu() && weights.scalar_type() == ScalarType::Byte && weights.is_contiguous(),
                  "weights must be contiguous uint8 on the CPU, from l2h_pack");
  check_tensor(weights, 1, "weights");
  return read_l2h_blob(weights.const_data_ptr(), weights.numel());
}

// scale: of the result, as the caller states it.
L2HWeights read_weights(const Tensor& weights, L2HPart part, int64_t scale) {
  L2HWeights read = read_weights(weights);
  STD_TORCH_CHECK(read.sizes.part == part, "weights must be of a ", l2h_part_name(part), ", got those of a ",
                  l2h_part_name(read.sizes.part));
  STD_TORCH_CHECK(read.sizes.scale() == scale, "scale must be that of the weights, ", read.sizes.scale(), ", got ",
                  scale);
  return read;
}

int64_t num_threads() { return torch::stable::get_num_threads(); }

// Every thread of torch's pool works until no unit is left.
void execute(Wavefront& wavefront) {
  torch::stable::parallel_for(0, num_threads(), 1, [&](int64_t thread, int64_t) {
    const Workspace scratch(wavefront.scratch_floats());
    wavefront.work(thread, scratch.data());
  });
}

L2HRun make_run(L2HWeights weights, double negative_slope, int64_t height, int64_t width, int64_t strip_rows) {
  check_slope(negative_slope);
  return L2HRun(std::move(weights), static_cast<float>(negative_slope), height, width, strip_rows, num_threads(),
                process_isa());
}

// Whole pictures, one after the other; input (N, C, H, W). make_data(image) gives the input and output of each.
template <typename MakeData>
void run_batch(L2HWeights weights, double negative_slope, const Tensor& input, const MakeData& make_data) {
  const int64_t height = input.size(2);
  L2HRun run = make_run(std::move(weights), negative_slope, height, input.size(3), height);
  const Workspace state(run.state_floats()), workspace(run.workspace_floats());
  run.clear_borders(state.data());
  for (int64_t image = 0; image < input.size(0); ++image)
    execute(*run.plan(state.data(), workspace.data(), make_data(image), 0, height));
}

Planes<const float> picture_planes(const Tensor& rows, int64_t image, int64_t first_row) {
  return {rows.const_data_ptr<float>() + image * rows.stride(0), rows.size(1), rows.stride(1), rows.stride(2),
          first_row};
}

Planes<float> result_planes(Tensor& result, int64_t image, int64_t first_row) {
  return {result.mutable_data_ptr<float>() + image * result.stride(0), result.size(1), result.stride(1),
          result.stride(2), first_row};
}

// The kernels only read it, but FeatureMap has no const form.
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

// x (N, F, H, W) -> the same, channels_last
Tensor dense_blocks_cpu(const Tensor& x, const Tensor& weights, double negative_slope) {
  L2HWeights read = read_weights(weights);
  STD_TORCH_CHECK(read.sizes.part == L2HPart::kTrunk || read.sizes.part == L2HPart::kDenseBlock,
                  "weights must be of a trunk or a dense block, got those of a ", l2h_part_name(read.sizes.part));
  check_picture(x, read.sizes.features, "x");
  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  Tensor output = empty(x.size(0), x.size(1), x.size(2), x.size(3), x, MemoryFormat::ChannelsLast);
  run_batch(std::move(read), negative_slope, input, [&](int64_t image) {
    L2HData data{};
    data.features_in = dense_map(input, image);
    data.features_out = dense_map(output, image);
    return data;
  });
  return output;
}

// x (N, F, H, W) -> (N, 3, scale * H, scale * W)
Tensor l2h_tail_cpu(const Tensor& x, const Tensor& weights, int64_t scale, double negative_slope) {
  L2HWeights read = read_weights(weights, L2HPart::kTail, scale);
  check_picture(x, read.sizes.features, "x");
  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  Tensor output = empty(x.size(0), kImageChannels, scale * x.size(2), scale * x.size(3), x, MemoryFormat::Contiguous);
  run_batch(std::move(read), negative_slope, input, [&](int64_t image) {
    L2HData data{};
    data.features_in = dense_map(input, image);
    data.result = result_planes(output, image, 0);
    return data;
  });
  return output;
}

// picture (N, C_in, H, W) -> (N, 3, scale * H, scale * W)
Tensor l2h_net_cpu(const Tensor& picture, const Tensor& weights, int64_t scale, double negative_slope) {
  L2HWeights read = read_weights(weights, L2HPart::kNet, scale);
  check_picture(picture, read.sizes.in_channels, "picture");
  const Tensor input = torch::stable::contiguous(picture);
  Tensor output = empty(picture.size(0), kImageChannels, scale * picture.size(2), scale * picture.size(3), picture,
                        MemoryFormat::Contiguous);
  run_batch(std::move(read), negative_slope, input, [&](int64_t image) {
    L2HData data{};
    data.picture = picture_planes(input, image, 0);
    data.result = result_planes(output, image, 0);
    return data;
  });
  return output;
}

void check_strip_rows(const L2HSizes& sizes, int64_t height, int64_t width, int64_t strip_rows) {
  STD_TORCH_CHECK(strip_rows >= height || (strip_rows >= L2HRun::min_strip_rows(height, width, sizes.products) &&
                                           strip_rows % L2HRun::strip_unit(height, width, sizes.products) == 0),
                  "strip_rows must come from l2h_round_strip_rows, got ", strip_rows);
}

// rows (N, C_in, h, W): rows known_before .. known_now - 1 of N pictures of `height` rows; state (N, floats)
// -> (N, 3, finished rows, scale * W)
Tensor l2h_strip_cpu(const Tensor& rows, const Tensor& weights, Tensor state, int64_t scale, double negative_slope,
                     int64_t height, int64_t strip_rows, int64_t known_before) {
  L2HWeights read = read_weights(weights, L2HPart::kNet, scale);
  check_picture(rows, read.sizes.in_channels, "rows");
  check_floats(state, 2, "state");
  const int64_t width = rows.size(3);
  check_size(height, width);
  strip_rows = std::min(strip_rows, height);
  check_strip_rows(read.sizes, height, width, strip_rows);
  STD_TORCH_CHECK(known_before >= 0 && known_before < height && known_before % strip_rows == 0,
                  "known_before must be a multiple of strip_rows below the height, got ", known_before);
  const int64_t known_now = std::min(known_before + strip_rows, height);
  STD_TORCH_CHECK(rows.size(2) == known_now - known_before, "rows must be ", known_before, "..", known_now, ", got ",
                  rows.size(2));
  L2HRun run = make_run(std::move(read), negative_slope, height, width, strip_rows);
  const int64_t floats = run.state_floats() + Workspace::kLine;
  STD_TORCH_CHECK(state.is_contiguous() && state.size(0) == rows.size(0) && state.size(1) == floats,
                  "state must be contiguous, ", rows.size(0), "x", floats);
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

int64_t l2h_round_strip_rows_cpu(const Tensor& weights, int64_t height, int64_t width, int64_t rows) {
  const L2HSizes sizes = read_weights(weights).sizes;
  check_size(height, width);
  STD_TORCH_CHECK(rows >= 1, "rows must be at least 1, got ", rows);
  return L2HRun::round_strip_rows(height, width, sizes.products, rows);
}

L2HRun make_strip_run(const Tensor& weights, int64_t height, int64_t width, int64_t strip_rows) {
  L2HWeights read = read_weights(weights);
  STD_TORCH_CHECK(read.sizes.part == L2HPart::kNet, "weights must be of a net, got those of a ",
                  l2h_part_name(read.sizes.part));
  check_size(height, width);
  check_strip_rows(read.sizes, height, width, strip_rows);
  return make_run(std::move(read), 0.0, height, width, strip_rows);
}

int64_t l2h_state_floats_cpu(const Tensor& weights, int64_t height, int64_t width, int64_t strip_rows) {
  return make_strip_run(weights, height, width, strip_rows).state_floats() + Workspace::kLine;
}

int64_t l2h_workspace_floats_cpu(const Tensor& weights, int64_t height, int64_t width, int64_t strip_rows) {
  return make_strip_run(weights, height, width, strip_rows).workspace_floats();
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) {
  m.impl("dense_blocks", TORCH_BOX(&srdgan::dense_blocks_cpu));
  m.impl("l2h_net", TORCH_BOX(&srdgan::l2h_net_cpu));
  m.impl("l2h_round_strip_rows", TORCH_BOX(&srdgan::l2h_round_strip_rows_cpu));
  m.impl("l2h_state_floats", TORCH_BOX(&srdgan::l2h_state_floats_cpu));
  m.impl("l2h_strip", TORCH_BOX(&srdgan::l2h_strip_cpu));
  m.impl("l2h_tail", TORCH_BOX(&srdgan::l2h_tail_cpu));
  m.impl("l2h_workspace_floats", TORCH_BOX(&srdgan::l2h_workspace_floats_cpu));
}
