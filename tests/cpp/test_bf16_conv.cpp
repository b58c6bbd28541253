// bf16_conv.h on every instruction set against a convolution in double of the same rounded numbers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "csrc/common/half_bits.h"
#include "csrc/kernels/cpu/bf16_conv.h"
#include "tests/cpp/check.h"
#include "tests/cpp/isas.h"

using namespace srdgan;

namespace {

// Memory on a cache line.
template <typename T>
struct Lines {
  explicit Lines(int64_t count) : memory(static_cast<size_t>(count) + 64 / sizeof(T)) {}
  T* data() {
    const auto address = reinterpret_cast<uintptr_t>(memory.data());
    return reinterpret_cast<T*>((address + 63) / 64 * 64);
  }
  std::vector<T> memory;
};

// What rounding takes from a tap is added to the next smaller one.
std::vector<double> round_taps(const std::vector<double>& taps) {
  std::vector<std::pair<float, size_t>> falling;
  for (size_t i = 0; i < taps.size(); ++i) falling.push_back({static_cast<float>(taps[i]), i});
  std::stable_sort(falling.begin(), falling.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.first) > std::abs(b.first); });
  std::vector<double> rounded(taps.size());
  float error = 0.0f;
  for (const auto& [tap, place] : falling) {
    const float value = tap + error, number = bfloat16_value(bfloat16_bits(value));
    error = value - number;
    rounded[place] = number;
  }
  return rounded;
}

// Segments of these channels, one after the other, into the pixels of a window; then all outputs of the window.
void check_product(const Bf16Isa& isa, const char* name, const std::vector<int64_t>& segments, int64_t out_channels) {
  constexpr int64_t kRows = 5, kColumns = 9, kRowPixels = kColumns + 2;
  const WinogradSegments inputs{static_cast<int64_t>(segments.size()), segments.data()};
  const int64_t stride = bf16_depth(inputs.depth()), end = kRows * kRowPixels;
  const int64_t pixels = (kRows + 2) * kRowPixels;
  Lines<uint16_t> window((pixels + kBf16WindowPadding) * stride);
  // What no output needs may be anything.
  std::fill(window.memory.begin(), window.memory.end(), bfloat16_bits(std::numeric_limits<float>::quiet_NaN()));
  std::vector<float> x;  // (segments, pixels, padded channels)
  int64_t begin = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const int64_t padded = winograd_pad(segments[i]);
    std::vector<float> segment = random_floats(pixels * padded, static_cast<uint32_t>(i + 1));
    for (int64_t at = 0; at < pixels * padded; ++at)
      if (at % padded >= segments[i]) segment[static_cast<size_t>(at)] = 0.0f;
    const bool pads = (begin + padded) % kBf16Depth != 0;
    isa.convert({segment.data(), padded, pixels, padded, window.data() + begin, stride, 1.0f, pads});
    begin += padded;
    x.insert(x.end(), segment.begin(), segment.end());
  }
  const int64_t in_channels = inputs.channels_in_all();
  const std::vector<float> weight = random_floats(out_channels * in_channels * 9, 9);
  std::vector<double> rounded;
  for (auto taps = weight.begin(); taps != weight.end(); taps += 9) {
    const std::vector<double> some = round_taps({taps, taps + 9});
    rounded.insert(rounded.end(), some.begin(), some.end());
  }
  Lines<uint16_t> packed(bf16_packed_size(inputs, out_channels));
  const int64_t panels = winograd_pad(out_channels) / kWinogradPanel;
  for (int64_t panel = 0; panel < panels; ++panel) bf16_pack(weight.data(), inputs, out_channels, packed.data(), panel);

  isa.begin();
  for (int64_t panel = 0; panel < panels; panel += kBf16PanelsAtOnce) {
    const int64_t at_once = std::min(panels - panel, kBf16PanelsAtOnce), outputs = at_once * kWinogradPanel;
    const int64_t block = kBf16BlocksAtOnce * bf16_block_pixels(at_once);
    Lines<float> sums(kBf16SumsFloats);
    double worst = 0.0;
    for (int64_t q = 0; q < end; q += block) {
      const uint16_t* first = window.data() + q * stride;
      const int64_t row = kRowPixels * stride;
      isa.multiply({{first, first + row, first + 2 * row},
                    3,
                    stride,
                    kBf16Depth,
                    stride,
                    false,
                    packed.data() + bf16_panel_begin(panel, stride),
                    at_once,
                    std::min(block, end - q),
                    sums.data()});
      for (int64_t p = q; p < std::min(q + block, end); ++p) {
        if (p % kRowPixels >= kColumns) continue;
        for (int64_t n = 0; n < outputs; ++n) {
          const int64_t channel = panel * kWinogradPanel + n;
          double right = 0.0;
          for (int64_t tap = 0; tap < 9 && channel < out_channels; ++tap) {
            const int64_t pixel = p + tap / 3 * kRowPixels + tap % 3;
            int64_t input = 0, first = 0;
            for (const int64_t channels : segments) {
              for (int64_t c = 0; c < channels; ++c, ++input) {
                const float value = x[static_cast<size_t>(first + pixel * winograd_pad(channels) + c)];
                const double w = rounded[static_cast<size_t>((channel * in_channels + input) * 9 + tap)];
                right += static_cast<double>(bfloat16_value(bfloat16_bits(value))) * w;
              }
              first += pixels * winograd_pad(channels);
            }
          }
          const double error = std::abs(sums.data()[(p - q) * outputs + n] - right);
          worst = error <= worst ? worst : error;  // a NaN becomes the worst
        }
      }
    }
    CHECK(worst <= 2e-7 * static_cast<double>(9 * in_channels), "%s: %ld inputs, %ld outputs: error %g", name,
          static_cast<long>(in_channels), static_cast<long>(out_channels), worst);
  }
  isa.end();
}

