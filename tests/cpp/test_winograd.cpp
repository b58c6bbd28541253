// The three steps of a Winograd convolution, in every instruction set of this processor and in the text of the one that
// few have, against plain loops.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "csrc/kernels/cpu/winograd.h"
#include "tests/cpp/check.h"
#include "tests/cpp/guarded.h"
#include "tests/cpp/isas.h"
#include "tests/cpp/winograd_wide.h"

using namespace srdgan;

namespace {

constexpr int64_t kTile = Float32::kTile;
constexpr int64_t kWindow = Float32::kWindow;

// The transforms as Toom and Cook define them, for a list of points with their factors; infinity is the last one.
template <typename Precision>
struct Definition {
  static constexpr int64_t kTile = Precision::kTile, kWindow = Precision::kWindow, kPoints = Precision::kPoints;

  double b[kWindow][kWindow] = {}, g[kWindow][3] = {}, a[kTile][kWindow] = {};

  Definition() {
    std::vector<WinogradPoint> points = {{0.0}};
    for (WinogradPoint point : kWinogradAt<kTile>) {
      points.push_back(point);
      point.at = -point.at;
      points.push_back(point);
    }
    points.push_back({std::numeric_limits<double>::infinity()});
    for (int64_t p = 0; p < kWindow; ++p) {
      const WinogradPoint point = points[p];
      const bool finite = p + 1 < kWindow;
      const double factor = point.coefficients * point.inputs;
      b[p][0] = factor;  // times the product of x - q for all other points q
      double scale = factor * point.outputs;
      int64_t degree = 0;
      for (int64_t q = 0; q + 1 < kWindow; ++q) {
        if (q == p) continue;
        for (int64_t k = ++degree; k >= 0; --k) b[p][k] = (k > 0 ? b[p][k - 1] : 0.0) - points[q].at * b[p][k];
        if (finite) scale *= point.at - points[q].at;
      }
      for (int64_t k = 0; k < 3; ++k) g[p][k] = finite ? std::pow(point.at, k) / scale : k == 2;
      for (int64_t k = 0; k < kTile; ++k) a[k][p] = finite ? point.outputs * std::pow(point.at, k) : k + 1 == kTile;
    }
  }

  // G w G' of nine taps at one point.
  double weight(const float* w, int64_t point) const {
    double sum = 0.0;
    for (int64_t tap = 0; tap < 9; ++tap) sum += g[point / kWindow][tap / 3] * g[point % kWindow][tap % 3] * w[tap];
    return sum;
  }
};

struct Implementation {
  std::string name;
  const WinogradIsa<Float32>* isa;
  const WinogradIsa<Int8>* int8;
};

std::vector<Implementation> implementations() {
  std::vector<Implementation> all = {{"wide portable", &wide_portable::kFloats, &wide_portable::kBytes}};
#if defined(__x86_64__)
  if (cpu_supports(CpuIsa::kAvx2)) all.push_back({"wide avx2", &wide_avx2::kFloats, &wide_avx2::kBytes});
#endif
#if defined(__x86_64__)
  // Chosen only where there are no products of matrices.
  if (cpu_has_int8_matrices(CpuIsa::kAvx512) && cpu_has_fast_int8(CpuIsa::kAvx512))
    all.push_back({"avx512_vnni", &winograd_avx512(), &winograd_int8_avx512_vnni()});
#endif
  for (CpuIsa isa : tested_isas()) {
    all.push_back({cpu_isa_name(isa), &winograd_isa<Float32>(isa), &winograd_isa<Int8>(isa)});
    std::printf("%s %s instructions for int8\n", cpu_isa_name(isa), cpu_has_fast_int8(isa) ? "with" : "without");
  }
  return all;
}

struct Case {
  std::vector<int64_t> inputs;  // channels of each segment
  int64_t out_channels;
  int64_t tiles;
  int64_t rows = Float32::kTile;  // that are stored
  int64_t columns_missing = 0;
  WinogradEpilogue epilogue = WinogradEpilogue::kActivation;
  float negative_slope = 0.2f;
  bool copied = false;
  bool in_place = false;  // the shortcut's place is taken by the result
  bool padded = true;     // the channels that pad the outputs are asked for, too
};

struct Layer {
  explicit Layer(const Case& c)
      : segments{static_cast<int64_t>(c.inputs.size()), c.inputs.data()},
        depth(segments.depth()),
        out_padded(winograd_pad(c.out_channels)),
        weight(random_floats(c.out_channels * segments.channels_in_all() * 9, 2)),
        bias(random_floats(c.out_channels, 3)),
        packed(winograd_packed_size<Float32>(segments, c.out_channels), kNan) {
    bias.resize(out_padded, 0.0f);
    winograd_pack(weight.data(), segments, c.out_channels, packed.data(), 0, out_padded / kWinogradPanel);
  }

