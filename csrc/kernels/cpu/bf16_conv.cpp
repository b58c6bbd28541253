#include "csrc/kernels/cpu/bf16_conv.h"

#include <algorithm>

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
  PanelTiles(uint16_t* packed, int64_t depth, int64_t out_channels, int64_t panel) {
    const int64_t first = panel / kBf16PanelsAtOnce * kBf16PanelsAtOnce;
    panels_ = std::min(winograd_pad(out_channels) / kWinogradPanel - first, kBf16PanelsAtOnce);
    begin_ = packed + bf16_panel_begin(first, depth) + (panel - first) * kNumbers;
  }
  uint16_t* at(int64_t channel, int64_t tap) const {
    return begin_ + (channel / kBf16Depth * kBf16Taps + tap) * panels_ * kNumbers;
  }

  static constexpr int64_t kNumbers = kBf16Depth * kWinogradPanel;

 private:
  uint16_t* begin_;
  int64_t panels_;
};

}  // namespace

void bf16_pack_segment(const Bf16Weights& w, int64_t panel) {
  const PanelTiles tiles(w.packed, w.depth, w.out_channels, panel);
  const int64_t outputs = std::min(w.out_channels - panel * kWinogradPanel, kWinogradPanel);
  for (int64_t c = 0; c < w.in_channels; ++c) {
    const int64_t k = w.begin + c;
    uint16_t* to = tiles.at(k, 0) + k % kBf16Depth / 2 * 2 * kWinogradPanel + k % 2;
    const int64_t tap_stride = tiles.at(k, 1) - tiles.at(k, 0);
    for (int64_t n = 0; n < outputs; ++n) {
      const float* taps = w.weight + (panel * kWinogradPanel + n) * w.out_stride + c * w.in_stride;
      for (int64_t tap = 0; tap < kBf16Taps; ++tap)
        to[tap * tap_stride + 2 * n] = bfloat16_bits(taps[w.mirrored ? kBf16Taps - 1 - tap : tap]);
    }
  }
}

void bf16_clear_panel(const Bf16Weights& w, int64_t panel) {
  const PanelTiles tiles(w.packed, w.depth, w.out_channels, panel);
  for (int64_t k = 0; k < w.depth; k += kBf16Depth) {
    for (int64_t tap = 0; tap < kBf16Taps; ++tap) std::fill_n(tiles.at(k, tap), PanelTiles::kNumbers, uint16_t{0});
  }
}

void bf16_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, uint16_t* packed,
               int64_t panel) {
  Bf16Weights part{};
  part.weight = weight;
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

}  // namespace srdgan
