#include "csrc/kernels/cpu/dense_layers.h"

#include <cstring>

#include "csrc/kernels/cpu/winograd_train.h"

namespace srdgan {
namespace {

constexpr int64_t kTile = TrainingTile::kTile;
constexpr int64_t kPoints = TrainingTile::kPoints;
constexpr int64_t kPadding = kWinogradPointPadding<float>;
// Tiles that are multiplied at a time, about: more would leave the second-level cache.
constexpr int64_t kTilesAtOnce = 32;

// A run of whole rows of tiles.
struct Chunk {
  int64_t begin;
  int64_t end;

  int64_t tiles(const DenseShape& shape) const { return (end - begin) * shape.tile_columns(); }
};

int64_t rows_at_once(const DenseShape& shape) {
  return std::clamp(kTilesAtOnce / shape.tile_columns(), int64_t{1}, shape.tile_rows());
}

int64_t num_chunks(const DenseShape& shape) {
  return (shape.tile_rows() + rows_at_once(shape) - 1) / rows_at_once(shape);
}

Chunk chunk_at(const DenseShape& shape, int64_t index) {
  const int64_t begin = index * rows_at_once(shape);
  return {begin, std::min(begin + rows_at_once(shape), shape.tile_rows())};
}

int64_t most_tiles(const DenseShape& shape) { return rows_at_once(shape) * shape.tile_columns(); }

int64_t point_stride(int64_t tiles, int64_t channels) { return tiles * channels + kPadding; }

int64_t points_floats(const DenseShape& shape, int64_t channels) {
  return kPoints * point_stride(most_tiles(shape), channels);
}

int64_t most_outputs(const DenseShape& shape) {
  return winograd_pad(std::max(shape.out_channels, shape.growths > 0 ? shape.growth_channels : 0));
}

// Channels [begin, begin + channels) of a chunk of the slab into v (points, tiles, slab_channels).
void transform_segment(const WinogradTrainIsa& isa, const DenseShape& shape, const float* slab, Chunk chunk,
                       int64_t begin, int64_t channels, float* v) {
  const int64_t depth = shape.slab_channels();
  const int64_t row_floats = shape.map_columns() * depth;
  WinogradInput<TrainingTile> input{};
  input.pixel_stride = depth;
  input.tiles = shape.tile_columns();
  input.channels = channels;
  input.tile_stride = depth;
  input.point_stride = point_stride(chunk.tiles(shape), depth);
  for (int64_t row = chunk.begin; row < chunk.end; ++row) {
    for (int64_t i = 0; i < TrainingTile::kWindow; ++i) input.rows[i] = slab + (kTile * row + i) * row_floats + begin;
    input.v = v + (row - chunk.begin) * input.tiles * depth + begin;
    isa.steps.transform_input(input);
  }
}

// A map that a layer writes: a segment of a slab, or a map of its own.
struct Target {
  float* data;  // channel 0 of the border's first pixel
  int64_t pixel_stride;
  WinogradEpilogue epilogue;
  float slope;
  const float* features;  // of the same layout as data: whose signs kGradient asks for
};

void convolve(const WinogradTrainIsa& isa, const DenseShape& shape, const DensePacked& packed, int64_t layer,
              Chunk chunk, const float* v, const Target& target, float* sums) {
  const int64_t outputs = winograd_pad(shape.layer_outputs(layer));
  const PackedConv<TrainingTile> conv{packed.weights + kPoints * shape.pairs_begin(layer),
                                      packed.bias + shape.padded_bias_begin(layer), nullptr, nullptr, nullptr};
  WinogradProduct<TrainingTile> product{};
  product.v = v;
  product.v_stride = shape.slab_channels();
  product.depth = shape.layer_depth(layer);
  product.tiles = chunk.tiles(shape);
  const int64_t row_floats = shape.map_columns() * target.pixel_stride;
  for (int64_t panel = 0; panel * kWinogradPanel < outputs; panel += kWinogradPanelsAtOnce) {
    const int64_t channel = panel * kWinogradPanel;
    product.channels = shape.layer_outputs(layer) - channel;
    WinogradOutput<TrainingTile> output = winograd_multiply(
        isa.steps, product, point_stride(product.tiles, shape.slab_channels()), conv, outputs, panel, sums);
    output.tiles = shape.tile_columns();
    output.columns = shape.width;
    output.epilogue = target.epilogue;
    output.negative_slope = target.slope;
    output.pixel_stride = target.pixel_stride;
    for (int64_t row = chunk.begin; row < chunk.end; ++row, output.m += output.tiles * output.tile_stride) {
      output.rows = std::min(kTile, shape.height - kTile * row);
      for (int64_t i = 0; i < kTile; ++i) {
        const int64_t at = (kTile * row + i + 1) * row_floats + target.pixel_stride + channel;
        output.out[i] = target.data + at;
        if (target.features != nullptr) output.inner[i] = target.features + at;
      }
      isa.steps.transform_output(output);
    }
  }
}

// All layers: the first `growths` fill the segments of the slab, the last one fills `out`. Of the backward pass,
// `features` is the slab of the forward pass.
struct Layers {
  DenseShape shape;
  DensePacked packed;
  float* slab;
  const float* features;
  float negative_slope;
  Target out;