  WinogradSegments segments;
  int64_t depth;
  int64_t out_padded;
  std::vector<float> weight, bias, packed;
};

// A window of rows of tiles * kTile + 2 pixels: of each segment a map of its own, zeros in the channels that pad it.
std::vector<std::vector<float>> make_maps(const Case& c) {
  std::vector<std::vector<float>> maps;
  const int64_t pixels = kWindow * (kTile * c.tiles + 2);
  for (size_t s = 0; s < c.inputs.size(); ++s) {
    const int64_t channels = c.inputs[s], padded = winograd_pad(channels);
    const auto values = random_floats(pixels * channels, static_cast<uint32_t>(10 + s));
    std::vector<float> map(pixels * padded, 0.0f);
    for (int64_t p = 0; p < pixels; ++p) std::copy_n(values.begin() + p * channels, channels, map.begin() + p * padded);
    maps.push_back(std::move(map));
  }
  return maps;
}

// Sums and bias of channel n at one output.
double naive(const Case& c, const Layer& layer, const std::vector<std::vector<float>>& maps, int64_t y, int64_t x,
             int64_t n) {
  const int64_t width = kTile * c.tiles + 2;
  double sum = layer.bias[n];
  const float* w = layer.weight.data() + n * layer.segments.channels_in_all() * 9;
  for (size_t s = 0; s < c.inputs.size(); ++s) {
    const int64_t padded = winograd_pad(c.inputs[s]);
    for (int64_t k = 0; k < c.inputs[s]; ++k, w += 9) {
      for (int64_t dy = 0; dy < 3; ++dy) {
        for (int64_t dx = 0; dx < 3; ++dx) {
          sum += static_cast<double>(w[3 * dy + dx]) * maps[s][((y + dy) * width + x + dx) * padded + k];
        }
      }
    }
  }
  return sum;
}

// Tiles [begin, end) of the run, stored to `out` (and `copy`), which begin with the run's first pixel.
void convolve(const WinogradIsa<Float32>& isa, const Case& c, const Layer& layer,
              const std::vector<std::vector<float>>& maps, int64_t begin, int64_t end,
              const std::array<const float*, 2>& shortcuts, float* out, float* copy) {
  constexpr int64_t kPadding = 16, kExtra = 16;  // what lies between points, and between the sums of two tiles
  const int64_t tiles = end - begin;
  const int64_t point_stride = tiles * layer.depth + kPadding;
  std::vector<float> transformed(Float32::kPoints * point_stride, kNan);
  int64_t depth_before = 0;
  for (size_t s = 0; s < c.inputs.size(); ++s) {
    WinogradInput<Float32> input{};
    input.pixel_stride = input.channels = winograd_pad(c.inputs[s]);
    for (int64_t i = 0; i < kWindow; ++i) {
      input.rows[i] = maps[s].data() + (i * (kTile * c.tiles + 2) + kTile * begin) * input.pixel_stride;
    }
    input.tiles = tiles;
    input.v = transformed.data() + depth_before;
    input.tile_stride = layer.depth;
    input.point_stride = point_stride;
    isa.transform_input(input);
    depth_before += input.channels;
  }

  const int64_t m_stride = layer.out_padded + kExtra;
  const int64_t sums_stride = tiles * m_stride + kPadding;
  std::vector<float> sums(Float32::kPoints * sums_stride, kUntouched);
  for (int64_t point = 0; point < Float32::kPoints; ++point) {
    WinogradProduct<Float32> product{};
    product.v = transformed.data() + point * point_stride;
    product.v_stride = product.depth = layer.depth;
    product.weight = layer.packed.data() + point * layer.out_padded * layer.depth;
    product.channels = c.padded ? layer.out_padded : c.out_channels;
    product.tiles = tiles;
    product.m = sums.data() + point * sums_stride;
    product.m_stride = m_stride;
    isa.multiply(product);
    bool kept = true;
    for (int64_t i = 0; i < sums_stride; ++i) {
      const bool inside = i < tiles * m_stride && i % m_stride < layer.out_padded;
      kept &= inside || product.m[i] == kUntouched;
    }
    CHECK(kept, "multiply wrote beside the sums of %ld tiles", static_cast<long>(tiles));
  }

  WinogradOutput<Float32> output{};
  output.m = sums.data();
  output.tile_stride = m_stride;
  output.point_stride = sums_stride;
  output.tiles = tiles;
  output.channels = c.padded ? layer.out_padded : c.out_channels;
  output.rows = c.rows;
  output.columns = std::min(kTile * tiles, kTile * (c.tiles - begin) - c.columns_missing);
  output.bias = layer.bias.data();
  output.epilogue = c.epilogue;
  output.negative_slope = c.negative_slope;
  output.scale = 0.2f;
  output.pixel_stride = layer.out_padded;
  for (int64_t i = 0; i < c.rows; ++i) {  // the other rows stay null: to touch them is to crash
    const int64_t offset = (i * c.tiles + begin) * kTile * layer.out_padded;
    output.out[i] = out + offset;
    if (c.copied) output.copy[i] = copy + offset;
    if (c.epilogue != WinogradEpilogue::kActivation) output.inner[i] = shortcuts[0] + offset;
    if (c.epilogue == WinogradEpilogue::kDoubleResidual) output.outer[i] = shortcuts[1] + offset;
  }
  isa.transform_output(output);
}

// The standard deviation of an output's rounding error, as docs/kernels.md derives it, for weights and inputs that are
// uniform in -1..1: each of the 9 products per channel has a variance of 1/9.
double rounding_error(int64_t channels) {
  const double roundings = (static_cast<double>(channels) / 2 + 20) / 3;
  return std::ldexp(20.6, -24) * std::sqrt(roundings * static_cast<double>(channels));
}

void check_case(const Implementation& implementation, const Case& c) {
  const WinogradIsa<Float32>& isa = *implementation.isa;
  const Layer layer(c);
  const auto maps = make_maps(c);
  const int64_t width = kTile * c.tiles;
  const int64_t count = kTile * width * layer.out_padded;
  const auto inner = random_floats(count, 5);
  const auto outer = random_floats(count, 6);
  const std::vector<float> before = c.in_place ? inner : std::vector<float>(count, kUntouched);

  std::vector<float> out = before;
  std::vector<float> copy(count, kUntouched);
  convolve(isa, c, layer, maps, 0, c.tiles, {c.in_place ? out.data() : inner.data(), outer.data()}, out.data(),
           copy.data());

  double worst = 0.0, squares = 0.0;
  int64_t checked = 0;
  bool kept = true, copied = true, padded = true;
  for (int64_t y = 0; y < kTile; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t n = 0; n < layer.out_padded; ++n) {
        const int64_t i = (y * width + x) * layer.out_padded + n;
        if (y >= c.rows || x >= width - c.columns_missing) {
          kept &= out[i] == before[i] && copy[i] == kUntouched;
          continue;
        }
        if (n >= c.out_channels && !c.padded) continue;
        copied &= copy[i] == (c.copied ? out[i] : kUntouched);
        if (n >= c.out_channels && c.epilogue == WinogradEpilogue::kActivation) padded &= out[i] == 0.0f;
        double y_sum = n < c.out_channels ? naive(c, layer, maps, y, x, n) : 0.0;
        if (c.epilogue == WinogradEpilogue::kActivation) {
          if (y_sum < 0) y_sum *= c.negative_slope;
        } else {
          y_sum = inner[i] + 0.2 * y_sum;
          if (c.epilogue == WinogradEpilogue::kDoubleResidual) y_sum = outer[i] + 0.2 * y_sum;
        }
        const double error = std::abs(out[i] - y_sum);
        worst = error <= worst ? worst : error;  // a NaN becomes the worst
        if (n < c.out_channels) {
          squares += error * error;
          ++checked;
        }
      }
    }
  }
  const std::string what = implementation.name + ": " + std::to_string(layer.segments.channels_in_all()) + " -> " +
                           std::to_string(c.out_channels) + " channels, " + std::to_string(c.tiles) + " tiles, " +
                           std::to_string(c.rows) + " rows, " + std::to_string(c.columns_missing) +
                           " columns missing, epilogue " + std::to_string(static_cast<int>(c.epilogue));
  // Outputs whose powers are large have larger errors than the others, so the worst may be many standard deviations.
  const double bound = rounding_error(layer.segments.channels_in_all());
  const double mean = std::sqrt(squares / static_cast<double>(checked));
  CHECK(mean <= bound, "%s: root mean square error %g of %g", what.c_str(), mean, bound);
  CHECK(worst <= 16 * bound, "%s: error %g of 16 times %g", what.c_str(), worst, bound);
  CHECK(kept, "%s: wrote beyond its rows and columns", what.c_str());
  CHECK(copied, "%s: copy", what.c_str());
  CHECK(padded, "%s: channels that pad are not zero", what.c_str());

  // One tile after the other: what is computed together changes no bit.
  std::vector<float> again = before, again_copy(count, kUntouched);
  for (int64_t tile = 0; tile < c.tiles; ++tile) {
    convolve(isa, c, layer, maps, tile, tile + 1, {c.in_place ? again.data() : inner.data(), outer.data()},
             again.data(), again_copy.data());
  }
  CHECK(again == out && again_copy == copy, "%s: depends on the tiles computed together", what.c_str());
}

