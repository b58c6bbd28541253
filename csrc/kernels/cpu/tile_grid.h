// How a picture is cut into units of work: groups of rows of 4x4 tiles, and chunks of columns.
#pragma once

#include <algorithm>
#include <cstdint>

#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

// The picture's tiles lie on multiples of four from its first pixel, wherever it is cut: results do not depend on the cut.
struct TileGrid {
  int64_t height;
  int64_t width;
  int64_t tiles_down;
  int64_t tiles_across;
  int64_t group;   // rows of tiles in a row of units
  int64_t rows;    // of units
  int64_t chunks;  // of columns

  // Tiles per unit: enough to pay for reading the weights once per unit, and few enough that a unit's products stay in a core's
  // second-level cache.
  static constexpr int64_t kTilesPerUnit = 48;

  TileGrid(int64_t height, int64_t width)
      : height(height),
        width(width),
        tiles_down((height + kWinogradTile - 1) / kWinogradTile),
        tiles_across((width + kWinogradTile - 1) / kWinogradTile),
        group(std::clamp<int64_t>(kTilesPerUnit / tiles_across, 1, tiles_down)),
        rows((tiles_down + group - 1) / group),
        chunks((tiles_across + kTilesPerUnit - 1) / kTilesPerUnit) {}

  // Columns of tiles of a chunk.
  int64_t tile_begin(int64_t chunk) const { return tiles_across * chunk / chunks; }
  int64_t tile_end(int64_t chunk) const { return tile_begin(chunk + 1); }

  // Rows of tiles of a row of units.
  int64_t tile_row_begin(int64_t row) const { return row * group; }
  int64_t tile_row_end(int64_t row) const { return std::min((row + 1) * group, tiles_down); }

  int64_t max_tiles_across() const { return (tiles_across + chunks - 1) / chunks; }
};

}  // namespace srdgan
