// The definition of upsample_conv in plain loops.
#pragma once

#include <cstdint>
#include <vector>

struct UpsampleConvSizes {
  int64_t height, width, in_channels, out_channels;
};

// Nearest x2, 3x3 convolution with zero padding 1, bias (none if empty), LeakyReLU: HWC in double.
inline std::vector<double> upsample_conv_reference(const UpsampleConvSizes& s, const float* x,
                                                   const std::vector<float>& weight, const std::vector<float>& bias,
                                                   float negative_slope) {
  std::vector<double> out;
  for (int64_t row = 0; row < 2 * s.height; ++row)
    for (int64_t column = 0; column < 2 * s.width; ++column)
      for (int64_t o = 0; o < s.out_channels; ++o) {
        double sum = bias.empty() ? 0.0 : bias[o];
        for (int64_t i = 0; i < s.in_channels; ++i)
          for (int64_t dy = 0; dy < 3; ++dy)
            for (int64_t dx = 0; dx < 3; ++dx) {
              const int64_t y = row + dy - 1, z = column + dx - 1;
              if (y < 0 || y >= 2 * s.height || z < 0 || z >= 2 * s.width) continue;
              sum += static_cast<double>(weight[((o * s.in_channels + i) * 3 + dy) * 3 + dx]) *
                     x[(y / 2 * s.width + z / 2) * s.in_channels + i];
            }
        out.push_back(sum > 0 ? sum : sum * negative_slope);
      }
  return out;
}
