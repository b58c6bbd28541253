// The three steps of a Winograd convolution, in every instruction set of this processor and in the text of the one that few
// have, against plain loops.
#include "csrc/kernels/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "tests/cpp/check.h"
#include "tests/cpp/isas.h"

// AVX-512's text in narrower instructions: the compiler takes its vectors apart, and the arithmetic stays what it is.
namespace srdgan {
namespace wide_portable {
namespace {
constexpr int kLanes = 16;
constexpr int kBlockTiles = 14;
constexpr int kBlockVectors = 2;
#include "csrc/kernels/cpu/winograd_lanes.h"
}  // namespace
constexpr WinogradIsa<Float32> kFloats = kSteps<FloatBlock>;
constexpr WinogradIsa<Int8> kBytes = kSteps<ByteBlock<PortableDot>>;
}  // namespace wide_portable
}  // namespace srdgan

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace srdgan {
namespace wide_avx2 {
namespace {
constexpr int kLanes = 16;
constexpr int kBlockTiles = 14;
constexpr int kBlockVectors = 2;
#include "csrc/kernels/cpu/winograd_lanes.h"
}  // namespace
constexpr WinogradIsa<Float32> kFloats = kSteps<FloatBlock>;
constexpr WinogradIsa<Int8> kBytes = kSteps<ByteBlock<PortableDot>>;
}  // namespace wide_avx2
}  // namespace srdgan
#pragma GCC pop_options
#endif

using namespace srdgan;

namespace {

constexpr float kUntouched = 12345.0f;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

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
  for (CpuIsa isa : tested_isas()) {
    all.push_back({cpu_isa_name(isa), &winograd_isa<Float32>(isa), &winograd_isa<Int8>(isa)});
    std::printf("%s %s VNNI\n", cpu_isa_name(isa), cpu_supports_vnni(isa) ? "with" : "without");
  }
  return all;
}

struct Case {
  std::vector<int64_t> inputs;  // channels of each segment
  int64_t out_channels;
  int64_t tiles;
  int64_t rows = 4;  // that are stored
  int64_t columns_missing = 0;
  WinogradEpilogue epilogue = WinogradEpilogue::kActivation;
  float negative_slope = 0.2f;
  bool copied = false;
  bool in_place = false;  // the shortcut's place is taken by the result
};

struct Layer {
  explicit Layer(const Case& c)
      : segments{static_cast<int64_t>(c.inputs.size()), c.inputs.data()},
        depth(segments.depth()),
        out_padded(winograd_pad(c.out_channels)),
        weight(random_floats(c.out_channels * segments.channels_in_all() * 9, 2)),
        bias(random_floats(c.out_channels, 3)),
        packed(winograd_packed_size(segments, c.out_channels), kNan) {
    bias.resize(out_padded, 0.0f);
    winograd_pack(weight.data(), segments, c.out_channels, packed.data(), 0, out_padded / kWinogradPanel);
  }

  WinogradSegments segments;
  int64_t depth;
  int64_t out_padded;
  std::vector<float> weight, bias, packed;
};