// A split map, and the convolution of it: as it is, or after nearest x2 enlargement.
void check_split(const Bf16Isa& isa, const char* name, int64_t in_channels, int64_t out_channels, bool upsamples) {
  constexpr int64_t kRows = 3, kColumns = 70;
  const Bf16SplitLayer layer{in_channels, out_channels,
                             upsamples ? bf16_depth(out_channels) : winograd_pad(out_channels)};
  const int64_t depth = layer.depth(), pixels = kRows * kColumns, taps = upsamples ? 2 : 3;
  std::vector<float> features = random_floats(pixels * depth, 1);
  for (int64_t i = 0; i < pixels * depth; ++i) features[static_cast<size_t>(i)] += 3.0f;
  for (int64_t i = 0; i < pixels * depth; ++i)
    if (i % depth >= in_channels) features[static_cast<size_t>(i)] = 0.0f;
  const std::vector<float> bias = random_floats(depth, 2);
  const std::vector<float> zeros(static_cast<size_t>(depth), 0.0f);
  Lines<uint16_t> map((pixels + kBf16WindowPadding) * 2 * depth);
  std::fill(map.memory.begin(), map.memory.end(), bfloat16_bits(std::numeric_limits<float>::quiet_NaN()));
  isa.split({features.data(), depth, pixels, depth, zeros.data(), 0.2f, map.data(), 2 * depth});
  std::vector<double> parts;  // (pixels, depth), what the map holds
  bool exact = true;
  for (int64_t i = 0; i < pixels * depth; ++i) {
    const uint16_t* number = map.data() + (i / kBf16Depth * 2 * kBf16Depth) + i % kBf16Depth;
    const float value = features[static_cast<size_t>(i)], first = bfloat16_value(bfloat16_bits(value));
    exact &= number[0] == bfloat16_bits(value) && number[kBf16Depth] == bfloat16_bits(value - first);
    parts.push_back(static_cast<double>(bfloat16_value(number[0])) + bfloat16_value(number[kBf16Depth]));
  }
  CHECK(exact, "%s: a split map of %ld channels", name, static_cast<long>(in_channels));

  const std::vector<float> weight = random_floats(out_channels * in_channels * 9, 3);
  Lines<uint16_t> packed(layer.packed_size(upsamples ? kBf16Phases * kBf16PhaseTaps : kBf16Taps));
  for (int64_t panel = 0; panel < layer.panels(); ++panel)
    (upsamples ? bf16_pack_phases : bf16_pack_split)(weight.data(), layer, packed.data(), panel);
  isa.begin();
  double worst = 0.0;
  for (int64_t phase = 0; phase < (upsamples ? kBf16Phases : 1); ++phase) {
    // The taps of an output (row i) are those that read pixel row[i] of the small picture.
    const int64_t row[2][3] = {{0, 1, 1}, {0, 0, 1}};
    const auto place = [&](int64_t tap) {
      return upsamples ? 2 * row[phase / 2][tap / 3] + row[phase % 2][tap % 3] : tap;
    };
    for (int64_t panel = 0; panel < layer.panels(); panel += kBf16PanelsAtOnce) {
      const int64_t at_once = std::min(layer.panels() - panel, kBf16PanelsAtOnce), outputs = 16 * at_once;
      Lines<float> sums(kBf16BlockNumbers);
      Bf16Product product{};
      for (int64_t i = 0; i < taps; ++i) product.rows[i] = map.data() + i * kColumns * 2 * depth;
      product.taps = taps;
      product.pixel_stride = 2 * depth;
      product.group_stride = 2 * kBf16Depth;
      product.depth = depth;
      product.split = true;
      product.weight = packed.data() + (upsamples ? phase * layer.packed_size(kBf16PhaseTaps) : 0) +
                       bf16_panel_begin(panel, depth, taps * taps);
      product.panels = at_once;
      product.pixels = bf16_block_pixels(at_once);
      product.sums = sums.data();
      isa.multiply(product);
      for (int64_t n = 0; n < outputs; ++n) {
        std::vector<double> right(static_cast<size_t>(bf16_block_pixels(at_once)), 0.0);
        for (int64_t k = 0; k < in_channels && 16 * panel + n < out_channels; ++k) {
          std::vector<double> exact_taps(static_cast<size_t>(taps * taps), 0.0);
          for (int64_t tap = 0; tap < 9; ++tap) {
            exact_taps[static_cast<size_t>(place(tap))] +=
                weight[static_cast<size_t>(((16 * panel + n) * in_channels + k) * 9 + tap)];
          }
          const std::vector<double> rounded = round_taps(exact_taps);
          for (size_t p = 0; p < right.size(); ++p)
            for (int64_t tap = 0; tap < taps * taps; ++tap) {
              const auto pixel = static_cast<int64_t>(p) + tap / taps * kColumns + tap % taps;
              right[p] += rounded[static_cast<size_t>(tap)] * parts[static_cast<size_t>(pixel * depth + k)];
            }
        }
        for (size_t p = 0; p < right.size(); ++p) {
          const double error = std::abs(sums.data()[static_cast<int64_t>(p) * outputs + n] - right[p]);
          worst = error <= worst ? worst : error;
        }
      }
    }
  }
  isa.end();
  CHECK(worst <= 1e-6 * static_cast<double>(9 * in_channels), "%s: split map, %ld inputs, %ld outputs: error %g", name,
        static_cast<long>(in_channels), static_cast<long>(out_channels), worst);
}