  int64_t scratch_floats() const {
    // A single layer needs what was transformed no longer than for a chunk.
    const int64_t chunks = shape.growths > 0 ? num_chunks(shape) : 1;
    return chunks * points_floats(shape, shape.slab_channels()) + winograd_sums_floats<TrainingTile>(most_tiles(shape));
  }

  void run(const WinogradTrainIsa& isa, float* scratch) const {
    float* sums = scratch;
    float* v = sums + winograd_sums_floats<TrainingTile>(most_tiles(shape));
    const int64_t chunk_floats = shape.growths > 0 ? points_floats(shape, shape.slab_channels()) : 0;
    for (int64_t layer = 0; layer < shape.num_layers(); ++layer) {
      const Target target = layer < shape.growths ? segment(layer + 1) : out;
      for (int64_t i = 0; i < num_chunks(shape); ++i) {
        const Chunk chunk = chunk_at(shape, i);
        float* transformed = v + i * chunk_floats;
        transform_segment(isa, shape, slab, chunk, shape.segment_begin(layer),
                          winograd_pad(shape.segment_channels(layer)), transformed);
        convolve(isa, shape, packed, layer, chunk, transformed, target, sums);
      }
    }
  }

 private:
  Target segment(int64_t index) const {
    Target target{slab + shape.segment_begin(index), shape.slab_channels(), WinogradEpilogue::kActivation,
                  negative_slope, nullptr};
    if (features != nullptr) {
      // Segment i of the gradients belongs to the layer that made segment growths + 1 - i of the features.
      const DenseShape forward = shape.reversed();
      target.epilogue = WinogradEpilogue::kGradient;
      target.features = features + forward.segment_begin(shape.num_layers() - index);
    }
    return target;
  }
};

// A picture (height, width, channels) into the segment of a map that begins at `to`: value(at) for every number.
template <typename Value>
void fill_segment(const DenseShape& shape, int64_t channels, float* to, int64_t pixel_stride, const Value& value) {
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t x = 0; x < shape.width; ++x) {
      float* pixel = to + ((y + 1) * shape.map_columns() + x + 1) * pixel_stride;
      const int64_t at = (y * shape.width + x) * channels;
      for (int64_t c = 0; c < channels; ++c) pixel[c] = value(at + c);
    }
  }
}

// What a map (height, width, padded channels) holds, and value(at, what it holds) into a picture without padding.
template <typename Value>
void empty_map(const DenseShape& shape, int64_t channels, const float* map, float* picture, const Value& value) {
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t x = 0; x < shape.width; ++x) {
      const float* pixel = map + ((y + 1) * shape.map_columns() + x + 1) * winograd_pad(channels);
      const int64_t at = (y * shape.width + x) * channels;
      for (int64_t c = 0; c < channels; ++c) picture[at + c] = value(at + c, pixel[c]);
    }
  }
}

