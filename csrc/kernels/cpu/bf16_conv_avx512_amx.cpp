#include "csrc/kernels/cpu/bf16_conv.h"

#if defined(__x86_64__)

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

}  // namespace

const Bf16Isa& bf16_avx512_amx() {
  static constexpr Bf16Isa kSteps = {begin, convert, multiply, finish, end};
  return kSteps;
}

}  // namespace srdgan

#endif