// Every panel writes all of its own lines and nothing else, and a segment's channels stand where depth() says.
void check_pack(const Case& c) {
  const Layer layer(c);
  const int64_t panels = layer.out_padded / kWinogradPanel;
  std::vector<float> one_by_one(layer.packed.size(), kUntouched);
  for (int64_t panel = panels; panel-- > 0;) {
    std::vector<float> alone(layer.packed.size(), kUntouched);
    winograd_pack(layer.weight.data(), layer.segments, c.out_channels, alone.data(), panel, panel + 1);
    bool right = true;
    for (size_t i = 0; i < alone.size(); ++i) {
      const int64_t of = static_cast<int64_t>(i) / (layer.depth * kWinogradPanel) % panels;
      right &= alone[i] == (of == panel ? layer.packed[i] : kUntouched);
    }
    CHECK(right, "panel %ld of %ld", static_cast<long>(panel), static_cast<long>(panels));
    winograd_pack(layer.weight.data(), layer.segments, c.out_channels, one_by_one.data(), panel, panel + 1);
  }
  CHECK(one_by_one == layer.packed, "panels one by one give other weights");

  const Definition<Float32> definition;
  double worst = 0.0;
  for (int64_t n = 0; n < layer.out_padded; ++n) {
    int64_t source = 0, target = 0;
    for (int64_t channels : c.inputs) {
      for (int64_t k = 0; k < winograd_pad(channels); ++k, ++target) {
        const bool real = k < channels && n < c.out_channels;
        const float* w = real ? layer.weight.data() + (n * layer.segments.channels_in_all() + source + k) * 9 : nullptr;
        for (int64_t point = 0; point < Float32::kPoints; ++point) {
          const int64_t line = (point * panels + n / kWinogradPanel) * layer.depth + target;
          const double right = real ? definition.weight(w, point) : 0.0;
          const double error = std::abs(layer.packed[line * kWinogradPanel + n % kWinogradPanel] - right);
          worst = std::max(worst, real ? error : 1e9 * error);
        }
      }
      source += channels;
    }
  }
  CHECK(worst <= 1e-6, "weights of %ld segments are off by %g, or stand elsewhere",
        static_cast<long>(layer.segments.count), worst);
}

