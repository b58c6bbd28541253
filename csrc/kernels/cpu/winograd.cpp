#include "csrc/kernels/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>

namespace srdgan {
namespace {

constexpr int64_t kPanel = kWinogradPanel;

template <typename Precision>
using Transformed = std::array<std::array<double, kPanel>, Precision::kPoints>;  // of one input and a panel of outputs

// Calls take(k, points) with G w G' of every input k of a panel, zeros for the channels that pad.
template <typename Precision, typename Take>
void transform_weights(const float* weight, const WinogradSegments& inputs, int64_t out_channels, int64_t panel,
                       const Take& take) {
  const int64_t in_channels = inputs.channels_in_all();
  const int64_t lanes = std::min(kPanel, out_channels - panel * kPanel);
  constexpr auto& kTaps = kWinogradAxis<Precision::kTile>.taps;
  Transformed<Precision> points;
  int64_t source = 0;  // channel of the weight
  int64_t target = 0;  // channel of the packed weight
  for (int64_t segment = 0; segment < inputs.count; ++segment) {
    const int64_t end = target + winograd_pad(inputs.channels[segment]);
    for (int64_t i = 0; i < inputs.channels[segment]; ++i, ++source, ++target) {
      double taps[9][kPanel] = {};
      for (int64_t n = 0; n < lanes; ++n) {
        const float* w = weight + ((panel * kPanel + n) * in_channels + source) * 9;
        for (int tap = 0; tap < 9; ++tap) taps[tap][n] = w[tap];
      }
      for (int64_t row = 0; row < Precision::kWindow; ++row) {
        double vertical[3][kPanel];
        for (int x = 0; x < 3; ++x) {
          for (int64_t n = 0; n < kPanel; ++n) {
            vertical[x][n] =
                kTaps[row][0] * taps[x][n] + kTaps[row][1] * taps[3 + x][n] + kTaps[row][2] * taps[6 + x][n];
          }
        }
        for (int64_t column = 0; column < Precision::kWindow; ++column) {
          auto& out = points[Precision::kWindow * row + column];
          const double (&t)[3] = kTaps[column];
          for (int64_t n = 0; n < kPanel; ++n)
            out[n] = t[0] * vertical[0][n] + t[1] * vertical[1][n] + t[2] * vertical[2][n];
        }
      }
      take(target, points);
    }
    points = {};
    for (; target < end; ++target) take(target, points);
  }
}

typedef double Pair __attribute__((vector_size(16)));
typedef int64_t IntPair __attribute__((vector_size(16)));

inline Pair load_pair(const double* p) {
  Pair pair;
  std::memcpy(&pair, p, sizeof(pair));
  return pair;
}

inline Pair absolute(Pair value) { return reinterpret_cast<Pair>(reinterpret_cast<IntPair>(value) & INT64_MAX); }

// As std::lround, which rounds halves away from 0, for numbers up to the limit; larger ones and NaN become the limit.
inline Pair round_weights(Pair value) {
  constexpr double kWhole = 4503599627370496.0;  // 2^52: a sum this large has no bits left for fractions
  const IntPair sign = reinterpret_cast<IntPair>(value) & INT64_MIN;
  Pair size = absolute(value);
  size = size < kInt8WeightLimit ? size : Pair{} + kInt8WeightLimit;
  Pair rounded = size + kWhole - kWhole;  // halves to the even neighbour
  rounded = size - rounded == 0.5 ? rounded + 1.0 : rounded;
  return reinterpret_cast<Pair>(reinterpret_cast<IntPair>(rounded) | sign);
}

// The lowest byte of whole numbers, in 64 bits.
inline IntPair lowest_bytes(Pair value) {
  constexpr double kWhole = 6755399441055744.0;  // 1.5 * 2^52, for both signs
  return reinterpret_cast<IntPair>(value + kWhole) & 255;
}

}  // namespace

template <>
const WinogradIsa<Float32>& winograd_isa<Float32>(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512) return winograd_avx512();
  if (isa == CpuIsa::kAvx2) return winograd_avx2();
#elif defined(__aarch64__)
  if (isa != CpuIsa::kPortable) return winograd_neon();
#endif
  (void)isa;
  return winograd_portable();
}

