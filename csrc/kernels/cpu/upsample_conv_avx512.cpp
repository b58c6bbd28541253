#include "csrc/kernels/cpu/upsample_conv_block.h"

#if defined(__x86_64__)

#if !defined(__clang__)  // GCC 12 warns about the undefined vectors inside its own header
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace srdgan {
namespace {

// 14 pixels x 2 vectors: 28 accumulators, 2 vectors of weights and one broadcast fill 31 of the 32 registers.
template <int kPixels, int kPanels>
void block(const UpsampleConvBlock& t) {
  __m512 sum[kPixels][kPanels];
#pragma GCC unroll 14
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
    for (int v = 0; v < kPanels; ++v) {
      sum[p][v] = _mm512_add_ps(_mm512_loadu_ps(t.first + p * t.first_stride + 16 * v),
                                _mm512_loadu_ps(t.second + p * t.second_stride + 16 * v));
    }
  }

  // The results go to memory that is not in the cache: fetching its lines now hides the wait behind the products.
#pragma GCC unroll 14
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 2
    for (int v = 0; v < kPanels; ++v) __builtin_prefetch(t.out + p * t.out_stride + 16 * v, 1);
  }

  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_stride = t.a_stride;
  const int64_t b_stride = t.depth * kUpsampleConvPanel;
  for (int64_t k = 0; k < t.depth; ++k, ++a, b += kUpsampleConvPanel) {
    __m512 weight[kPanels];
#pragma GCC unroll 2
    for (int v = 0; v < kPanels; ++v) weight[v] = _mm512_loadu_ps(b + v * b_stride);
#pragma GCC unroll 14
    for (int p = 0; p < kPixels; ++p) {
      const __m512 value = _mm512_set1_ps(a[p * a_stride]);
#pragma GCC unroll 2
      for (int v = 0; v < kPanels; ++v) sum[p][v] = _mm512_fmadd_ps(value, weight[v], sum[p][v]);
    }
  }

  const __m512 slope = _mm512_set1_ps(t.negative_slope);
#pragma GCC unroll 2
  for (int v = 0; v < kPanels; ++v) {
    float* out = t.out + 16 * v;
    const int64_t out_stride = t.out_stride;
    const int64_t left = t.channels - 16 * v;
    const __mmask16 mask = static_cast<__mmask16>((1u << (left & 15)) - 1);
#pragma GCC unroll 14
    for (int p = 0; p < kPixels; ++p) {
      // A slope of 0..1 makes LeakyReLU a maximum.
      const __m512 value = _mm512_max_ps(_mm512_mul_ps(sum[p][v], slope), sum[p][v]);
      if (left >= 16) {
        _mm512_storeu_ps(out + p * out_stride, value);
      } else {
        _mm512_mask_storeu_ps(out + p * out_stride, mask, value);
      }
    }
  }
}

void differences(const float* const pixel[9], int64_t channels, float* planes, int64_t plane_stride) {
  upsample_conv_differences(pixel, channels, planes, plane_stride);
}

}  // namespace

const UpsampleConvIsa& upsample_conv_avx512() {
  static const UpsampleConvIsa isa = {
      14,
      2,
      {{block<1, 1>, block<2, 1>, block<3, 1>, block<4, 1>, block<5, 1>, block<6, 1>, block<7, 1>, block<8, 1>,
        block<9, 1>, block<10, 1>, block<11, 1>, block<12, 1>, block<13, 1>, block<14, 1>},
       {block<1, 2>, block<2, 2>, block<3, 2>, block<4, 2>, block<5, 2>, block<6, 2>, block<7, 2>, block<8, 2>,
        block<9, 2>, block<10, 2>, block<11, 2>, block<12, 2>, block<13, 2>, block<14, 2>}},
      differences,
  };
  return isa;
}

}  // namespace srdgan

#endif