// Step 1 in bytes: the tiles' means and spreads, and transformed inputs without them, rounded to levels and cut off.
void check_bytes(const Implementation& implementation, int64_t channels, int64_t tiles, bool measured) {
  const Definition<Int8> definition;
  const int64_t width = Int8::kTile * tiles + 2, point_stride = tiles * channels;
  const auto map = random_floats(Int8::kWindow * width * channels, 1);
  auto levels = random_floats(Int8::kPoints * channels, 2);
  for (float& level : levels) level = 100.0f + 90.0f * level;  // some inputs exceed what a byte holds
  auto weights = random_floats(channels, 10);
  for (float& weight : weights) weight = (1.0f + 0.9f * weight) / static_cast<float>(10 * channels);

  constexpr int64_t kGuard = 64;
  std::vector<uint8_t> bytes(Int8::kPoints * point_stride + kGuard, 99);
  std::vector<float> means(point_stride + kGuard, 99.0f), spreads(tiles + kGuard, 99.0f);
  WinogradInput<Int8> input{};
  for (int64_t i = 0; i < Int8::kWindow; ++i) input.rows[i] = map.data() + i * width * channels;
  input.pixel_stride = input.channels = input.tile_stride = input.levels_stride = input.means_stride = channels;
  input.tiles = tiles;
  input.point_stride = point_stride;
  input.v = bytes.data();
  input.levels = levels.data();
  input.means = means.data();
  input.spreads = spreads.data();
  input.deviation_weights = measured ? weights.data() : nullptr;
  if (!measured) std::copy_n(weights.begin(), tiles, spreads.begin());  // any numbers
  implementation.int8->transform_input(input);
  const auto value = [&](int64_t i, int64_t y, int64_t x) {  // of number i of a tile's channels
    return static_cast<double>(input.rows[y][(Int8::kTile * (i / channels) + x) * channels + i % channels]);
  };
  std::vector<double> exact_means(point_stride);
  double worst_mean = 0.0;
  for (int64_t i = 0; i < point_stride; ++i) {
    for (int64_t y = 1; y <= Int8::kTile; ++y)
      for (int64_t x = 1; x <= Int8::kTile; ++x) exact_means[i] += value(i, y, x) / (Int8::kTile * Int8::kTile);
    worst_mean = std::max(worst_mean, std::abs(exact_means[i] - means[i]));
  }
  CHECK(worst_mean <= 1e-6, "%s: a mean is off by %g", implementation.name.c_str(), worst_mean);
  double worst_spread = 0.0;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    double squares = 0.0;
    for (int64_t i = tile * channels; i < (tile + 1) * channels; ++i) {
      for (int64_t point = 0; point < Int8::kPoints; ++point) {
        const double deviation = value(i, point / Int8::kWindow, point % Int8::kWindow) - exact_means[i];
        squares += deviation * deviation * weights[i % channels];
      }
    }
    const double exact = measured ? std::sqrt(squares) : weights[tile];
    worst_spread = std::max(worst_spread, std::abs(spreads[tile] - exact) / exact);
  }
  CHECK(worst_spread <= 1e-6, "%s: a spread is off by %g", implementation.name.c_str(), worst_spread);
  double worst = 0.0;
  int64_t cut = 0;
  for (int64_t point = 0; point < Int8::kPoints; ++point) {
    for (int64_t i = 0; i < point_stride; ++i) {
      double exact = 0.0;
      for (int64_t y = 0; y < Int8::kWindow; ++y) {
        for (int64_t x = 0; x < Int8::kWindow; ++x) {
          exact += definition.b[point / Int8::kWindow][y] * definition.b[point % Int8::kWindow][x] *
                   (value(i, y, x) - exact_means[i]);
        }
      }
      exact *= levels[point * channels + i % channels] / spreads[i / channels];
      cut += exact < -127.0 || exact > 127.0;
      worst = std::max(worst, std::abs(std::clamp(exact, -127.0, 127.0) + 128.0 - bytes[point * point_stride + i]));
    }
  }
  CHECK(worst <= 0.5001, "%s: a byte is off by %g levels", implementation.name.c_str(), worst);
  CHECK(cut > 0, "no input is cut off: the test shows less than it says");
  CHECK(std::all_of(bytes.end() - kGuard, bytes.end(), [](uint8_t b) { return b == 99; }) &&
            std::all_of(means.end() - kGuard, means.end(), [](float mean) { return mean == 99.0f; }) &&
            std::all_of(spreads.end() - kGuard, spreads.end(), [](float spread) { return spread == 99.0f; }),
        "%s: wrote beyond its bytes, means or spreads", implementation.name.c_str());
}