// Adds the pixels of a segment up, row by row.
void sum_pixels(const DenseShape& shape, const float* segment, int64_t pixel_stride, int64_t channels, float* sums) {
  std::fill_n(sums, channels, 0.0f);
  for (int64_t first = 0; first < channels; first += kWinogradPanel) {
    for (int64_t y = 0; y < shape.height; ++y) {
      float row[kWinogradPanel] = {};
      for (int64_t x = 0; x < shape.width; ++x) {
        const float* pixel = segment + ((y + 1) * shape.map_columns() + x + 1) * pixel_stride + first;
        for (int64_t c = 0; c < kWinogradPanel; ++c) row[c] += pixel[c];
      }
      for (int64_t c = 0; c < kWinogradPanel; ++c) sums[first + c] += row[c];
    }
  }
}

// The gradients of a picture's weights, from both slabs.
void sum_weights(const WinogradTrainIsa& isa, const DenseShape& shape, const float* slab, const float* grad_slab,
                 float* taps, float* scratch) {
  const DenseShape reversed = shape.reversed();
  const int64_t depth = shape.slab_channels();
  float* v = scratch;
  float* m = v + points_floats(shape, depth);
  float* sums = m + points_floats(shape, most_outputs(shape));
  std::fill_n(sums, kPoints * shape.pairs_begin(shape.num_layers()), 0.0f);
  for (int64_t i = 0; i < num_chunks(shape); ++i) {
    const Chunk chunk = chunk_at(shape, i);
    transform_segment(isa, shape, slab, chunk, 0, depth, v);
    for (int64_t layer = 0; layer < shape.num_layers(); ++layer) {
      WinogradGradient gradient{};
      gradient.pixel_stride = reversed.slab_channels();
      gradient.tiles = shape.tile_columns();
      gradient.channels = winograd_pad(shape.layer_outputs(layer));
      gradient.tile_stride = gradient.channels;
      gradient.point_stride = point_stride(chunk.tiles(shape), gradient.channels);
      for (int64_t row = chunk.begin; row < chunk.end; ++row) {
        for (int64_t y = 0; y < kTile; ++y) {
          gradient.rows[y] = grad_slab + reversed.segment_begin(shape.growths - layer) +
                             ((kTile * row + y + 1) * shape.map_columns() + 1) * gradient.pixel_stride;
        }
        gradient.m = m + (row - chunk.begin) * gradient.tiles * gradient.tile_stride;
        isa.transform_gradient(gradient);
      }
      WinogradWeightProduct product{};
      product.v_stride = depth;
      product.m_stride = gradient.channels;
      product.tiles = chunk.tiles(shape);
      product.depth = shape.layer_depth(layer);
      product.channels = gradient.channels;
      for (int64_t point = 0; point < kPoints; ++point) {
        product.v = v + point * point_stride(product.tiles, depth);
        product.m = m + point * gradient.point_stride;
        product.sums = sums + kPoints * shape.pairs_begin(layer) + point * product.depth * product.channels;
        isa.multiply_weights(product);
      }
    }
  }
  for (int64_t layer = 0; layer < shape.num_layers(); ++layer) {
    const int64_t begin = shape.pairs_begin(layer);
    isa.transform_taps({sums + kPoints * begin, shape.pairs_begin(layer + 1) - begin, taps + 9 * begin});
  }
}

int64_t sum_weights_scratch_floats(const DenseShape& shape) {
  return points_floats(shape, shape.slab_channels()) + points_floats(shape, most_outputs(shape)) +
         kPoints * shape.pairs_begin(shape.num_layers());
}

}  // namespace

const WinogradTrainIsa& winograd_train_isa(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512) return winograd_train_avx512();
  if (isa == CpuIsa::kAvx2) return winograd_train_avx2();
#elif defined(__aarch64__)
  if (isa != CpuIsa::kPortable) return winograd_train_neon();
#endif
  (void)isa;
  return winograd_train_portable();
}

int64_t DenseShape::weights_begin(int64_t layer) const {
  int64_t sum = 0;
  for (int64_t i = 0; i < layer; ++i) sum += 9 * layer_inputs(i) * layer_outputs(i);
  return sum;
}

int64_t DenseShape::pairs_begin(int64_t layer) const {
  int64_t sum = 0;
  for (int64_t i = 0; i < layer; ++i) sum += layer_depth(i) * winograd_pad(layer_outputs(i));
  return sum;
}

int64_t dense_packed_floats(const DenseShape& shape) { return kPoints * shape.pairs_begin(shape.num_layers()); }

