#include "csrc/kernels/cpu/dense_layers_bf16.h"

#include <algorithm>
#include <vector>

#include "csrc/common/half_bits.h"

namespace srdgan {
namespace {

constexpr int64_t kTileChannels = 2 * kWinogradPanel;
constexpr int64_t kPairNumbers = 2 * kTileChannels;  // of a pair of pixels

int64_t row_pixels(const DenseShape& shape) { return shape.width + 2; }
// Outputs that are computed, those between rows included, rounded up to whole products of the weights' gradients.
int64_t flat_pixels(const DenseShape& shape) { return bf16_depth(shape.height * row_pixels(shape)); }
int64_t slab_stride(const DenseShape& shape) { return bf16_depth(shape.slab_channels()); }
// What is behind the window is more than flat_pixels rounds up.
int64_t slab_pixels(const DenseShape& shape) { return (shape.height + 2) * row_pixels(shape) + kBf16WindowPadding; }
// Planes of gradients lie an odd number of cache lines apart: else they would fight for the same places of the
// first-level cache.
int64_t plane_stride(const DenseShape& shape) {
  constexpr int64_t kLine = 64 / sizeof(uint16_t);
  return (flat_pixels(shape) / kLine | 1) * kLine;
}
int64_t num_panels(int64_t channels) { return winograd_pad(channels) / kWinogradPanel; }

int64_t packed_begin(const DenseShape& shape, int64_t layer) {
  int64_t sum = 0;
  for (int64_t i = 0; i < layer; ++i)
    sum += kBf16Taps * bf16_depth(shape.layer_depth(i)) * winograd_pad(shape.layer_outputs(i));
  return sum;
}

// Layer and panel of a job of packing.
struct PackJob {
  PackJob(const DenseShape& shape, int64_t job) : panel(job) {
    while (panel >= num_panels(shape.layer_outputs(layer))) panel -= num_panels(shape.layer_outputs(layer++));
  }
  int64_t layer = 0;
  int64_t panel;
};

void clear_border(const DenseShape& shape, uint16_t* slab) {
  const int64_t stride = slab_stride(shape), row = row_pixels(shape) * stride;
  // Products read whole runs of 32 channels, also of layers whose depth is none: then of features to come.
  if (shape.growth_channels % kBf16Depth != 0 || shape.in_channels % kBf16Depth != 0) {
    std::fill_n(slab, dense_bf16_slab_numbers(shape), uint16_t{0});
    return;
  }
  std::fill_n(slab, row, uint16_t{0});
  for (int64_t y = 1; y <= shape.height; ++y) {
    std::fill_n(slab + y * row, stride, uint16_t{0});
    std::fill_n(slab + (y + 1) * row - stride, stride, uint16_t{0});
  }
  uint16_t* end = slab + (shape.height + 1) * row;
  std::fill_n(end, slab + dense_bf16_slab_numbers(shape) - end, uint16_t{0});
}

// A picture (height, width, channels), multiplied by a scale, into the first segment of a slab. Rows whose pixels have
// channels that pad go through `row`.
void fill_slab(const DenseShape& shape, const Bf16Isa& isa, const float* picture, float scale, uint16_t* slab,
               float* row) {
  const int64_t channels = shape.in_channels, padded = winograd_pad(channels);
  std::fill_n(row, channels == padded ? 0 : shape.width * padded, 0.0f);
  for (int64_t y = 0; y < shape.height; ++y) {
    const float* from = picture + y * shape.width * channels;
    if (channels != padded) {
      for (int64_t x = 0; x < shape.width; ++x) std::copy_n(from + x * channels, channels, row + x * padded);
      from = row;
    }
    uint16_t* to = slab + ((y + 1) * row_pixels(shape) + 1) * slab_stride(shape);
    isa.convert({from, padded, shape.width, padded, to, slab_stride(shape), scale, false});
  }
}

// Where the sums of the last layer go, in a picture (height, width, out_channels).
struct Target {
  const float* bias;
  WinogradEpilogue epilogue;
  float slope;
  float scale;
  float* out;          // null: nowhere
  const float* inner;  // of the same form, as the epilogue says
};

// All layers: the first `growths` fill the segments of the slab. Of the backward pass, `features` is the slab of the
// forward pass.
struct Layers {
  DenseShape shape;
  const uint16_t* packed;
  const float* bias;
  float negative_slope;
  uint16_t* slab;
  const uint16_t* features;
  Target target;