// Step 2 in bytes is exact, with the largest of all numbers, too.
void check_byte_products(const Implementation& implementation, int64_t depth, int64_t panels, int64_t tiles,
                         bool extreme) {
  const int64_t channels = panels * kWinogradPanel;
  const auto random = random_floats(tiles * depth + channels * depth, 3);
  std::vector<uint8_t> v(tiles * depth);
  std::vector<int8_t> w(channels * depth);
  std::vector<int32_t> start(channels), m(tiles * channels + 16, 77);
  for (size_t i = 0; i < v.size(); ++i) v[i] = extreme ? 255 : static_cast<uint8_t>(128.0f + 127.0f * random[i]);
  for (size_t i = 0; i < w.size(); ++i) {
    const float r = random[v.size() + i];
    w[i] = static_cast<int8_t>(extreme ? (i / 64 % 2 == 0 ? kInt8WeightLimit : -kInt8WeightLimit)
                                       : std::lround(kInt8WeightLimit * r));
  }
  for (int64_t n = 0; n < channels; ++n) {
    int32_t sum = 0;
    for (int64_t k = 0; k < depth; ++k)
      sum += w[(n / kWinogradPanel * depth + k / 4 * 4) * kWinogradPanel + n % kWinogradPanel * 4 + k % 4];
    start[n] = -kInt8Zero * sum;
  }
  WinogradProduct<Int8> product{};
  product.v = v.data();
  product.v_stride = product.depth = depth;
  product.weight = w.data();
  product.start = start.data();
  product.channels = channels;
  product.tiles = tiles;
  product.m = m.data();
  product.m_stride = channels;
  implementation.int8->multiply(product);
  bool exact = true;
  for (int64_t t = 0; t < tiles; ++t) {
    for (int64_t n = 0; n < channels; ++n) {
      int32_t sum = start[n];
      for (int64_t k = 0; k < depth; ++k) {
        const int64_t line = (n / kWinogradPanel * depth / 4 + k / 4) * kWinogradPanel + n % kWinogradPanel;
        sum += v[t * depth + k] * w[4 * line + k % 4];
      }
      exact &= sum == m[t * channels + n];
    }
  }
  CHECK(exact, "%s: %ld tiles, depth %ld, %ld panels%s: sums differ", implementation.name.c_str(),
        static_cast<long>(tiles), static_cast<long>(depth), static_cast<long>(panels),
        extreme ? ", largest numbers" : "");
  CHECK(std::all_of(m.end() - 16, m.end(), [](int32_t x) { return x == 77; }), "%s: wrote beyond its sums",
        implementation.name.c_str());
}

