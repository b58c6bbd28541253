#include "csrc/kernels/cpu/bf16_conv.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "csrc/common/half_bits.h"

namespace srdgan {

const Bf16Isa& bf16_isa(CpuIsa isa) {
#if defined(__x86_64__)
  if (cpu_has_fast_bf16(isa)) return bf16_avx512_amx();
#endif
  (void)isa;
  return bf16_portable();
}

int64_t bf16_packed_size(const WinogradSegments& inputs, int64_t out_channels) {
  return kBf16Taps * bf16_depth(inputs.depth()) * winograd_pad(out_channels);
}

namespace {

// The tiles of one panel: 32 input channels of one tap each.
class PanelTiles {
 public:
  PanelTiles(const Bf16Weights& weights, int64_t panel) : taps_(weights.taps) {
    const int64_t first = panel / kBf16PanelsAtOnce * kBf16PanelsAtOnce;
    panels_ = std::min(weights.panels - first, kBf16PanelsAtOnce);
    begin_ = weights.packed + bf16_panel_begin(first, weights.depth, taps_) + (panel - first) * kNumbers;
  }
  uint16_t* at(int64_t channel, int64_t tap) const {
    return begin_ + (channel / kBf16Depth * taps_ + tap) * panels_ * kNumbers;
  }

  static constexpr int64_t kNumbers = kBf16Depth * kWinogradPanel;

 private:
  uint16_t* begin_;
  int64_t taps_;
  int64_t panels_;
};

// As Bf16Weights::passes_errors_on says; returns `rounded`.
const float* round_taps(const float* taps, int64_t count, float* rounded) {
  int64_t order[kBf16Taps];
  std::iota(order, order + count, int64_t{0});
  std::stable_sort(order, order + count, [&](int64_t a, int64_t b) { return std::abs(taps[a]) > std::abs(taps[b]); });
  float error = 0.0f;
  for (int64_t i = 0; i < count; ++i) {
    const float value = taps[order[i]] + error;
    rounded[order[i]] = bfloat16_value(bfloat16_bits(value));
    error = value - rounded[order[i]];
  }
  return rounded;
}

}  // namespace

void bf16_pack_segment(const Bf16Weights& w, int64_t panel) {
  const PanelTiles tiles(w, panel);
  const int64_t outputs = std::min(w.out_channels - panel * kWinogradPanel, kWinogradPanel);
  for (int64_t c = 0; c < w.in_channels; ++c) {
    const int64_t k = w.begin + c;
    uint16_t* to = tiles.at(k, 0) + k % kBf16Depth / 2 * 2 * kWinogradPanel + k % 2;
    const int64_t tap_stride = tiles.at(k, 1) - tiles.at(k, 0);
    for (int64_t n = 0; n < outputs; ++n) {
      const float* taps = w.weight + (panel * kWinogradPanel + n) * w.out_stride + c * w.in_stride;
      float rounded[kBf16Taps];
      if (w.passes_errors_on) taps = round_taps(taps, w.taps, rounded);
      for (int64_t tap = 0; tap < w.taps; ++tap)
        to[tap * tap_stride + 2 * n] = bfloat16_bits(taps[w.mirrored ? w.taps - 1 - tap : tap]);
    }
  }
}

void bf16_clear_panel(const Bf16Weights& w, int64_t panel) {
  const PanelTiles tiles(w, panel);
  for (int64_t k = 0; k < w.depth; k += kBf16Depth) {
    for (int64_t tap = 0; tap < w.taps; ++tap) std::fill_n(tiles.at(k, tap), PanelTiles::kNumbers, uint16_t{0});
  }
}

void bf16_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, uint16_t* packed,
               int64_t panel) {
  Bf16Weights part{};
  part.weight = weight;
  part.passes_errors_on = true;
  part.panels = winograd_pad(out_channels) / kWinogradPanel;
  part.in_stride = kBf16Taps;
  part.out_stride = kBf16Taps * inputs.channels_in_all();
  part.out_channels = out_channels;
  part.depth = bf16_depth(inputs.depth());
  part.packed = packed;
  bf16_clear_panel(part, panel);
  for (int64_t segment = 0; segment < inputs.count; ++segment) {
    part.in_channels = inputs.channels[segment];
    bf16_pack_segment(part, panel);
    part.weight += kBf16Taps * part.in_channels;
    part.begin += winograd_pad(part.in_channels);
  }
}

namespace {

// weight: (out_channels, in_channels, taps), dense.
void pack_split(const float* weight, int64_t taps, const Bf16SplitLayer& layer, uint16_t* packed, int64_t panel) {
  Bf16Weights part{};
  part.weight = weight;
  part.out_stride = taps * layer.in_channels;
  part.in_stride = part.taps = taps;
  part.passes_errors_on = true;
  part.out_channels = layer.out_channels;
  part.panels = layer.panels();
  part.in_channels = layer.in_channels;
  part.depth = layer.depth();
  part.packed = packed;
  bf16_clear_panel(part, panel);
  bf16_pack_segment(part, panel);
}

}  // namespace

void bf16_pack_split(const float* weight, const Bf16SplitLayer& layer, uint16_t* packed, int64_t panel) {
  pack_split(weight, kBf16Taps, layer, packed, panel);
}

void bf16_pack_phases(const float* weight, const Bf16SplitLayer& layer, uint16_t* packed, int64_t panel) {
  // Which of the two small pixels a tap of the enlarged ones reads: the first phase's first tap alone lies in the first
  // pixel, the second phase's last tap alone in the second.
  constexpr int64_t kPixel[2][3] = {{0, 1, 1}, {0, 0, 1}};
  const int64_t pairs = layer.out_channels * layer.in_channels;
  std::vector<float> phase_weight(static_cast<size_t>(pairs * kBf16PhaseTaps));
  for (int64_t phase = 0; phase < kBf16Phases; ++phase, packed += layer.packed_size(kBf16PhaseTaps)) {
    for (int64_t pair = 0; pair < pairs; ++pair) {
      double sums[kBf16PhaseTaps] = {};
      for (int64_t tap = 0; tap < kBf16Taps; ++tap)
        sums[2 * kPixel[phase / 2][tap / 3] + kPixel[phase % 2][tap % 3]] += weight[pair * kBf16Taps + tap];
      for (int64_t tap = 0; tap < kBf16PhaseTaps; ++tap)
        phase_weight[static_cast<size_t>(pair * kBf16PhaseTaps + tap)] = static_cast<float>(sums[tap]);
    }
    pack_split(phase_weight.data(), kBf16PhaseTaps, layer, packed, panel);
  }
}

}  // namespace srdgan