  // row: for as many pixels of the result as a row has, with channels that pad.
  void run(const Bf16Isa& isa, float* sums, float* row) const {
    for (int64_t layer = 0; layer < shape.num_layers(); ++layer) {
      const int64_t panels = num_panels(shape.layer_outputs(layer));
      for (int64_t panel = 0; panel < panels; panel += kBf16PanelsAtOnce) {
        Bf16Product product{};
        product.pixel_stride = slab_stride(shape);
        product.group_stride = kBf16Depth;
        product.depth = bf16_depth(shape.layer_depth(layer));
        product.panels = std::min(panels - panel, kBf16PanelsAtOnce);
        product.weight = packed + packed_begin(shape, layer) + bf16_panel_begin(panel, product.depth);
        product.sums = sums;
        bf16_convolve_window(
            isa, product, slab, row_pixels(shape), shape.height,
            [&](const float* run, int64_t y, int64_t x, int64_t pixels) {
              const int64_t outputs = product.panels * kWinogradPanel, channel = panel * kWinogradPanel;
              if (layer < shape.growths) {
                finish(isa, layer, channel, run, outputs, y, x, pixels);
              } else if (target.out != nullptr) {
                store(isa, channel, run, outputs, (y * shape.width + x) * shape.out_channels + channel, pixels, row);
              }
            });
      }
    }
  }

 private:
  void finish(const Bf16Isa& isa, int64_t layer, int64_t channel, const float* sums, int64_t outputs, int64_t y,
              int64_t x, int64_t pixels) const {
    const int64_t pixel = (y + 1) * row_pixels(shape) + x + 1;
    Bf16Features to{};
    to.sums = sums;
    to.sums_stride = outputs;
    to.pixels = pixels;
    to.channels = outputs;
    to.bias = bias + shape.padded_bias_begin(layer) + channel;
    to.negative_slope = negative_slope;
    to.out_stride = slab_stride(shape);
    to.out = slab + pixel * to.out_stride + shape.segment_begin(layer + 1) + channel;
    if (features != nullptr) {
      // Segment i of the gradients belongs to the layer that made segment growths + 1 - i of the features.
      const DenseShape forward = shape.reversed();
      to.features_stride = slab_stride(forward);
      to.features = features + pixel * to.features_stride + forward.segment_begin(shape.growths - layer) + channel;
    }
    isa.finish_features(to);
  }