void check_rounding(const Bf16Isa& isa, const char* name) {
  std::vector<float> values = random_floats(64, 3);
  // Halfway between two numbers, with an even one below and above; the largest; infinite.
  const float special[] = {1.00390625f, 1.01171875f, -1.00390625f, 3.4e38f, -std::numeric_limits<float>::infinity()};
  std::copy(std::begin(special), std::end(special), values.begin());
  std::vector<uint16_t> rounded(2 * 48, 7);
  isa.convert({values.data(), 32, 2, 32, rounded.data(), 48, 0.5f, true});
  for (int64_t pixel = 0; pixel < 2; ++pixel) {
    for (int64_t c = 0; c < 48; ++c) {
      const uint16_t right = c < 32 ? bfloat16_bits(0.5f * values[static_cast<size_t>(32 * pixel + c)]) : 0;
      CHECK(rounded[static_cast<size_t>(48 * pixel + c)] == right, "%s: half of %g becomes %x, not %x", name,
            c < 32 ? values[static_cast<size_t>(32 * pixel + c)] : 0.0f, rounded[static_cast<size_t>(48 * pixel + c)],
            right);
    }
  }
}

void check_copy(const Bf16Isa& isa, const char* name) {
  std::vector<uint16_t> from(2 * 40), to(2 * 48, 7);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint16_t>(i + 1);
  isa.copy({from.data(), 40, 2, 32, to.data(), 48, true});
  for (size_t at = 0; at < to.size(); ++at) {
    const uint16_t right = at % 48 < 32 ? from[at / 48 * 40 + at % 48] : 0;
    CHECK(to[at] == right, "%s: number %zu of a copy is %d, not %d", name, at, to[at], right);
  }
}