// Step 3 of sums that are worth steps.
void check_byte_outputs(const Implementation& implementation, int64_t tiles, WinogradEpilogue epilogue) {
  constexpr int64_t kChannels = 32;
  const Definition<Int8> definition;
  const int64_t width = Int8::kTile * tiles;
  const auto random = random_floats(Int8::kPoints * tiles * kChannels, 4),
             steps = random_floats(Int8::kPoints * kChannels, 5), constants = random_floats(tiles * kChannels, 9),
             spreads = random_floats(tiles, 10);
  const auto bias = random_floats(kChannels, 6), inner = random_floats(Int8::kTile * width * kChannels, 7);
  std::vector<int32_t> sums(random.size());
  std::vector<float> out(inner.size());
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = static_cast<int32_t>(1e4f * random[i]);
  WinogradOutput<Int8> output{};
  output.m = sums.data();
  output.steps = steps.data();
  output.constants = constants.data();
  output.spreads = spreads.data();
  output.tile_stride = output.channels = output.pixel_stride = output.steps_stride = kChannels;
  output.point_stride = tiles * kChannels;
  output.tiles = tiles;
  output.rows = Int8::kTile;
  output.columns = width;
  output.bias = bias.data();
  output.epilogue = epilogue;
  output.negative_slope = output.scale = 0.2f;
  for (int64_t i = 0; i < Int8::kTile; ++i) {
    output.out[i] = out.data() + i * width * kChannels;
    output.inner[i] = output.outer[i] = inner.data() + i * width * kChannels;
  }
  implementation.int8->transform_output(output);
  double worst = 0.0, largest = 0.0;
  for (int64_t y = 0; y < Int8::kTile; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t n = 0; n < kChannels; ++n) {
        double right = bias[n] + constants[x / Int8::kTile * kChannels + n];
        for (int64_t point = 0; point < Int8::kPoints; ++point) {
          right += definition.a[y][point / Int8::kWindow] * definition.a[x % Int8::kTile][point % Int8::kWindow] *
                   sums[(point * tiles + x / Int8::kTile) * kChannels + n] * steps[point * kChannels + n] *
                   spreads[x / Int8::kTile];
        }
        const int64_t i = (y * width + x) * kChannels + n;
        if (epilogue == WinogradEpilogue::kActivation) right = std::max(right, 0.2 * right);
        if (epilogue != WinogradEpilogue::kActivation) right = inner[i] + 0.2 * right;
        if (epilogue == WinogradEpilogue::kDoubleResidual) right = inner[i] + 0.2 * right;
        worst = std::max(worst, std::abs(out[i] - right));
        largest = std::max(largest, std::abs(right));
      }
    }
  }
  CHECK(worst <= 1e-6 * largest, "%s: outputs of sums are off by %g of %g", implementation.name.c_str(), worst,
        largest);
}

