// What one instruction set provides to upsample_conv: a register-blocked matrix product and the differences of 3x3
// pixels.
#pragma once

#include <cstdint>

#include "csrc/kernels/cpu/upsample_conv.h"

namespace srdgan {

// out[p][n] = leaky(first[p][n] + second[p][n] + sum over k of a[p][k] * b[n / 16][k][n % 16])
// for the few pixels p and panels of 16 channels that fit into registers.
struct UpsampleConvBlock {
  const float* a;  // (pixels, depth)
  int64_t a_stride;
  const float* b;  // (panels, depth, 16)
  int64_t depth;
  const float* first;  // (pixels, panels * 16); a stride of 0 repeats one row
  int64_t first_stride;
  const float* second;  // likewise
  int64_t second_stride;
  float* out;  // (pixels, channels)
  int64_t out_stride;
  int64_t channels;      // how many of the panels' channels are stored
  float negative_slope;  // 1 leaves the sum as it is
};

using UpsampleConvBlockFn = void (*)(const UpsampleConvBlock& block);

struct UpsampleConvIsa {
  static constexpr int64_t kMaxPixels = 14;
  static constexpr int64_t kMaxPanels = 2;
  int64_t max_pixels;
  int64_t max_panels;
  UpsampleConvBlockFn block[kMaxPanels][kMaxPixels];  // [panels - 1][pixels - 1]
  // pixel[3 * row + column] (channels) of a 3x3 neighbourhood -> nine planes of differences, `plane_stride` floats
  // apart
  void (*differences)(const float* const pixel[9], int64_t channels, float* planes, int64_t plane_stride);
};

const UpsampleConvIsa& upsample_conv_portable();
#if defined(__x86_64__)
const UpsampleConvIsa& upsample_conv_avx2();
const UpsampleConvIsa& upsample_conv_avx512();
#elif defined(__aarch64__)
const UpsampleConvIsa& upsample_conv_neon();
#endif

// Inlined into a function of each instruction set, whose vectors the compiler then uses for this plain loop.
[[gnu::always_inline]] inline void upsample_conv_differences(const float* const pixel[9], int64_t channels,
                                                             float* planes, int64_t plane_stride) {
  const float* p[9];
  float* plane[9];
  for (int i = 0; i < 9; ++i) {
    p[i] = pixel[i];
    plane[i] = planes + i * plane_stride;
  }
  // The planes overlap neither each other nor the picture; eighteen pointers are too many for the compiler to check.
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
  for (int64_t k = 0; k < channels; ++k) {
    const float middle[3] = {p[3][k], p[4][k], p[5][k]};
    const float above[3] = {p[0][k] - middle[0], p[1][k] - middle[1], p[2][k] - middle[2]};
    const float below[3] = {p[6][k] - middle[0], p[7][k] - middle[1], p[8][k] - middle[2]};
    plane[0][k] = above[0] - above[1];
    plane[1][k] = above[1];
    plane[2][k] = above[2] - above[1];
    plane[3][k] = middle[0] - middle[1];
    plane[4][k] = middle[1];
    plane[5][k] = middle[2] - middle[1];
    plane[6][k] = below[0] - below[1];
    plane[7][k] = below[1];
    plane[8][k] = below[2] - below[1];
  }
}

}  // namespace srdgan
