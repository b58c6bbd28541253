#include "csrc/kernels/cpu/bf16_conv.h"

#if defined(__x86_64__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own headers leave registers undefined where their contents do not matter, and GCC 12 warns of that.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

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

// Eight tiles of 16 rows of 64 bytes: tiles 0 to 3 hold sums, 4 and 5 pixels, 6 and 7 weights.
struct [[gnu::packed]] TileConfig {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t column_bytes[16];
  uint8_t rows[16];
};

constexpr int64_t kTileRow = 64;  // bytes
constexpr int64_t kTile = 512;    // numbers of 16 bits
constexpr int64_t kTilePixels = 16;

constexpr TileConfig make_config() {
  TileConfig config{};
  config.palette = 1;
  for (int i = 0; i < 8; ++i) {
    config.column_bytes[i] = kTileRow;
    config.rows[i] = kTilePixels;
  }
  return config;
}

// A constant, because GCC sees only the first bytes read, and leaves out the stores to the rest of a variable.
alignas(64) constexpr TileConfig kConfig = make_config();

void begin() { _tile_loadconfig(&kConfig); }

void end() { _tile_release(); }

// 32 pixels of two panels: every tile that is loaded is used twice.
void multiply_two(const Bf16Product& p) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const int64_t stride = 2 * p.pixel_stride;
  const uint16_t* weight = p.weight;
  for (int64_t k = 0; k < p.depth; k += kBf16Depth) {
    for (int64_t i = 0; i < 3; ++i) {
      const uint16_t* x = p.x + i * p.row_pixels * p.pixel_stride + k;
      for (int64_t j = 0; j < 3; ++j, x += p.pixel_stride, weight += 2 * kTile) {
        _tile_loadd(4, x, stride);
        _tile_loadd(6, weight, kTileRow);
        _tile_loadd(7, weight + kTile, kTileRow);
        _tile_loadd(5, x + kTilePixels * p.pixel_stride, stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
    }
  }
  constexpr int64_t kRow = 2 * kTileRow;
  _tile_stored(0, p.sums, kRow);
  _tile_stored(1, p.sums + 16, kRow);
  _tile_stored(2, p.sums + 32 * kTilePixels, kRow);
  _tile_stored(3, p.sums + 32 * kTilePixels + 16, kRow);
}

// 64 pixels of one panel.
void multiply_one(const Bf16Product& p) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const int64_t stride = 2 * p.pixel_stride, tile = kTilePixels * p.pixel_stride;
  const uint16_t* weight = p.weight;
  for (int64_t k = 0; k < p.depth; k += kBf16Depth) {
    for (int64_t i = 0; i < 3; ++i) {
      const uint16_t* x = p.x + i * p.row_pixels * p.pixel_stride + k;
      for (int64_t j = 0; j < 3; ++j, x += p.pixel_stride, weight += kTile) {
        _tile_loadd(6, weight, kTileRow);
        _tile_loadd(4, x, stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, x + tile, stride);
        _tile_dpbf16ps(1, 5, 6);
        _tile_loadd(4, x + 2 * tile, stride);
        _tile_dpbf16ps(2, 4, 6);
        _tile_loadd(5, x + 3 * tile, stride);
        _tile_dpbf16ps(3, 5, 6);
      }
    }
  }
  _tile_stored(0, p.sums, kTileRow);
  _tile_stored(1, p.sums + 16 * kTilePixels, kTileRow);
  _tile_stored(2, p.sums + 32 * kTilePixels, kTileRow);
  _tile_stored(3, p.sums + 48 * kTilePixels, kTileRow);
}

void multiply(const Bf16Product& product) {
  if (product.panels == 2) return multiply_two(product);
  multiply_one(product);
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

// Tiles 0 to 3 hold sums, 4 and 5 planes, 6 and 7 gradients. Tiles that do not exist are not loaded.
template <bool kTwoInputs, bool kTwoOutputs>
[[gnu::always_inline]] inline void sum_tiles(const Bf16WeightProduct& p) {
  const int64_t sums_stride = 4 * p.sums_stride, x_stride = 2 * p.x_stride, grad_stride = 2 * p.grad_stride;
  float* lower = p.sums + 16 * p.sums_stride;
  if (p.adds) {
    _tile_loadd(0, p.sums, sums_stride);
    if constexpr (kTwoOutputs) _tile_loadd(1, p.sums + 16, sums_stride);
    if constexpr (kTwoInputs) _tile_loadd(2, lower, sums_stride);
    if constexpr (kTwoInputs && kTwoOutputs) _tile_loadd(3, lower + 16, sums_stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t pixel = 0; pixel < p.pixels; pixel += 32) {
    const uint16_t* x = p.x + pixel;
    const uint16_t* grad = p.grad + pixel / 2 * p.grad_stride;
    _tile_loadd(4, x, x_stride);
    _tile_loadd(6, grad, grad_stride);
    if constexpr (kTwoOutputs) _tile_loadd(7, grad + 32, grad_stride);
    if constexpr (kTwoInputs) _tile_loadd(5, x + 16 * p.x_stride, x_stride);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kTwoOutputs) _tile_dpbf16ps(1, 4, 7);
    if constexpr (kTwoInputs) _tile_dpbf16ps(2, 5, 6);
    if constexpr (kTwoInputs && kTwoOutputs) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, p.sums, sums_stride);
  if constexpr (kTwoOutputs) _tile_stored(1, p.sums + 16, sums_stride);
  if constexpr (kTwoInputs) _tile_stored(2, lower, sums_stride);
  if constexpr (kTwoInputs && kTwoOutputs) _tile_stored(3, lower + 16, sums_stride);
}

void multiply_weights(const Bf16WeightProduct& product) {
  const bool two_inputs = product.inputs == 32, two_outputs = product.outputs == 32;
  if (two_inputs && two_outputs) return sum_tiles<true, true>(product);
  if (two_inputs) return sum_tiles<true, false>(product);
  if (two_outputs) return sum_tiles<false, true>(product);
  sum_tiles<false, false>(product);
}

}  // namespace

const Bf16Isa& bf16_avx512_amx() {
  static constexpr Bf16Isa kSteps = {begin,       convert,    multiply,         finish, finish_features,
                                     make_planes, make_pairs, multiply_weights, end};
  return kSteps;
}

}  // namespace srdgan

#endif
