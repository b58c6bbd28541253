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

void bf16_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, uint16_t* packed,
               int64_t panel) {
  constexpr int64_t kTile = kBf16Depth * kWinogradPanel;
  const int64_t first = panel / kBf16PanelsAtOnce * kBf16PanelsAtOnce;
  const int64_t panels = std::min(winograd_pad(out_channels) / kWinogradPanel - first, kBf16PanelsAtOnce);
  const int64_t in_channels = inputs.channels_in_all(), depth = bf16_depth(inputs.depth());
  packed += bf16_panel_begin(first, depth) + (panel - first) * kTile;
  const auto tile = [&](int64_t k, int64_t tap) {
    return packed + (k / kBf16Depth * kBf16Taps + tap) * panels * kTile;
  };
  for (int64_t k = 0; k < depth; k += kBf16Depth) {
    for (int64_t tap = 0; tap < kBf16Taps; ++tap) std::fill_n(tile(k, tap), kTile, uint16_t{0});
  }
  const int64_t outputs = std::min(out_channels - panel * kWinogradPanel, kWinogradPanel);
  int64_t input = 0, begin = 0;
  for (int64_t segment = 0; segment < inputs.count; ++segment) {
    for (int64_t c = 0; c < inputs.channels[segment]; ++c, ++input) {
      const int64_t k = begin + c;
      const int64_t at = k % kBf16Depth / 2 * 2 * kWinogradPanel + k % 2;
      for (int64_t n = 0; n < outputs; ++n) {
        const float* taps = weight + ((panel * kWinogradPanel + n) * in_channels + input) * kBf16Taps;
        for (int64_t tap = 0; tap < kBf16Taps; ++tap) tile(k, tap)[at + 2 * n] = bfloat16_bits(taps[tap]);
      }
    }
    begin += winograd_pad(inputs.channels[segment]);
  }
}

}  // namespace srdgan
