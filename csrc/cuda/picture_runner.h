// Whole pictures through a TileEngine: host memory in, host memory out.
#pragma once

#include <cstdint>

#include "csrc/cuda/tile_engine.h"

namespace srdgan::gpu {

struct TilingOptions {
  int64_t side;    // largest side of a window, in pixels of the picture
  int64_t halo;    // pixels that a window has around the part whose result is kept
  int64_t border;  // pixels by which the picture is continued, mirrored
};

constexpr int64_t kSmallestCore = 16;  // side of the part of a window whose result is kept

// Enlarges a picture in tiles of one shape. samples: dense, of the engine's picture format; result: likewise. Where
// memory does not suffice, the windows become smaller. Returns the side of the windows in use, which is what later
// calls should ask for.
//
// Throws std::bad_alloc where not even windows of kSmallestCore and the halo fit, or where a tile's launch lacks
// memory.
int64_t run_picture(TileEngine& engine, const TilingOptions& options, const void* samples, const TileShape& size,
                    void* result);

}  // namespace srdgan::gpu