  // at: of the first pixel's first channel.
  void store(const Bf16Isa& isa, int64_t channel, const float* sums, int64_t outputs, int64_t at, int64_t pixels,
             float* row) const {
    const int64_t channels = std::min(shape.out_channels - channel, outputs), stride = shape.out_channels;
    Bf16Output to{};
    to.sums = sums;
    to.pixels = pixels;
    to.channels = outputs;
    to.bias = target.bias + channel;
    to.epilogue = target.epilogue;
    to.negative_slope = target.slope;
    to.scale = target.scale;
    to.pixel_stride = stride;
    to.out = target.out + at;
    to.inner = target.inner + at;
    if (channels == outputs) return isa.finish(to);
    // With channels that pad, by way of a row in which they have a place.
    to.pixel_stride = outputs;
    to.out = row;
    to.inner = row;
    if (target.epilogue == WinogradEpilogue::kResidual) {
      for (int64_t i = 0; i < pixels; ++i) std::copy_n(target.inner + at + i * stride, channels, row + i * outputs);
    }
    isa.finish(to);
    for (int64_t i = 0; i < pixels; ++i) std::copy_n(row + i * outputs, channels, target.out + at + i * stride);
  }
};

// Where the gradients of a layer begin among the planes of all.
int64_t planes_begin(const DenseShape& shape, int64_t layer) {
  return shape.reversed().segment_begin(shape.growths - layer) * plane_stride(shape);
}

}  // namespace

int64_t dense_bf16_slab_numbers(const DenseShape& shape) { return slab_pixels(shape) * slab_stride(shape); }

int64_t dense_bf16_planes_numbers(const DenseShape& shape) {
  return slab_stride(shape.reversed()) * plane_stride(shape);
}

int64_t dense_bf16_packed_numbers(const DenseShape& shape) { return packed_begin(shape, shape.num_layers()); }

int64_t dense_bf16_pack_jobs(const DenseShape& shape) {
  return shape.growths * num_panels(shape.growth_channels) + num_panels(shape.out_channels);
}

void dense_bf16_pack(const DenseShape& shape, const float* weights, uint16_t* packed, int64_t job) {
  const auto [layer, panel] = PackJob(shape, job);
  Bf16Weights part{};
  part.in_stride = kBf16Taps;
  part.out_stride = kBf16Taps * shape.layer_inputs(layer);
  part.out_channels = shape.layer_outputs(layer);
  part.panels = num_panels(part.out_channels);
  part.depth = bf16_depth(shape.layer_depth(layer));
  part.packed = packed + packed_begin(shape, layer);
  bf16_clear_panel(part, panel);
  for (int64_t segment = 0; segment <= layer; ++segment) {
    const int64_t first = segment == 0 ? 0 : shape.layer_inputs(segment - 1);
    part.weight = weights + shape.weights_begin(layer) + kBf16Taps * first;
    part.in_channels = shape.segment_channels(segment);
    part.begin = shape.segment_begin(segment);
    bf16_pack_segment(part, panel);
  }
}

void dense_bf16_pack_reversed(const DenseShape& shape, const float* weights, uint16_t* packed, int64_t job) {
  const DenseShape reversed = shape.reversed();
  const auto [layer, panel] = PackJob(reversed, job);
  // Layer `layer` of the backward pass makes the gradient of this segment of the features,
  const int64_t feature = shape.growths - layer;
  const int64_t first = feature == 0 ? 0 : shape.layer_inputs(feature - 1);
  Bf16Weights part{};
  part.mirrored = true;
  part.out_stride = kBf16Taps;
  part.out_channels = reversed.layer_outputs(layer);
  part.panels = num_panels(part.out_channels);
  part.depth = bf16_depth(reversed.layer_depth(layer));
  part.packed = packed + packed_begin(reversed, layer);
  bf16_clear_panel(part, panel);
  for (int64_t segment = 0; segment <= layer; ++segment) {
    // to which every layer behind it contributes.
    const int64_t reader = shape.growths - segment;
    part.weight = weights + shape.weights_begin(reader) + kBf16Taps * first;
    part.in_stride = kBf16Taps * shape.layer_inputs(reader);
    part.in_channels = reversed.segment_channels(segment);
    part.begin = reversed.segment_begin(segment);
    bf16_pack_segment(part, panel);
  }
}

int64_t dense_bf16_scratch_floats(const DenseShape& shape) {
  return kBf16SumsFloats + shape.width * winograd_pad(std::max(shape.in_channels, shape.out_channels));
}

void dense_bf16_forward(const Bf16DenseForward& pass, CpuIsa cpu, float* scratch) {
  const Bf16Isa& isa = bf16_isa(cpu);
  const DenseShape& shape = pass.shape;
  float* row = scratch + kBf16SumsFloats;
  isa.begin();
  clear_border(shape, pass.slab);
  fill_slab(shape, isa, pass.x, 1.0f, pass.slab, row);
  const bool residual = pass.residual_scale != 0;
  const Target target{pass.bias + shape.padded_bias_begin(shape.growths),
                      residual ? WinogradEpilogue::kResidual : WinogradEpilogue::kActivation,
                      pass.out_slope,
                      pass.residual_scale,
                      pass.out,
                      pass.x};
  Layers{shape, pass.packed, pass.bias, pass.negative_slope, pass.slab, nullptr, target}.run(isa, scratch, row);
  isa.end();
}

int64_t dense_bf16_backward_scratch_floats(const DenseShape& shape) {
  const DenseShape reversed = shape.reversed();
  return dense_bf16_scratch_floats(shape) + dense_bf16_slab_numbers(reversed) / 2 +
         shape.height * shape.width * shape.out_channels;
}

void dense_bf16_backward(const Bf16DenseBackward& pass, CpuIsa cpu, float* scratch) {
  const Bf16Isa& isa = bf16_isa(cpu);
  const DenseShape& shape = pass.shape;
  const DenseShape reversed = shape.reversed();
  auto* slab = reinterpret_cast<uint16_t*>(scratch);
  float* sums = scratch + dense_bf16_slab_numbers(reversed) / 2;
  float* row = sums + kBf16SumsFloats;
  float* inner = scratch + dense_bf16_slab_numbers(reversed) / 2 + dense_bf16_scratch_floats(shape);
  isa.begin();
  clear_border(reversed, slab);
  const bool residual = pass.residual_scale != 0;
  if (residual || pass.out_slope == 1) {
    fill_slab(reversed, isa, pass.grad, residual ? pass.residual_scale : 1.0f, slab, row);
  } else {
    // The slope is not negative, so the result has the sign of what went into the LeakyReLU.
    const int64_t numbers = shape.height * shape.width * shape.out_channels;
    for (int64_t i = 0; i < numbers; ++i) inner[i] = pass.out[i] > 0 ? pass.grad[i] : pass.out_slope * pass.grad[i];
    fill_slab(reversed, isa, inner, 1.0f, slab, row);
  }
  if (pass.grad_x != nullptr || shape.growths > 0) {
    const Target target{pass.no_bias, residual ? WinogradEpilogue::kResidual : WinogradEpilogue::kActivation,
                        1.0f,         1.0f,
                        pass.grad_x,  pass.grad};
    Layers{reversed, pass.packed, pass.no_bias, pass.negative_slope, slab, pass.slab, target}.run(isa, sums, row);
  }
  isa.end();
  if (pass.planes == nullptr) return;
  // The gradient of output q is at its pixel, a row and a column further. The border between rows is zero.
  const int64_t stride = slab_stride(reversed);
  const uint16_t* first = slab + (row_pixels(shape) + 1) * stride;
  for (int64_t c = 0; c < stride; c += kTileChannels) {
    isa.make_planes(
        {first + c, stride, flat_pixels(shape), pass.planes + c * plane_stride(shape), plane_stride(shape)});
  }
}

namespace {

int64_t num_tiles(const DenseShape& shape) { return slab_stride(shape) / kTileChannels; }

int64_t num_groups(const DenseShape& shape, int64_t threads) {
  return std::clamp((threads + num_tiles(shape) - 1) / num_tiles(shape), int64_t{1}, shape.num_layers());
}

// Where a job keeps the sums of a layer, of all pictures: of the weights (9, padded outputs, 32), and of the bias
// (padded outputs, 16), 16 times the same.
struct LayerSums {
  int64_t layer;
  float* weights;
  float* bias;
};

int64_t layer_sums_floats(const DenseShape& shape, int64_t layer) {
  return (kBf16Taps * kTileChannels + kWinogradPanel) * winograd_pad(shape.layer_outputs(layer));
}

// The gradients of a layer's weights from the channels that begin at `channel`, to their places.
void store_weights(const DenseShape& shape, int64_t layer, int64_t channel, const float* sums, float* weights) {
  const int64_t outputs = shape.layer_outputs(layer), inputs = shape.layer_inputs(layer);
  const int64_t padded = winograd_pad(outputs);
  weights += shape.weights_begin(layer);
  int64_t input = 0;
  for (int64_t segment = 0; segment <= layer; ++segment) {
    for (int64_t k = 0; k < shape.segment_channels(segment); ++k, ++input) {
      const int64_t at = shape.segment_begin(segment) + k - channel;
      if (at < 0 || at >= kTileChannels) continue;
      for (int64_t n = 0; n < outputs; ++n) {
        for (int64_t tap = 0; tap < kBf16Taps; ++tap)
          weights[(n * inputs + input) * kBf16Taps + tap] = sums[(tap * padded + n) * kTileChannels + at];
      }
    }
  }
}

// The features of a job's channels, in pairs that begin with even pixels or with odd ones.
int64_t pairs_numbers(const DenseShape& shape) { return slab_pixels(shape) / 2 * kPairNumbers; }

}  // namespace

int64_t dense_bf16_sum_jobs(const DenseShape& shape, int64_t threads) {
  return num_tiles(shape) * num_groups(shape, threads);
}

int64_t dense_bf16_sum_scratch_floats(const DenseShape& shape) {
  int64_t floats = pairs_numbers(shape) + kWinogradPanel;
  for (int64_t layer = 0; layer < shape.num_layers(); ++layer) floats += layer_sums_floats(shape, layer);
  return floats;
}

void dense_bf16_sum_gradients(const Bf16GradientSums& all, CpuIsa cpu, int64_t threads, int64_t job, float* scratch) {
  const Bf16Isa& isa = bf16_isa(cpu);
  const DenseShape& shape = all.shape;
  const int64_t groups = num_groups(shape, threads), group = job % groups;
  const int64_t channel = job / groups * kTileChannels;
  auto* pairs = reinterpret_cast<uint16_t*>(scratch);
  uint16_t* ones = pairs + 2 * pairs_numbers(shape);
  std::fill_n(ones, 2 * kWinogradPanel, bfloat16_bits(1.0f));
  float* sums = scratch + pairs_numbers(shape) + kWinogradPanel;
  // The layers of this group that read these channels.
  std::vector<LayerSums> layers;
  for (int64_t layer = group; layer < shape.num_layers(); layer += groups) {
    if (shape.layer_depth(layer) <= channel) continue;
    const int64_t padded = winograd_pad(shape.layer_outputs(layer));
    layers.push_back({layer, sums, sums + kBf16Taps * kTileChannels * padded});
    if (all.pictures == 0) std::fill_n(sums, layer_sums_floats(shape, layer), 0.0f);
    sums += layer_sums_floats(shape, layer);
  }
  isa.begin();
  for (int64_t picture = 0; picture < all.pictures; ++picture) {
    const uint16_t* features = all.slabs + picture * dense_bf16_slab_numbers(shape) + channel;
    for (int64_t odd = 0; odd < 2; ++odd) {
      isa.make_pairs({features + odd * slab_stride(shape), slab_stride(shape), (slab_pixels(shape) - odd) / 2 * 2,
                      kTileChannels, pairs + odd * pairs_numbers(shape), kPairNumbers});
    }
    Bf16WeightProduct product{};
    product.grad_stride = plane_stride(shape);
    product.pixels = flat_pixels(shape);
    product.adds = picture > 0;
    for (const LayerSums& to : layers) {
      const int64_t padded = winograd_pad(shape.layer_outputs(to.layer));
      for (int64_t n = 0; n < padded; n += kTileChannels) {
        product.outputs = std::min(padded - n, kTileChannels);
        product.grad = all.planes + picture * dense_bf16_planes_numbers(shape) + planes_begin(shape, to.layer) +
                       n * plane_stride(shape);
        product.inputs = std::min(shape.layer_depth(to.layer) - channel, kTileChannels);
        product.x_stride = kPairNumbers;
        product.sums_stride = kTileChannels;
        for (int64_t tap = 0; tap < kBf16Taps; ++tap) {
          const int64_t pixel = tap / 3 * row_pixels(shape) + tap % 3;
          product.x = pairs + pixel % 2 * pairs_numbers(shape) + pixel / 2 * kPairNumbers;
          product.sums = to.weights + (tap * padded + n) * kTileChannels;
          isa.multiply_weights(product);
        }
        if (channel != 0) continue;  // once for a layer
        product.inputs = kWinogradPanel;
        product.x = ones;
        product.x_stride = 0;
        product.sums_stride = kWinogradPanel;
        product.sums = to.bias + n * kWinogradPanel;
        isa.multiply_weights(product);
      }
    }
  }
  isa.end();
  for (const LayerSums& from : layers) {
    store_weights(shape, from.layer, channel, from.weights, all.weights);
    if (channel != 0) continue;
    float* bias = all.bias + shape.bias_begin(from.layer);
    for (int64_t n = 0; n < shape.layer_outputs(from.layer); ++n) bias[n] = from.bias[n * kWinogradPanel];
  }
}

}  // namespace srdgan