void dense_pack(const DenseShape& shape, CpuIsa isa, const float* weights, float* packed) {
  std::fill_n(packed, dense_packed_floats(shape), 0.0f);
  for (int64_t layer = 0; layer < shape.num_layers(); ++layer) {
    WinogradWeights part{};
    part.in_stride = 9;
    part.out_stride = 9 * shape.layer_inputs(layer);
    part.out_channels = shape.layer_outputs(layer);
    part.depth = shape.layer_depth(layer);
    for (int64_t segment = 0; segment <= layer; ++segment) {
      const int64_t first = segment == 0 ? 0 : shape.layer_inputs(segment - 1);
      part.weight = weights + shape.weights_begin(layer) + 9 * first;
      part.in_channels = shape.segment_channels(segment);
      part.packed = packed + kPoints * shape.pairs_begin(layer) + shape.segment_begin(segment) * kWinogradPanel;
      winograd_train_isa(isa).transform_weights(part);
    }
  }
}

void dense_pack_reversed(const DenseShape& shape, CpuIsa isa, const float* weights, float* packed) {
  const DenseShape reversed = shape.reversed();
  std::fill_n(packed, dense_packed_floats(reversed), 0.0f);
  for (int64_t layer = 0; layer < shape.num_layers(); ++layer) {
    // Layer `layer` of the backward pass makes the gradient of this segment of the features,
    const int64_t feature = shape.growths - layer;
    const int64_t first = feature == 0 ? 0 : shape.layer_inputs(feature - 1);
    WinogradWeights part{};
    part.mirrored = true;
    part.out_stride = 9;
    part.out_channels = reversed.layer_outputs(layer);
    part.depth = reversed.layer_depth(layer);
    for (int64_t segment = 0; segment <= layer; ++segment) {
      // to which every layer behind it contributes.
      const int64_t reader = shape.growths - segment;
      part.weight = weights + shape.weights_begin(reader) + 9 * first;
      part.in_stride = 9 * shape.layer_inputs(reader);
      part.in_channels = reversed.segment_channels(segment);
      part.packed = packed + kPoints * reversed.pairs_begin(layer) + reversed.segment_begin(segment) * kWinogradPanel;
      winograd_train_isa(isa).transform_weights(part);
    }
  }
}

void dense_pack_bias(const DenseShape& shape, const float* bias, float* padded) {
  std::fill_n(padded, shape.padded_bias_begin(shape.num_layers()), 0.0f);
  for (int64_t layer = 0; layer < shape.num_layers(); ++layer)
    std::copy_n(bias + shape.bias_begin(layer), shape.layer_outputs(layer), padded + shape.padded_bias_begin(layer));
}

int64_t dense_forward_scratch_floats(const DenseShape& shape) {
  return shape.map_floats(winograd_pad(shape.out_channels)) + Layers{shape, {}, {}, {}, {}, {}}.scratch_floats();
}

void dense_forward(const DenseForward& pass, CpuIsa isa, float* scratch) {
  const DenseShape& shape = pass.shape;
  const float* x = pass.x;
  float* map = scratch;
  const int64_t out_channels = winograd_pad(shape.out_channels);
  std::fill_n(pass.slab, shape.slab_floats(), 0.0f);
  fill_segment(shape, shape.in_channels, pass.slab, shape.slab_channels(), [x](int64_t at) { return x[at]; });
  const float slope = pass.residual_scale == 0 ? pass.out_slope : 1.0f;
  const Layers layers{shape,   pass.packed,         pass.slab,
                      nullptr, pass.negative_slope, {map, out_channels, WinogradEpilogue::kActivation, slope, nullptr}};
  layers.run(winograd_train_isa(isa), map + shape.map_floats(out_channels));
  const float scale = pass.residual_scale;
  if (scale == 0) {
    empty_map(shape, shape.out_channels, map, pass.out, [](int64_t, float y) { return y; });
  } else {
    empty_map(shape, shape.out_channels, map, pass.out, [=](int64_t at, float y) { return x[at] + scale * y; });
  }
}

int64_t dense_taps_floats(const DenseShape& shape) { return 9 * shape.pairs_begin(shape.num_layers()); }

int64_t dense_backward_scratch_floats(const DenseShape& shape) {
  const DenseShape reversed = shape.reversed();
  return reversed.slab_floats() + shape.map_floats(winograd_pad(shape.in_channels)) +
         std::max(Layers{reversed, {}, {}, {}, {}, {}}.scratch_floats(), sum_weights_scratch_floats(shape));
}