void check_epilogues(const Bf16Isa& isa, const char* name) {
  constexpr int64_t kPixels = 3, kChannels = 32, kStride = 48;
  constexpr float kSlope = 0.2f, kScale = 0.5f;
  const std::vector<float> sums = random_floats(kPixels * kChannels, 1), bias = random_floats(kChannels, 2);
  const std::vector<float> inner = random_floats(kPixels * kStride, 3), outer = random_floats(kPixels * kStride, 4);
  for (const WinogradEpilogue epilogue :
       {WinogradEpilogue::kActivation, WinogradEpilogue::kResidual, WinogradEpilogue::kDoubleResidual}) {
    std::vector<float> out(kPixels * kStride, 9.0f), copy = out;
    for (const bool copied : {true, false}) {
      isa.finish({sums.data(), kPixels, kChannels, bias.data(), epilogue, kSlope, kScale, out.data(),
                  copied ? copy.data() : nullptr, inner.data(), outer.data(), kStride});
    }
    for (size_t at = 0; at < out.size(); ++at) {
      const size_t pixel = at / kStride, c = at % kStride;
      const float y = c < kChannels ? sums[pixel * kChannels + c] + bias[c] : 0.0f;
      float right = 9.0f;
      if (c < kChannels && epilogue == WinogradEpilogue::kActivation) right = y > 0 ? y : kSlope * y;
      if (c < kChannels && epilogue == WinogradEpilogue::kResidual) right = inner[at] + kScale * y;
      if (c < kChannels && epilogue == WinogradEpilogue::kDoubleResidual)
        right = outer[at] + kScale * (inner[at] + kScale * y);
      CHECK(std::abs(out[at] - right) <= 1e-6f && copy[at] == out[at], "%s: epilogue %d makes %g and %g, not %g", name,
            static_cast<int>(epilogue), out[at], copy[at], right);
    }
  }
}

// Gradients are rounded like results; backward, a feature that is not positive multiplies them by the slope.
void check_features(const Bf16Isa& isa, const char* name) {
  constexpr int64_t kPixels = 3, kChannels = 32, kStride = 64;
  constexpr float kSlope = 0.2f;
  const std::vector<float> sums = random_floats(kPixels * kChannels, 1), bias = random_floats(kChannels, 2);
  std::vector<uint16_t> features(kPixels * kStride);
  for (size_t i = 0; i < features.size(); ++i)
    features[i] = bfloat16_bits(static_cast<float>(static_cast<int>(i % 3) - 1));  // -1, 0, 1
  for (const bool backward : {false, true}) {
    std::vector<uint16_t> out(kPixels * kStride, 7);
    // Only the forward pass has channels that pad.
    isa.finish_features({sums.data(), kChannels, kPixels, kChannels, bias.data(), kSlope,
                         backward ? features.data() : nullptr, kStride, out.data(), kStride, !backward});
    for (size_t at = 0; at < out.size(); ++at) {
      const size_t pixel = at / kStride, c = at % kStride;
      const float y = c < kChannels ? sums[pixel * kChannels + c] + bias[c] : 0.0f;
      const bool positive = backward ? at % 3 == 2 : y > 0;
      const uint16_t behind = !backward && c < kChannels + kWinogradPanel ? 0 : 7;
      const uint16_t right = c < kChannels ? bfloat16_bits(positive ? y : kSlope * y) : behind;
      CHECK(out[at] == right, "%s: feature %zu is %x, not %x", name, at, out[at], right);
    }
  }
}

