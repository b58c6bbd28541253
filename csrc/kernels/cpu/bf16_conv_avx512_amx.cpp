#include "csrc/kernels/cpu/bf16_conv.h"

#if defined(__x86_64__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own headers leave registers undefined where their contents do not matter, and GCC 12 warns of that.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include "csrc/kernels/cpu/amx_tiles.h"

namespace srdgan {
namespace {

constexpr int kLanes = 16;

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVec __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

[[gnu::always_inline]] inline void store_bf16(uint16_t* p, Vec v) {
  const __m256bh rounded = _mm512_cvtneps_pbh(reinterpret_cast<__m512>(v));
  __builtin_memcpy(p, &rounded, sizeof(rounded));
}

[[gnu::always_inline]] inline Vec load_bf16(const uint16_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return reinterpret_cast<Vec>(_mm512_slli_epi32(wide, 16));
}

#include "csrc/kernels/cpu/bf16_conv_lanes.h"

// All eight tiles have their full size: tiles 0 to 3 hold sums, 4 and 5 pixels, 6 and 7 weights.
constexpr int64_t kTile = kTileRows * kTileRowBytes / 2;  // numbers

constexpr TileSizes make_sizes() {
  TileSizes sizes{};
  for (int tile = 0; tile < 8; ++tile) sizes.set(tile, kTileRows, kTileRowBytes);
  return sizes;
}
constexpr TileSizes kSizes = make_sizes();

void begin() { set_tile_sizes(kSizes); }

void end() { release_tiles(); }

// 32 pixels of two panels: every tile that is loaded is used twice, and weights four times in a split map.
template <int kTaps, bool kSplit>
void multiply_two(const Bf16Product& p, int64_t pixel) {
  zero_tile<0>();
  zero_tile<1>();
  zero_tile<2>();
  zero_tile<3>();
  const int64_t stride = 2 * p.pixel_stride, second = kTileRows * p.pixel_stride;
  const uint16_t* weight = p.weight;
  for (int64_t group = 0; group < p.depth / kBf16Depth; ++group) {
    for (int i = 0; i < kTaps; ++i) {
      const uint16_t* x = p.rows[i] + pixel * p.pixel_stride + group * p.group_stride;
      for (int j = 0; j < kTaps; ++j, x += p.pixel_stride, weight += 2 * kTile) {
        load_tile<4>(x, stride);
        load_tile<6>(weight, kTileRowBytes);
        load_tile<7>(weight + kTile, kTileRowBytes);
        load_tile<5>(x + second, stride);
        add_products_of_bf16<0, 4, 6>();
        add_products_of_bf16<1, 4, 7>();
        add_products_of_bf16<2, 5, 6>();
        add_products_of_bf16<3, 5, 7>();
        if constexpr (kSplit) {
          load_tile<4>(x + kBf16Depth, stride);
          load_tile<5>(x + second + kBf16Depth, stride);
          add_products_of_bf16<0, 4, 6>();
          add_products_of_bf16<1, 4, 7>();
          add_products_of_bf16<2, 5, 6>();
          add_products_of_bf16<3, 5, 7>();
        }
      }
    }
  }
  constexpr int64_t kRow = 2 * kTileRowBytes;
  float* sums = p.sums + 32 * pixel;
  store_tile<0>(sums, kRow);
  store_tile<1>(sums + 16, kRow);
  store_tile<2>(sums + 32 * kTileRows, kRow);
  store_tile<3>(sums + 32 * kTileRows + 16, kRow);
}

// Adds the products of 64 pixels with the weights in tile 6.
[[gnu::always_inline]] inline void add_pixels(const uint16_t* x, int64_t stride, int64_t tile) {
  load_tile<4>(x, stride);
  add_products_of_bf16<0, 4, 6>();
  load_tile<5>(x + tile, stride);
  add_products_of_bf16<1, 5, 6>();
  load_tile<4>(x + 2 * tile, stride);
  add_products_of_bf16<2, 4, 6>();
  load_tile<5>(x + 3 * tile, stride);
  add_products_of_bf16<3, 5, 6>();
}

// 64 pixels of one panel.
template <int kTaps, bool kSplit>
void multiply_one(const Bf16Product& p, int64_t pixel) {
  zero_tile<0>();
  zero_tile<1>();
  zero_tile<2>();
  zero_tile<3>();
  const int64_t stride = 2 * p.pixel_stride, tile = kTileRows * p.pixel_stride;
  const uint16_t* weight = p.weight;
  for (int64_t group = 0; group < p.depth / kBf16Depth; ++group) {
    for (int i = 0; i < kTaps; ++i) {
      const uint16_t* x = p.rows[i] + pixel * p.pixel_stride + group * p.group_stride;
      for (int j = 0; j < kTaps; ++j, x += p.pixel_stride, weight += kTile) {
        load_tile<6>(weight, kTileRowBytes);
        add_pixels(x, stride, tile);
        if constexpr (kSplit) add_pixels(x + kBf16Depth, stride, tile);
      }
    }
  }
  float* sums = p.sums + 16 * pixel;
  store_tile<0>(sums, kTileRowBytes);
  store_tile<1>(sums + 16 * kTileRows, kTileRowBytes);
  store_tile<2>(sums + 32 * kTileRows, kTileRowBytes);
  store_tile<3>(sums + 48 * kTileRows, kTileRowBytes);
}

template <int kTaps, bool kSplit>
[[gnu::always_inline]] inline void multiply_taps(const Bf16Product& product) {
  const int64_t block = bf16_block_pixels(product.panels);
  for (int64_t pixel = 0; pixel < product.pixels; pixel += block) {
    if (product.panels == 2) {
      multiply_two<kTaps, kSplit>(product, pixel);
    } else {
      multiply_one<kTaps, kSplit>(product, pixel);
    }
  }
}

void multiply(const Bf16Product& product) {
  if (!product.split) return multiply_taps<3, false>(product);
  if (product.taps == 3) return multiply_taps<3, true>(product);
  multiply_taps<2, true>(product);
}

// 32 pixels of 32 channels are turned in five steps, of pairs of 1, 2, 4, 8 and 16 rows.
void turn_block(const uint16_t* from, int64_t from_stride, uint16_t* to, int64_t to_stride) {
  __m512i a[32], b[32];
  for (int i = 0; i < 32; ++i) a[i] = _mm512_loadu_si512(from + i * from_stride);
  // Within each quarter of a register: 16 bits of two rows, 32 bits, 64 bits.
  for (int i = 0; i < 32; i += 2) {
    b[i] = _mm512_unpacklo_epi16(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi16(a[i], a[i + 1]);
  }
  for (int i = 0; i < 32; i += 4) {
    for (int j = 0; j < 2; ++j) {
      a[i + 2 * j] = _mm512_unpacklo_epi32(b[i + j], b[i + j + 2]);
      a[i + 2 * j + 1] = _mm512_unpackhi_epi32(b[i + j], b[i + j + 2]);
    }
  }
  for (int i = 0; i < 32; i += 8) {
    for (int j = 0; j < 4; ++j) {
      b[i + 2 * j] = _mm512_unpacklo_epi64(a[i + j], a[i + j + 4]);
      b[i + 2 * j + 1] = _mm512_unpackhi_epi64(a[i + j], a[i + j + 4]);
    }
  }
  // b[8 i + j] has pixels 8 i .. 8 i + 7 of channel j in the first quarter, of 8 + j in the second, and so on. What is
  // left is to turn 4x4 quarters.
  for (int j = 0; j < 8; ++j) {
    const __m512i low0 = _mm512_shuffle_i32x4(b[j], b[j + 8], 0x44), high0 = _mm512_shuffle_i32x4(b[j], b[j + 8], 0xEE);
    const __m512i low1 = _mm512_shuffle_i32x4(b[j + 16], b[j + 24], 0x44);
    const __m512i high1 = _mm512_shuffle_i32x4(b[j + 16], b[j + 24], 0xEE);
    _mm512_storeu_si512(to + j * to_stride, _mm512_shuffle_i32x4(low0, low1, 0x88));
    _mm512_storeu_si512(to + (8 + j) * to_stride, _mm512_shuffle_i32x4(low0, low1, 0xDD));
    _mm512_storeu_si512(to + (16 + j) * to_stride, _mm512_shuffle_i32x4(high0, high1, 0x88));
    _mm512_storeu_si512(to + (24 + j) * to_stride, _mm512_shuffle_i32x4(high0, high1, 0xDD));
  }
}

void make_planes(const Bf16Planes& p) {
  for (int64_t pixel = 0; pixel < p.pixels; pixel += 32)
    turn_block(p.from + pixel * p.from_stride, p.from_stride, p.to + pixel, p.to_stride);
}

void make_pairs(const Bf16Pairs& p) {
  for (int64_t pixel = 0; pixel < p.pixels; pixel += 2) {
    const uint16_t* from = p.from + pixel * p.from_stride;
    uint16_t* to = p.to + pixel / 2 * p.to_stride;
    for (int64_t c = 0; c < p.channels; c += 16) {
      const __m512i first = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + c)));
      const __m512i second =
          _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + p.from_stride + c)));
      _mm512_storeu_si512(to + 2 * c, _mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
    }
  }
}