void dense_backward(const DenseBackward& pass, CpuIsa isa, float* scratch) {
  const WinogradTrainIsa& steps = winograd_train_isa(isa);
  const DenseShape& shape = pass.shape;
  const DenseShape reversed = shape.reversed();
  const int64_t in_channels = winograd_pad(shape.in_channels);
  const float* grad = pass.grad;
  const float* out = pass.out;
  float* slab = scratch;
  float* map = slab + reversed.slab_floats();
  float* rest = map + shape.map_floats(in_channels);
  std::fill_n(slab, reversed.slab_floats(), 0.0f);
  const float scale = pass.residual_scale;
  const float slope = pass.out_slope;
  if (scale != 0) {
    fill_segment(reversed, shape.out_channels, slab, reversed.slab_channels(),
                 [=](int64_t at) { return scale * grad[at]; });
  } else if (slope != 1) {
    // The slope is not negative, so the result has the sign of what went into the LeakyReLU.
    fill_segment(reversed, shape.out_channels, slab, reversed.slab_channels(),
                 [=](int64_t at) { return out[at] > 0 ? grad[at] : slope * grad[at]; });
  } else {
    fill_segment(reversed, shape.out_channels, slab, reversed.slab_channels(), [=](int64_t at) { return grad[at]; });
  }
  if (pass.grad_x != nullptr || shape.growths > 0) {
    const Layers layers{
        reversed,  pass.packed,         slab,
        pass.slab, pass.negative_slope, {map, in_channels, WinogradEpilogue::kActivation, 1.0f, nullptr}};
    layers.run(steps, rest);
  }
  if (pass.grad_x != nullptr) {
    if (scale != 0) {
      empty_map(shape, shape.in_channels, map, pass.grad_x, [=](int64_t at, float g) { return grad[at] + g; });
    } else {
      empty_map(shape, shape.in_channels, map, pass.grad_x, [](int64_t, float g) { return g; });
    }
  }
  if (pass.taps == nullptr) return;
  for (int64_t layer = 0; layer < shape.num_layers(); ++layer) {
    sum_pixels(shape, slab + reversed.segment_begin(shape.growths - layer), reversed.slab_channels(),
               winograd_pad(shape.layer_outputs(layer)), pass.grad_bias + shape.padded_bias_begin(layer));
  }
  sum_weights(steps, shape, pass.slab, slab, pass.taps, rest);
}

void dense_sum_gradients(const DenseGradients& g, int64_t layer_begin, int64_t layer_end) {
  const DenseShape& shape = g.shape;
  const int64_t taps_stride = dense_taps_floats(shape);
  const int64_t bias_stride = shape.padded_bias_begin(shape.num_layers());
  for (int64_t layer = layer_begin; layer < layer_end; ++layer) {
    const int64_t outputs = shape.layer_outputs(layer), inputs = shape.layer_inputs(layer);
    const int64_t depth = shape.layer_depth(layer), padded = winograd_pad(outputs);
    const float* bias = g.padded_bias + shape.padded_bias_begin(layer);
    for (int64_t n = 0; n < outputs; ++n) {
      float sum = 0;
      for (int64_t picture = 0; picture < g.pictures; ++picture) sum += bias[picture * bias_stride + n];
      g.bias[shape.bias_begin(layer) + n] = sum;
    }
    float* weights = g.weights + shape.weights_begin(layer);
    int64_t input = 0;
    for (int64_t segment = 0; segment <= layer; ++segment) {
      for (int64_t k = 0; k < shape.segment_channels(segment); ++k, ++input) {
        for (int64_t tap = 0; tap < 9; ++tap) {
          const float* from =
              g.taps + 9 * shape.pairs_begin(layer) + (tap * depth + shape.segment_begin(segment) + k) * padded;
          for (int64_t n = 0; n < outputs; ++n) {
            float sum = 0;
            for (int64_t picture = 0; picture < g.pictures; ++picture) sum += from[picture * taps_stride + n];
            weights[(n * inputs + input) * 9 + tap] = sum;
          }
        }
      }
    }
  }
}

}  // namespace srdgan