// Six rows of 4 * tiles + 2 pixels: of each segment a map of its own, zeros in the channels that pad it.
std::vector<std::vector<float>> make_maps(const Case& c) {
  std::vector<std::vector<float>> maps;
  const int64_t pixels = kWinogradWindow * (kWinogradTile * c.tiles + 2);
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
double naive(const Case& c, const Layer& layer, const std::vector<std::vector<float>>& maps, int64_t y, int64_t x, int64_t n) {
  const int64_t width = kWinogradTile * c.tiles + 2;
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
void convolve(const WinogradIsa<Float32>& isa, const Case& c, const Layer& layer, const std::vector<std::vector<float>>& maps,
              int64_t begin, int64_t end, const std::array<const float*, 2>& shortcuts, float* out, float* copy) {
  constexpr int64_t kPadding = 16, kExtra = 16;  // what lies between points, and between the sums of two tiles
  const int64_t tiles = end - begin;
  const int64_t point_stride = tiles * layer.depth + kPadding;
  std::vector<float> transformed(kWinogradPoints * point_stride, kNan);
  int64_t depth_before = 0;
  for (size_t s = 0; s < c.inputs.size(); ++s) {
    WinogradInput<Float32> input{};
    input.pixel_stride = input.channels = winograd_pad(c.inputs[s]);
    for (int64_t i = 0; i < kWinogradWindow; ++i) {
      input.rows[i] = maps[s].data() + (i * (kWinogradTile * c.tiles + 2) + kWinogradTile * begin) * input.pixel_stride;
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
  std::vector<float> sums(kWinogradPoints * sums_stride, kUntouched);
  for (int64_t point = 0; point < kWinogradPoints; ++point) {
    WinogradProduct<Float32> product{};
    product.v = transformed.data() + point * point_stride;
    product.v_stride = product.depth = layer.depth;
    product.weight = layer.packed.data() + point * layer.out_padded * layer.depth;
    product.panels = layer.out_padded / kWinogradPanel;
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
  output.channels = layer.out_padded;
  output.rows = c.rows;
  output.columns = std::min(kWinogradTile * tiles, kWinogradTile * (c.tiles - begin) - c.columns_missing);
  output.bias = layer.bias.data();
  output.epilogue = c.epilogue;
  output.negative_slope = c.negative_slope;
  output.scale = 0.2f;
  output.pixel_stride = layer.out_padded;
  for (int64_t i = 0; i < c.rows; ++i) {  // the other rows stay null: to touch them is to crash
    const int64_t offset = (i * c.tiles + begin) * kWinogradTile * layer.out_padded;
    output.out[i] = out + offset;
    if (c.copied) output.copy[i] = copy + offset;
    if (c.epilogue != WinogradEpilogue::kActivation) output.inner[i] = shortcuts[0] + offset;
    if (c.epilogue == WinogradEpilogue::kDoubleResidual) output.outer[i] = shortcuts[1] + offset;
  }
  isa.transform_output(output);
}

void check_case(const Implementation& implementation, const Case& c) {
  const WinogradIsa<Float32>& isa = *implementation.isa;
  const Layer layer(c);
  const auto maps = make_maps(c);
  const int64_t width = kWinogradTile * c.tiles;
  const int64_t count = kWinogradTile * width * layer.out_padded;
  const auto inner = random_floats(count, 5);
  const auto outer = random_floats(count, 6);
  const std::vector<float> before = c.in_place ? inner : std::vector<float>(count, kUntouched);

  std::vector<float> out = before;
  std::vector<float> copy(count, kUntouched);
  convolve(isa, c, layer, maps, 0, c.tiles, {c.in_place ? out.data() : inner.data(), outer.data()}, out.data(), copy.data());

  double worst = 0.0;
  bool kept = true, copied = true, padded = true;
  for (int64_t y = 0; y < kWinogradTile; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t n = 0; n < layer.out_padded; ++n) {
        const int64_t i = (y * width + x) * layer.out_padded + n;
        if (y >= c.rows || x >= width - c.columns_missing) {
          kept &= out[i] == before[i] && copy[i] == kUntouched;
          continue;
        }
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
      }
    }
  }
  const std::string what = implementation.name + ": " + std::to_string(layer.segments.channels_in_all()) + " -> " +
                           std::to_string(c.out_channels) + " channels, " + std::to_string(c.tiles) + " tiles, " +
                           std::to_string(c.rows) + " rows, " + std::to_string(c.columns_missing) +
                           " columns missing, epilogue " + std::to_string(static_cast<int>(c.epilogue));
  const double bound = 2e-5 * std::sqrt(9.0 * static_cast<double>(layer.segments.channels_in_all()));
  CHECK(worst <= bound, "%s: error %g", what.c_str(), worst);
  CHECK(kept, "%s: wrote beyond its rows and columns", what.c_str());
  CHECK(copied, "%s: copy", what.c_str());
  CHECK(padded, "%s: channels that pad are not zero", what.c_str());

  // One tile after the other: what is computed together changes no bit.
  std::vector<float> again = before, again_copy(count, kUntouched);
  for (int64_t tile = 0; tile < c.tiles; ++tile) {
    convolve(isa, c, layer, maps, tile, tile + 1, {c.in_place ? again.data() : inner.data(), outer.data()}, again.data(),
             again_copy.data());
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

  // At the first and the last point, G w G' is a corner of w: divided by a constant, and as it is.
  const auto first = [](float w) { return static_cast<float>(w / (kNear * kNear * kFar * kFar) / (kNear * kNear * kFar * kFar)); };
  bool right = true;
  for (int64_t n = 0; n < layer.out_padded; ++n) {
    int64_t source = 0, target = 0;
    for (int64_t channels : c.inputs) {
      for (int64_t k = 0; k < winograd_pad(channels); ++k, ++target) {
        const auto at = [&](int64_t point) {
          const int64_t line = (point * panels + n / kWinogradPanel) * layer.depth + target;
          return layer.packed[line * kWinogradPanel + n % kWinogradPanel];
        };
        const bool real = k < channels && n < c.out_channels;
        const float* w = real ? layer.weight.data() + (n * layer.segments.channels_in_all() + source + k) * 9 : nullptr;
        right &= std::abs(at(0) - (real ? first(w[0]) : 0.0f)) <= 1e-7f && at(kWinogradPoints - 1) == (real ? w[8] : 0.0f);
        for (int64_t point = 0; point < kWinogradPoints && !real; ++point) right &= at(point) == 0.0f;
      }
      source += channels;
    }
  }
  CHECK(right, "weights of %ld segments stand elsewhere", static_cast<long>(layer.segments.count));
}

// Step 1 in bytes: those of the floats, rounded to levels and cut off.
void check_bytes(const Implementation& implementation, int64_t channels, int64_t tiles) {
  const int64_t padded = winograd_pad(channels);
  const auto map = random_floats(kWinogradWindow * (kWinogradTile * tiles + 2) * padded, 1);
  const auto levels = random_floats(kWinogradPoints * padded, 2);
  std::vector<float> scaled(levels);
  for (float& level : scaled) level = 100.0f + 90.0f * level;  // some inputs exceed what a byte holds
  WinogradInput<Float32> input{};
  input.pixel_stride = input.channels = input.tile_stride = padded;
  for (int64_t i = 0; i < kWinogradWindow; ++i) input.rows[i] = map.data() + i * (kWinogradTile * tiles + 2) * padded;
  input.tiles = tiles;
  input.point_stride = tiles * padded;
  std::vector<float> floats(kWinogradPoints * input.point_stride);
  input.v = floats.data();
  implementation.isa->transform_input(input);

  constexpr int64_t kGuard = 64;
  std::vector<uint8_t> bytes(floats.size() + kGuard, 99);
  WinogradInput<Int8> rounded{};
  std::copy_n(input.rows, kWinogradWindow, rounded.rows);
  rounded.pixel_stride = rounded.channels = rounded.tile_stride = rounded.levels_stride = padded;
  rounded.tiles = tiles;
  rounded.point_stride = input.point_stride;
  rounded.v = bytes.data();
  rounded.levels = scaled.data();
  implementation.int8->transform_input(rounded);
  double worst = 0.0;
  int64_t cut = 0;
  for (int64_t point = 0; point < kWinogradPoints; ++point) {
    for (int64_t i = 0; i < input.point_stride; ++i) {
      const double exact = static_cast<double>(floats[point * input.point_stride + i]) * scaled[point * padded + i % padded];
      cut += exact < -128.0 || exact > 127.0;
      worst = std::max(worst, std::abs(std::clamp(exact, -128.0, 127.0) + 128.0 - bytes[point * input.point_stride + i]));
    }
  }
  CHECK(worst <= 0.5001, "%s: a byte is off by %g levels", implementation.name.c_str(), worst);
  CHECK(cut > 0, "no input is cut off: the test shows less than it says");
  CHECK(std::all_of(bytes.end() - kGuard, bytes.end(), [](uint8_t b) { return b == 99; }), "%s: wrote beyond its bytes",
        implementation.name.c_str());
}

// Step 2 in bytes is exact, with the largest of all numbers, too; step 3 does what that of floats does with sums times steps.
void check_byte_products(const Implementation& implementation, int64_t depth, int64_t panels, int64_t tiles, bool extreme) {
  const int64_t channels = panels * kWinogradPanel;
  const auto random = random_floats(tiles * depth + channels * depth + channels, 3);
  std::vector<uint8_t> v(tiles * depth);
  std::vector<int8_t> w(channels * depth);
  std::vector<int32_t> start(channels), m(tiles * channels + 16, 77);
  for (size_t i = 0; i < v.size(); ++i) v[i] = extreme ? 255 : static_cast<uint8_t>(128.0f + 127.0f * random[i]);
  for (size_t i = 0; i < w.size(); ++i) {
    const float r = random[v.size() + i];
    w[i] = static_cast<int8_t>(extreme ? (i / 64 % 2 == 0 ? kInt8WeightLimit : -kInt8WeightLimit) : std::lround(kInt8WeightLimit * r));
  }
  for (size_t i = 0; i < start.size(); ++i) start[i] = static_cast<int32_t>(1e5f * random[v.size() + w.size() + i]);
  WinogradProduct<Int8> product{};
  product.v = v.data();
  product.v_stride = product.depth = depth;
  product.weight = w.data();
  product.start = start.data();
  product.panels = panels;
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
  CHECK(exact, "%s: %ld tiles, depth %ld, %ld panels%s: sums differ", implementation.name.c_str(), static_cast<long>(tiles),
        static_cast<long>(depth), static_cast<long>(panels), extreme ? ", largest numbers" : "");
  CHECK(std::all_of(m.end() - 16, m.end(), [](int32_t x) { return x == 77; }), "%s: wrote beyond its sums",
        implementation.name.c_str());
}

void check_byte_outputs(const Implementation& implementation, int64_t tiles, WinogradEpilogue epilogue) {
  constexpr int64_t kChannels = 32;
  const int64_t count = kWinogradPoints * tiles * kChannels, pixels = kWinogradTile * kWinogradTile * tiles;
  const auto random = random_floats(count, 4), steps = random_floats(kWinogradPoints * kChannels, 5);
  const auto bias = random_floats(kChannels, 6), inner = random_floats(pixels * kChannels, 7);
  std::vector<int32_t> sums(count);
  std::vector<float> floats(count), out(pixels * kChannels), expected(pixels * kChannels);
  for (int64_t i = 0; i < count; ++i) {
    sums[i] = static_cast<int32_t>(1e4f * random[i]);
    floats[i] = static_cast<float>(sums[i]) * steps[i / (tiles * kChannels) * kChannels + i % kChannels];
  }
  const auto describe = [&](auto& output, float* target) {
    output.tile_stride = output.channels = output.pixel_stride = kChannels;
    output.point_stride = tiles * kChannels;
    output.tiles = tiles;
    output.rows = kWinogradTile;
    output.columns = kWinogradTile * tiles;
    output.bias = bias.data();
    output.epilogue = epilogue;
    output.negative_slope = output.scale = 0.2f;
    for (int64_t i = 0; i < kWinogradTile; ++i) {
      const int64_t offset = i * kWinogradTile * tiles * kChannels;
      output.out[i] = target + offset;
      output.inner[i] = output.outer[i] = inner.data() + offset;
    }
  };
  WinogradOutput<Float32> of_floats{};
  describe(of_floats, expected.data());
  of_floats.m = floats.data();
  implementation.isa->transform_output(of_floats);
  WinogradOutput<Int8> of_sums{};
  describe(of_sums, out.data());
  of_sums.m = sums.data();
  of_sums.steps = steps.data();
  of_sums.steps_stride = kChannels;
  implementation.int8->transform_output(of_sums);
  double worst = 0.0, largest = 0.0;
  for (size_t i = 0; i < out.size(); ++i) {
    worst = std::max(worst, static_cast<double>(std::abs(out[i] - expected[i])));
    largest = std::max(largest, static_cast<double>(std::abs(expected[i])));
  }
  CHECK(worst <= 1e-6 * largest, "%s: outputs of sums are off by %g of %g", implementation.name.c_str(), worst, largest);
}

// Packed bytes are the packed floats in steps and levels, and start takes away what the inputs' zero adds.
void check_pack_int8(const Case& c) {
  const Layer layer(c);
  const int64_t panels = layer.out_padded / kWinogradPanel;
  auto levels = random_floats(kWinogradPoints * layer.depth, 8);
  for (float& level : levels) level = 20.0f + 10.0f * level;
  std::vector<int8_t> packed(layer.packed.size(), 111);
  std::vector<int32_t> start(kWinogradPoints * layer.out_padded);
  std::vector<float> steps(start.size());
  for (int64_t panel = panels; panel-- > 0;) {
    winograd_pack_int8(layer.weight.data(), layer.segments, c.out_channels, levels.data(), layer.depth, packed.data(), start.data(),
                       steps.data(), panel);
  }
  double worst = 0.0;
  bool limit = true, started = true;
  for (int64_t point = 0; point < kWinogradPoints; ++point) {
    for (int64_t n = 0; n < layer.out_padded; ++n) {
      const double step = steps[point * layer.out_padded + n];
      int32_t sum = 0, largest = 0;
      for (int64_t k = 0; k < layer.depth; ++k) {
        const int64_t panel = (point * panels + n / kWinogradPanel) * layer.depth;
        const int32_t byte = packed[(panel + k / 4 * 4) * kWinogradPanel + n % kWinogradPanel * 4 + k % 4];
        const double weight = layer.packed[(panel + k) * kWinogradPanel + n % kWinogradPanel] / levels[point * layer.depth + k];
        worst = std::max(worst, std::abs(byte - weight / step));
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
    check_bytes(implementation, 32, tiles);
    check_bytes(implementation, 48, tiles);
  }
  for (int64_t tiles = 1; tiles <= 20; ++tiles) check_byte_products(implementation, 48, 3, tiles, false);
  check_byte_products(implementation, 192, 4, 48, false);
  check_byte_products(implementation, 192, 2, 15, true);
  for (const auto epilogue : {WinogradEpilogue::kActivation, WinogradEpilogue::kResidual, WinogradEpilogue::kDoubleResidual}) {
    check_byte_outputs(implementation, 3, epilogue);
  }
}

void check_implementation(const Implementation& implementation) {
  for (int64_t tiles = 1; tiles <= 20; ++tiles) {
    check_case(implementation, {{24}, 24, tiles});
    check_case(implementation, {{8, 8}, 40, tiles});  // three panels: in pairs, one is left
  }
  check_case(implementation, {{16}, 16, 48});
  for (const auto epilogue : {WinogradEpilogue::kActivation, WinogradEpilogue::kResidual, WinogradEpilogue::kDoubleResidual}) {
    for (int64_t rows = 1; rows <= 4; ++rows) {
      for (int64_t missing = 0; missing < 4; ++missing) {
        for (int64_t tiles : {1, 3}) {
          check_case(implementation, {{24}, 24, tiles, rows, missing, epilogue, 0.2f, (rows + missing) % 2 == 0});
        }
      }
    }
    check_case(implementation, {{24}, 24, 5, 3, 2, epilogue, 0.2f, true, true});
    check_case(implementation, {{24}, 24, 5, 4, 0, epilogue, 0.2f, false, true});
  }
  for (float slope : {0.0f, 0.5f, 1.0f}) check_case(implementation, {{3}, 16, 2, 4, 0, WinogradEpilogue::kActivation, slope});
  check_case(implementation, {{64, 32, 32, 32, 32}, 64, 7});
  check_case(implementation, {{24, 8, 8}, 8, 15});
  check_case(implementation, {{3}, 24, 4});
  check_case(implementation, {{24}, 3, 4});
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