void check_gradients(const Bf16Isa& isa, const char* name) {
  constexpr int64_t kPixels = 96, kStride = 64, kGradStride = 160, kXStride = 2 * 48;
  Lines<uint16_t> gradients(kPixels * kStride), features(kPixels * kStride);
  for (int64_t i = 0; i < kPixels * kStride; ++i) {
    gradients.data()[i] = static_cast<uint16_t>(i);
    features.data()[i] = static_cast<uint16_t>(7 * i);
  }
  Lines<uint16_t> planes(32 * kGradStride), pairs(kPixels / 2 * kXStride);
  isa.make_planes({gradients.data() + 32, kStride, kPixels, planes.data(), kGradStride});
  isa.make_pairs({features.data() + 16, kStride, kPixels, 48, pairs.data(), kXStride});
  bool right_planes = true, right_pairs = true;
  for (int64_t pixel = 0; pixel < kPixels; ++pixel) {
    for (int64_t c = 0; c < 32; ++c)
      right_planes &= planes.data()[c * kGradStride + pixel] == gradients.data()[pixel * kStride + 32 + c];
    for (int64_t c = 0; c < 48; ++c) {
      right_pairs &=
          pairs.data()[pixel / 2 * kXStride + 2 * c + pixel % 2] == features.data()[pixel * kStride + 16 + c];
    }
  }
  CHECK(right_planes, "%s: planes", name);
  CHECK(right_pairs, "%s: pairs", name);

  const auto fill = [](Lines<uint16_t>& numbers, uint32_t seed) {
    const std::vector<float> values = random_floats(static_cast<int64_t>(numbers.memory.size()), seed);
    for (size_t i = 0; i < values.size(); ++i) numbers.memory[i] = bfloat16_bits(values[i]);
  };
  fill(planes, 1);
  fill(pairs, 2);
  isa.begin();
  for (const int64_t inputs : {16, 32}) {
    for (const int64_t outputs : {16, 32}) {
      Lines<float> sums(32 * 48);
      std::fill(sums.memory.begin(), sums.memory.end(), 9.0f);
      // From some pair on, as for a tap; the second time to the same sums.
      constexpr int64_t kSummed = 64;
      const uint16_t *grad = planes.data() + 32, *x = pairs.data() + 7 * kXStride;
      for (const bool adds : {false, true})
        isa.multiply_weights({grad, kGradStride, outputs, x, kXStride, inputs, kSummed, sums.data(), 48, adds});
      double worst = 0.0;
      for (int64_t n = 0; n < 32; ++n) {
        for (int64_t k = 0; k < 48; ++k) {
          double right = k < inputs && n < outputs ? 0.0 : 9.0;
          for (int64_t pixel = 0; pixel < kSummed && right != 9.0; ++pixel) {
            right += 2.0 * bfloat16_value(grad[n * kGradStride + pixel]) *
                     bfloat16_value(x[pixel / 2 * kXStride + 2 * k + pixel % 2]);
          }
          const double error = std::abs(sums.data()[n * 48 + k] - right);
          worst = error <= worst ? worst : error;
        }
      }
      CHECK(worst <= 2e-5, "%s: %ld inputs, %ld outputs: error %g", name, static_cast<long>(inputs),
            static_cast<long>(outputs), worst);
    }
  }
  isa.end();
}

}  // namespace

int main() {
  for (const CpuIsa cpu : tested_isas()) {
    const bool fast = cpu_has_fast_bf16(cpu);
    if (cpu != CpuIsa::kPortable && !fast) continue;  // portable code again
    const char* name = cpu_isa_name(cpu);
    std::printf("%s%s\n", name, fast ? " with AMX" : "");
    const Bf16Isa& isa = bf16_isa(cpu);
    check_rounding(isa, name);
    check_copy(isa, name);
    check_epilogues(isa, name);
    check_features(isa, name);
    check_gradients(isa, name);
    for (const int64_t out_channels : {3, 16, 32, 40}) {
      check_product(isa, name, {3}, out_channels);
      check_product(isa, name, {24, 8}, out_channels);
      check_product(isa, name, {64, 32, 32}, out_channels);
      check_product(isa, name, {16, 16, 16}, out_channels);
      for (const int64_t in_channels : {24, 64}) {
        check_split(isa, name, in_channels, out_channels, false);
        check_split(isa, name, in_channels, out_channels, true);
      }
    }
  }
  return test_result();
}
