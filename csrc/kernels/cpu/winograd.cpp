#include "csrc/kernels/cpu/winograd.h"

#include <algorithm>

namespace srdgan {
namespace {

constexpr int64_t kPanel = kWinogradPanel;

// G: three taps -> six points (0, 1, -1, 2, -2, infinity).
constexpr double kTaps[kWinogradWindow][3] = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};

}  // namespace

const WinogradIsa& winograd_isa(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512) return winograd_avx512();
  if (isa == CpuIsa::kAvx2) return winograd_avx2();
#endif
  (void)isa;
  return winograd_portable();
}

WinogradOutput winograd_multiply(const WinogradIsa& isa, WinogradProduct product, int64_t point_stride, const float* weight,
                                 int64_t out_channels, int64_t panel, float* sums) {
  product.panels = std::min(kWinogradPanelsAtOnce, out_channels / kPanel - panel);
  product.weight = weight + panel * kPanel * product.depth;
  product.m = sums;
  product.m_stride = product.panels * kPanel;
  WinogradOutput output{};
  output.m = sums;
  output.tile_stride = product.m_stride;
  output.point_stride = product.tiles * product.m_stride + kWinogradPointPadding;
  output.tiles = product.tiles;
  output.channels = product.m_stride;
  for (int64_t point = 0; point < kWinogradPoints; ++point) {
    product.next_weight = product.weight + out_channels * product.depth;
    isa.multiply(product);
    product.v += point_stride;
    product.weight = product.next_weight;
    product.m += output.point_stride;
  }
  return output;
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

int64_t winograd_packed_size(const WinogradSegments& inputs, int64_t out_channels) {
  return kWinogradPoints * inputs.depth() * winograd_pad(out_channels);
}

void winograd_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, float* packed,
                   int64_t panel_begin, int64_t panel_end) {
  const int64_t in_channels = inputs.channels_in_all();
  const int64_t depth = inputs.depth();
  const int64_t panels = winograd_pad(out_channels) / kPanel;
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    const int64_t lanes = std::min(kPanel, out_channels - panel * kPanel);
    const auto line = [&](int64_t point, int64_t k) { return packed + ((point * panels + panel) * depth + k) * kPanel; };
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
        for (int64_t row = 0; row < kWinogradWindow; ++row) {
          double vertical[3][kPanel];
          for (int x = 0; x < 3; ++x) {
            for (int64_t n = 0; n < kPanel; ++n) {
              vertical[x][n] = kTaps[row][0] * taps[x][n] + kTaps[row][1] * taps[3 + x][n] + kTaps[row][2] * taps[6 + x][n];
            }
          }
          for (int64_t column = 0; column < kWinogradWindow; ++column) {
            float* out = line(kWinogradWindow * row + column, target);
            const double* t = kTaps[column];
            for (int64_t n = 0; n < kPanel; ++n) {
              out[n] = static_cast<float>(t[0] * vertical[0][n] + t[1] * vertical[1][n] + t[2] * vertical[2][n]);
            }
          }
        }
      }
      for (; target < end; ++target) {
        for (int64_t point = 0; point < kWinogradPoints; ++point) std::fill_n(line(point, target), kPanel, 0.0f);
      }
    }
  }
}

}  // namespace srdgan