// Packed bytes are G w G' in steps and levels, start takes away what the inputs' zero adds, and the sums of the taps
// stand beside them.
void check_pack_int8(const Case& c) {
  const Layer layer(c);
  const Definition<Int8> definition;
  const int64_t panels = layer.out_padded / kWinogradPanel, in_channels = layer.segments.channels_in_all();
  std::vector<int64_t> source;  // of each packed channel: that of the weight, -1 for those that pad
  for (int64_t channels : c.inputs) {
    const int64_t before = std::count_if(source.begin(), source.end(), [](int64_t k) { return k >= 0; });
    for (int64_t k = 0; k < winograd_pad(channels); ++k) source.push_back(k < channels ? before + k : -1);
  }
  auto levels = random_floats(Int8::kPoints * layer.depth, 8);
  for (float& level : levels) level = 20.0f + 10.0f * level;
  std::vector<int8_t> packed(winograd_packed_size<Int8>(layer.segments, c.out_channels), 111);
  std::vector<int32_t> start(Int8::kPoints * layer.out_padded);
  std::vector<float> steps(start.size()), tap_sums(layer.depth * layer.out_padded, 111.0f);
  for (int64_t panel = panels; panel-- > 0;) {
    winograd_pack_int8(layer.weight.data(), layer.segments, c.out_channels, levels.data(), layer.depth, packed.data(),
                       start.data(), steps.data(), panel);
    winograd_pack_tap_sums(layer.weight.data(), layer.segments, c.out_channels, tap_sums.data(), panel);
  }
  double worst = 0.0, worst_sum = 0.0;
  for (int64_t n = 0; n < layer.out_padded; ++n) {
    for (int64_t k = 0; k < layer.depth; ++k) {
      double sum = 0.0;
      if (source[k] >= 0 && n < c.out_channels)
        for (int64_t tap = 0; tap < 9; ++tap) sum += layer.weight[(n * in_channels + source[k]) * 9 + tap];
      const float packed_sum = tap_sums[(n / kWinogradPanel * layer.depth + k) * kWinogradPanel + n % kWinogradPanel];
      worst_sum = std::max(worst_sum, std::abs(packed_sum - sum));
    }
  }
  CHECK(worst_sum <= 1e-6, "a sum of taps is off by %g", worst_sum);
  bool limit = true, started = true;
  for (int64_t point = 0; point < Int8::kPoints; ++point) {
    for (int64_t n = 0; n < layer.out_padded; ++n) {
      const double step = steps[point * layer.out_padded + n];
      int32_t sum = 0, largest = 0;
      for (int64_t k = 0; k < layer.depth; ++k) {
        const int64_t panel = (point * panels + n / kWinogradPanel) * layer.depth;
        const int32_t byte = packed[(panel + k / 4 * 4) * kWinogradPanel + n % kWinogradPanel * 4 + k % 4];
        const bool real = source[k] >= 0 && n < c.out_channels;
        const double weight =
            real ? definition.weight(layer.weight.data() + (n * in_channels + source[k]) * 9, point) : 0.0;
        worst = std::max(worst, std::abs(byte - weight / levels[point * layer.depth + k] / step));
        sum += byte;
        largest = std::max(largest, std::abs(byte));
      }
      limit &= largest == (n < c.out_channels ? kInt8WeightLimit : 0);
      started &= start[point * layer.out_padded + n] == -kInt8Zero * sum;
    }
  }
  CHECK(worst <= 0.5001, "a weight is off by %g steps", worst);
  CHECK(limit, "the largest weights are not %d", kInt8WeightLimit);
  CHECK(started, "sums start elsewhere");
}

