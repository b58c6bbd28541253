#include "csrc/kernels/cpu/upsample_conv_block.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace srdgan {
namespace {

// 6 pixels x 2 vectors of 8 channels: 12 accumulators, 2 vectors of weights and one broadcast fill 15 of the 16
// registers.
template <int kPixels>
void block(const UpsampleConvBlock& t) {
  __m256 sum[kPixels][2];
#pragma GCC unroll 6
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      sum[p][v] = _mm256_add_ps(_mm256_loadu_ps(t.first + p * t.first_stride + 8 * v),
                                _mm256_loadu_ps(t.second + p * t.second_stride + 8 * v));
    }
  }

  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_stride = t.a_stride;
  for (int64_t k = 0; k < t.depth; ++k, ++a, b += kUpsampleConvPanel) {
    const __m256 weight[2] = {_mm256_loadu_ps(b), _mm256_loadu_ps(b + 8)};
#pragma GCC unroll 6
    for (int p = 0; p < kPixels; ++p) {
      const __m256 value = _mm256_set1_ps(a[p * a_stride]);
      sum[p][0] = _mm256_fmadd_ps(value, weight[0], sum[p][0]);
      sum[p][1] = _mm256_fmadd_ps(value, weight[1], sum[p][1]);
    }
  }

  const __m256 slope = _mm256_set1_ps(t.negative_slope);
#pragma GCC unroll 2
  for (int v = 0; v < 2; ++v) {
    const auto channels = static_cast<int>(t.channels) - 8 * v;
#pragma GCC unroll 6
    for (int p = 0; p < kPixels; ++p) {
      // A slope of 0..1 makes LeakyReLU a maximum.
      sum[p][v] = _mm256_max_ps(_mm256_mul_ps(sum[p][v], slope), sum[p][v]);
    }
    if (channels >= 8) {  // masked stores are slow on AMD's processors
#pragma GCC unroll 6
      for (int p = 0; p < kPixels; ++p) _mm256_storeu_ps(t.out + p * t.out_stride + 8 * v, sum[p][v]);
    } else {
      const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
      const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(channels), lane);
#pragma GCC unroll 6
      for (int p = 0; p < kPixels; ++p) _mm256_maskstore_ps(t.out + p * t.out_stride + 8 * v, mask, sum[p][v]);
    }
  }
}

void differences(const float* const pixel[9], int64_t channels, float* planes, int64_t plane_stride) {
  upsample_conv_differences(pixel, channels, planes, plane_stride);
}

}  // namespace

const UpsampleConvIsa& upsample_conv_avx2() {
  static const UpsampleConvIsa isa = {
      6,
      1,
      {{block<1>, block<2>, block<3>, block<4>, block<5>, block<6>}, {}},
      differences,
  };
  return isa;
}

}  // namespace srdgan

#endif