template <>
const WinogradIsa<Int8>& winograd_isa<Int8>(CpuIsa isa) {
#if defined(__x86_64__)
  const bool vnni = cpu_has_fast_int8(isa);
  if (cpu_has_int8_matrices(isa)) return winograd_int8_avx512_amx();
  if (isa == CpuIsa::kAvx512 && vnni) return winograd_int8_avx512_vnni();
  if (isa == CpuIsa::kAvx2 && vnni) return winograd_int8_avx_vnni();
  if (isa != CpuIsa::kPortable) return winograd_int8_avx2();
#elif defined(__aarch64__)
  if (isa == CpuIsa::kNeonI8mm) return winograd_int8_neon_i8mm();
  if (isa == CpuIsa::kNeonDotprod) return winograd_int8_neon_dotprod();
  if (isa == CpuIsa::kNeon) return winograd_int8_neon();
#endif
  (void)isa;
  return winograd_int8_portable();
}

template <typename Precision>
WinogradOutput<Precision> winograd_multiply(const WinogradIsa<Precision>& isa, WinogradProduct<Precision> product,
                                            int64_t point_stride, const PackedConv<Precision>& conv,
                                            int64_t out_channels, int64_t panel, float* sums) {
  const int64_t channel = panel * kPanel;
  product.channels = std::min(product.channels, kWinogradPanelsAtOnce * kPanel);
  product.weight = conv.weight + channel * product.depth;
  product.m = reinterpret_cast<typename Precision::Sum*>(sums);
  product.m_stride = winograd_pad(product.channels);
  WinogradOutput<Precision> output{};
  output.m = product.m;
  output.tile_stride = product.m_stride;
  output.point_stride = product.tiles * product.m_stride + kWinogradPointPadding<float>;
  output.tiles = product.tiles;
  output.channels = product.channels;
  output.bias = conv.bias + channel;
  if (conv.start != nullptr) {
    product.start = conv.start + channel;
    output.steps = conv.steps + channel;
    output.steps_stride = out_channels;
  }
  for (int64_t point = 0; point < Precision::kPoints; ++point) {
    product.next_weight = product.weight + out_channels * product.depth;
    isa.multiply(product);
    product.v += point_stride;
    product.weight = product.next_weight;
    product.m += output.point_stride;
    if (product.start != nullptr) product.start += out_channels;
  }
  return output;
}

template WinogradOutput<Float32> winograd_multiply(const WinogradIsa<Float32>&, WinogradProduct<Float32>, int64_t,
                                                   const PackedConv<Float32>&, int64_t, int64_t, float*);
template WinogradOutput<Float32Training> winograd_multiply(const WinogradIsa<Float32Training>&,
                                                           WinogradProduct<Float32Training>, int64_t,
                                                           const PackedConv<Float32Training>&, int64_t, int64_t,
                                                           float*);
template WinogradOutput<Int8> winograd_multiply(const WinogradIsa<Int8>&, WinogradProduct<Int8>, int64_t,
                                                const PackedConv<Int8>&, int64_t, int64_t, float*);

void winograd_multiply_means(const WinogradIsa<Float32>& isa, WinogradProduct<Float32> means,
                             const PackedConv<Int8>& conv, int64_t panel, float* constants,
                             WinogradOutput<Int8>& output) {
  means.channels = output.channels;
  means.weight = conv.tap_sums + panel * kPanel * means.depth;
  means.next_weight = means.weight;
  means.m = constants;
  means.m_stride = output.tile_stride;
  isa.multiply(means);
  output.constants = constants;
}

int64_t WinogradSegments::channels_in_all() const {
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += channels[i];
  return sum;
}

int64_t WinogradSegments::depth() const {
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += winograd_pad(channels[i]);
  return sum;
}

void winograd_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, float* packed,
                   int64_t panel_begin, int64_t panel_end) {
  const int64_t depth = inputs.depth();
  const int64_t panels = winograd_pad(out_channels) / kPanel;
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    transform_weights<Float32>(weight, inputs, out_channels, panel, [&](int64_t k, const Transformed<Float32>& points) {
      for (int64_t point = 0; point < Float32::kPoints; ++point) {
        float* out = packed + ((point * panels + panel) * depth + k) * kPanel;
        for (int64_t n = 0; n < kPanel; ++n) out[n] = static_cast<float>(points[point][n]);
      }
    });
  }
}

void winograd_pack_deviations(const float* deviations, int64_t channels, float* weights) {
  constexpr double kSmallestDeviation = 1e-3;  // of the largest one: a channel that hardly varies must not count much
  const double largest = *std::max_element(deviations, deviations + channels);
  const double smallest = std::max(kSmallestDeviation * largest, 1e-6);
  std::fill_n(weights, winograd_pad(channels), 0.0f);
  for (int64_t i = 0; i < channels; ++i) {
    const double deviation = std::max(static_cast<double>(deviations[i]), smallest);
    weights[i] = static_cast<float>(1 / (deviation * deviation * static_cast<double>(Int8::kPoints * channels)));
  }
}

