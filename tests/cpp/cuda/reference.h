// The layers of the L2H net in plain double loops.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "csrc/kernels/cuda/conv_pack.h"
#include "tests/cpp/check.h"

namespace srdgan::gpu {

// (N, H, W, C)
struct Map {
  int64_t batch, height, width, channels;
  std::vector<double> values;

  Map(int64_t n, int64_t h, int64_t w, int64_t c) : batch(n), height(h), width(w), channels(c), values(n * h * w * c) {}
  double& at(int64_t n, int64_t y, int64_t x, int64_t c) {
    return values[((n * height + y) * width + x) * channels + c];
  }
  double at(int64_t n, int64_t y, int64_t x, int64_t c) const { return const_cast<Map*>(this)->at(n, y, x, c); }
};

// A layer with random weights. gain: 1 keeps the variance of white features.
class RandomLayer {
 public:
  RandomLayer(std::vector<int64_t> in_channels, int64_t out_channels, uint32_t seed, float gain = 1.0f) {
    int64_t inputs = 0;
    for (const int64_t channels : in_channels) inputs += channels;
    weight = random_floats(out_channels * inputs * 9, seed);
    bias = random_floats(out_channels, seed + 1);
    for (float& w : weight) w *= gain * std::sqrt(3.0f / static_cast<float>(9 * inputs));
    for (float& b : bias) b *= 0.1f * gain;
    out = out_channels;
    in = std::move(in_channels);
  }
  ConvLayer layer() const { return {weight.data(), bias.data(), out, in}; }

  std::vector<float> weight, bias;
  int64_t out;
  std::vector<int64_t> in;
};

inline double leaky(double value, double slope) { return value > 0 ? value : value * slope; }

// magnitudes: sums of the terms' magnitudes, by which rounding errors are bounded; may be null.
inline Map reference_conv(const Map& x, const RandomLayer& layer, double slope, Map* magnitudes = nullptr) {
  Map y(x.batch, x.height, x.width, layer.out);
  if (magnitudes != nullptr) *magnitudes = y;
  for (int64_t n = 0; n < x.batch; ++n) {
    for (int64_t i = 0; i < x.height; ++i) {
      for (int64_t j = 0; j < x.width; ++j) {
        for (int64_t o = 0; o < layer.out; ++o) {
          double sum = layer.bias[o], magnitude = std::fabs(sum);
          for (int64_t tap = 0; tap < 9; ++tap) {
            const int64_t r = i + tap / 3 - 1, c = j + tap % 3 - 1;
            if (r < 0 || r >= x.height || c < 0 || c >= x.width) continue;
            const double* pixel = &x.values[((n * x.height + r) * x.width + c) * x.channels];
            const float* weight = &layer.weight[o * x.channels * 9 + tap];
            for (int64_t k = 0; k < x.channels; ++k) {
              sum += pixel[k] * weight[9 * k];
              magnitude += std::fabs(pixel[k] * weight[9 * k]);
            }
          }
          y.at(n, i, j, o) = leaky(sum, slope);
          if (magnitudes != nullptr) magnitudes->at(n, i, j, o) = magnitude;
        }
      }
    }
  }
  return y;
}

inline Map enlarge_nearest(const Map& x) {
  Map y(x.batch, 2 * x.height, 2 * x.width, x.channels);
  for (int64_t n = 0; n < y.batch; ++n)
    for (int64_t i = 0; i < y.height; ++i)
      for (int64_t j = 0; j < y.width; ++j)
        for (int64_t c = 0; c < y.channels; ++c) y.at(n, i, j, c) = x.at(n, i / 2, j / 2, c);
  return y;
}

// Features side by side.
inline Map concatenate(const std::vector<const Map*>& maps) {
  int64_t channels = 0;
  for (const Map* map : maps) channels += map->channels;
  Map y(maps[0]->batch, maps[0]->height, maps[0]->width, channels);
  int64_t at = 0;
  for (const Map* map : maps) {
    for (int64_t pixel = 0; pixel < map->batch * map->height * map->width; ++pixel)
      for (int64_t c = 0; c < map->channels; ++c)
        y.values[pixel * channels + at + c] = map->values[pixel * map->channels + c];
    at += map->channels;
  }
  return y;
}

// x + scale * y
inline Map add_scaled(const Map& x, double scale, const Map& y) {
  Map sum = x;
  for (size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += scale * y.values[i];
  return sum;
}

// Root mean square of the difference.
inline double rms_difference(const Map& a, const Map& b) {
  double sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i) sum += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
  return std::sqrt(sum / static_cast<double>(a.values.size()));
}
inline double rms(const Map& a) {
  Map zeros = a;
  for (double& value : zeros.values) value = 0;
  return rms_difference(a, zeros);
}

}  // namespace srdgan::gpu