void check_int8(const Implementation& implementation) {
  for (int64_t tiles : {1, 2, 7}) {
    check_bytes(implementation, 32, tiles, true);
    check_bytes(implementation, 48, tiles, true);
    check_bytes(implementation, 48, tiles, false);
  }
  for (int64_t tiles = 1; tiles <= 80; ++tiles) {
    for (int64_t panels : {1, 2, 3}) check_byte_products(implementation, 48, panels, tiles, false);
  }
  for (int64_t depth : {16, 32, 64, 80, 96, 160}) check_byte_products(implementation, depth, 2, 40, false);
  check_byte_products(implementation, 192, 4, 48, false);
  check_byte_products(implementation, 192, 2, 15, true);
  for (const auto epilogue :
       {WinogradEpilogue::kActivation, WinogradEpilogue::kResidual, WinogradEpilogue::kDoubleResidual}) {
    check_byte_outputs(implementation, 3, epilogue);
  }
}

void check_implementation(const Implementation& implementation) {
  for (int64_t tiles = 1; tiles <= 20; ++tiles) {
    check_case(implementation, {{24}, 24, tiles});
    check_case(implementation, {{8, 8}, 40, tiles});  // three panels: in pairs, one is left
  }
  check_case(implementation, {{16}, 16, 48});
  for (const auto epilogue :
       {WinogradEpilogue::kActivation, WinogradEpilogue::kResidual, WinogradEpilogue::kDoubleResidual}) {
    for (int64_t rows = 1; rows <= kTile; ++rows) {
      for (int64_t missing = 0; missing < kTile; ++missing) {
        for (int64_t tiles : {1, 3}) {
          check_case(implementation, {{24}, 24, tiles, rows, missing, epilogue, 0.2f, (rows + missing) % 2 == 0});
        }
      }
    }
    check_case(implementation, {{24}, 24, 5, 3, 2, epilogue, 0.2f, true, true});
    check_case(implementation, {{24}, 24, 5, kTile, 0, epilogue, 0.2f, false, true});
  }
  for (float slope : {0.0f, 0.5f, 1.0f})
    check_case(implementation, {{3}, 16, 2, kTile, 0, WinogradEpilogue::kActivation, slope});
  check_case(implementation, {{64, 32, 32, 32, 32}, 64, 7});
  check_case(implementation, {{24, 8, 8}, 8, 15});
  check_case(implementation, {{3}, 24, 4});
  check_case(implementation, {{24}, 3, 4});
  for (int64_t channels : {3, 8, 9, 16, 20, 40}) {
    Case c{{24}, channels, 7};
    c.padded = false;
    check_case(implementation, c);
  }
}

}  // namespace

int main() {
  for (const Implementation& implementation : implementations()) {
    check_implementation(implementation);
    check_int8(implementation);
  }
  check_pack({{24}, 24, 1});
  check_pack({{3}, 64, 1});
  check_pack({{24, 8, 17, 16}, 40, 1});
  check_pack_int8({{24}, 24, 1});
  check_pack_int8({{24, 8, 17, 16}, 40, 1});
  return test_result();
}