// A channel that is always 0 gets a very small range, so that its weights do not make the steps of others larger.
void winograd_pack_levels(const float* ranges, const WinogradSegments& inputs, float* levels) {
  constexpr double kSmallestRange = 1e-6;  // of the largest one
  const int64_t channels = inputs.channels_in_all(), depth = inputs.depth();
  const float largest = *std::max_element(ranges, ranges + Int8::kPoints * channels);
  const auto smallest = static_cast<float>(std::max(kSmallestRange * static_cast<double>(largest), kSmallestRange));
  std::fill_n(levels, Int8::kPoints * depth, 1.0f);
  for (int64_t point = 0; point < Int8::kPoints; ++point) {
    float* level = levels + point * depth;
    for (int64_t segment = 0; segment < inputs.count; ++segment) {
      // The same roundings as those of ops/_int8.py: a reciprocal, then a product.
      for (int64_t i = 0; i < inputs.channels[segment]; ++i)
        level[i] = 1.0f / std::max(*ranges++, smallest) * static_cast<float>(kInt8InputLimit);
      level += winograd_pad(inputs.channels[segment]);
    }
  }
}

void winograd_pack_int8(const float* weight, const WinogradSegments& inputs, int64_t out_channels, const float* levels,
                        int64_t levels_stride, int8_t* packed, int32_t* start, float* steps, int64_t panel) {
  constexpr int64_t kGroup = 4;  // inputs that are multiplied together
  const int64_t depth = inputs.depth();
  const int64_t padded = winograd_pad(out_channels);
  // (points, 16 / 2, depth, 2), for inputs in steps of their levels; contiguous, because it is read twice.
  constexpr int64_t kPairs = kPanel / 2;
  const std::unique_ptr<Pair[]> values(new Pair[static_cast<size_t>(Int8::kPoints * kPairs * depth)]);
  transform_weights<Int8>(weight, inputs, out_channels, panel, [&](int64_t k, const Transformed<Int8>& transformed) {
    Pair* out = values.get() + k;
    for (int64_t point = 0; point < Int8::kPoints; ++point) {
      const double level = levels[point * levels_stride + k];
      for (int64_t i = 0; i < kPairs; ++i, out += depth) *out = load_pair(transformed[point].data() + 2 * i) / level;
    }
  });
  const Pair* next = values.get();
  for (int64_t row = panel * kPanel; row < Int8::kPoints * padded; row += padded) {
    for (int64_t n = 0; n < kPanel; n += 2, next += depth) {
      Pair largest{}, not_finite{}, sum{};
      for (int64_t k = 0; k < depth; ++k) {
        largest = absolute(next[k]) > largest ? absolute(next[k]) : largest;
        not_finite += next[k] - next[k];  // NaN for an infinity or a NaN, else 0
      }
      const Pair step = largest > 0.0 ? largest / kInt8WeightLimit : Pair{} + 1.0;
      for (int64_t k = 0; k < depth; k += kGroup) {
        IntPair bytes{};
        for (int64_t i = 0; i < kGroup; ++i) {
          const Pair rounded = round_weights(next[k + i] / step);
          sum += rounded;
          bytes |= lowest_bytes(rounded) << (8 * i);
        }
        const int32_t words[2] = {static_cast<int32_t>(bytes[0]), static_cast<int32_t>(bytes[1])};
        std::memcpy(packed + row * depth + (k / kGroup * kPanel + n) * kGroup, words, sizeof(words));
      }
      for (int64_t i = 0; i < 2; ++i) {
        start[row + n + i] = -kInt8Zero * static_cast<int32_t>(sum[i]);
        steps[row + n + i] = static_cast<float>(step[i] + not_finite[i]);
      }
    }
  }
}

void winograd_pack_tap_sums(const float* weight, const WinogradSegments& inputs, int64_t out_channels, float* tap_sums,
                            int64_t panel) {
  const int64_t depth = inputs.depth(), in_channels = inputs.channels_in_all();
  const int64_t lanes = std::min(kPanel, out_channels - panel * kPanel);
  float* out = tap_sums + panel * kPanel * depth;
  std::fill_n(out, kPanel * depth, 0.0f);
  int64_t source = 0;  // channel of the weight
  for (int64_t segment = 0; segment < inputs.count; ++segment) {
    for (int64_t i = 0; i < inputs.channels[segment]; ++i, ++source) {
      for (int64_t n = 0; n < lanes; ++n) {
        const float* taps = weight + ((panel * kPanel + n) * in_channels + source) * 9;
        out[i * kPanel + n] = static_cast<float>(std::accumulate(taps, taps + 9, 0.0));
      }
    }
    out += winograd_pad(inputs.channels[segment]) * kPanel;
  }
}

}  // namespace srdgan
