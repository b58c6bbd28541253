// Cuts a picture into windows of one shape. The same plan as plan_fixed_tiles in srdgan_rt/tiling/plan.py.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/cuda/tile_memory.h"

namespace srdgan::gpu {

// A part of an axis: begin .. begin + size - 1.
struct Span {
  int64_t begin;
  int64_t size;
};

struct PictureTile {
  Span core_rows, core_columns;  // whose results are kept
  // First pixel of the window. It may lie outside of the picture, which goes on mirrored there.
  int64_t top, left;
};

struct PictureTiles {
  TileShape window;
  std::vector<PictureTile> tiles;  // the cores cover each pixel once
};

// side: of the windows, more than 2 * halo. halo: pixels that a window has around its core, but for the border of the
// picture, outside of which it reads `border` pixels. Windows begin at multiples of `multiple`, to which their sides
// and the border are rounded up.
PictureTiles plan_tiles(const TileShape& picture, int64_t side, int64_t halo, int64_t border, int64_t multiple);

}  // namespace srdgan::gpu