// Tiles 0 to 3 hold sums, 4 and 5 gradients, 6 and 7 features. Tiles that do not exist are not loaded.
template <bool kTwoOutputs, bool kTwoInputs>
[[gnu::always_inline]] inline void sum_tiles(const Bf16WeightProduct& p) {
  const int64_t sums_stride = 4 * p.sums_stride, x_stride = 2 * p.x_stride, grad_stride = 2 * p.grad_stride;
  float* lower = p.sums + 16 * p.sums_stride;
  if (p.adds) {
    load_tile<0>(p.sums, sums_stride);
    if constexpr (kTwoInputs) load_tile<1>(p.sums + 16, sums_stride);
    if constexpr (kTwoOutputs) load_tile<2>(lower, sums_stride);
    if constexpr (kTwoInputs && kTwoOutputs) load_tile<3>(lower + 16, sums_stride);
  } else {
    zero_tile<0>();
    zero_tile<1>();
    zero_tile<2>();
    zero_tile<3>();
  }
  for (int64_t pixel = 0; pixel < p.pixels; pixel += 32) {
    const uint16_t* grad = p.grad + pixel;
    const uint16_t* x = p.x + pixel / 2 * p.x_stride;
    load_tile<4>(grad, grad_stride);
    load_tile<6>(x, x_stride);
    if constexpr (kTwoInputs) load_tile<7>(x + 32, x_stride);
    if constexpr (kTwoOutputs) load_tile<5>(grad + 16 * p.grad_stride, grad_stride);
    add_products_of_bf16<0, 4, 6>();
    if constexpr (kTwoInputs) add_products_of_bf16<1, 4, 7>();
    if constexpr (kTwoOutputs) add_products_of_bf16<2, 5, 6>();
    if constexpr (kTwoInputs && kTwoOutputs) add_products_of_bf16<3, 5, 7>();
  }
  store_tile<0>(p.sums, sums_stride);
  if constexpr (kTwoInputs) store_tile<1>(p.sums + 16, sums_stride);
  if constexpr (kTwoOutputs) store_tile<2>(lower, sums_stride);
  if constexpr (kTwoInputs && kTwoOutputs) store_tile<3>(lower + 16, sums_stride);
}

void multiply_weights(const Bf16WeightProduct& product) {
  const bool two_outputs = product.outputs == 32, two_inputs = product.inputs == 32;
  if (two_outputs && two_inputs) return sum_tiles<true, true>(product);
  if (two_outputs) return sum_tiles<true, false>(product);
  if (two_inputs) return sum_tiles<false, true>(product);
  sum_tiles<false, false>(product);
}

}  // namespace

const Bf16Isa& bf16_avx512_amx() {
  static constexpr Bf16Isa kSteps = {begin,           convert,     copy,       multiply,         finish, split,
                                     finish_features, make_planes, make_pairs, multiply_weights, end};
  return kSteps;
}

}  // namespace srdgan

#endif
