// Intel's matrix instructions, AMX. There are eight registers, called tiles, of up to 16 rows of up to 64 bytes. A
// product adds to a tile of sums of 32 bits, (rows, columns), the rows of one tile times the columns of another, whose
// row k holds the numbers 4 k .. 4 k + 3 (bytes) or 2 k, 2 k + 1 (bfloat16) of every column. Every thread has tiles of
// its own, whose sizes it sets before it uses them.
//
// In place of the compilers' intrinsics, because they want literal numbers of tiles, and because GCC's for the sizes
// reads only the first bytes of them. For the files of this instruction set alone.
#pragma once

#include <cstdint>

namespace srdgan {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileRowBytes = 64;

struct alignas(64) TileSizes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};  // the last eight do not exist
  uint8_t rows[16] = {};

  constexpr void set(int tile, int64_t tile_rows, int64_t bytes) {
    rows[tile] = static_cast<uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<uint16_t>(bytes);
  }
};

[[gnu::always_inline]] inline void set_tile_sizes(const TileSizes& sizes) {
  asm volatile("ldtilecfg %0" : : "m"(sizes));
}
// Without it, the system would save the tiles whenever the thread stops.
[[gnu::always_inline]] inline void release_tiles() { asm volatile("tilerelease"); }

template <int kTile>
[[gnu::always_inline]] inline void zero_tile() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
}

// stride: bytes from row to row.
template <int kTile>
[[gnu::always_inline]] inline void load_tile(const void* from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
}

template <int kTile>
[[gnu::always_inline]] inline void store_tile(void* to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
}

// Unsigned bytes of kRows by signed ones of kColumns.
template <int kSum, int kRows, int kColumns>
[[gnu::always_inline]] inline void add_products_of_bytes() {
  asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kRows), "i"(kColumns));
}

template <int kSum, int kRows, int kColumns>
[[gnu::always_inline]] inline void add_products_of_bf16() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kRows), "i"(kColumns));
}

}  // namespace srdgan
