// How a picture is cut into units of work: rows of units, and chunks of columns.
#pragma once

#include <algorithm>
#include <cstdint>

namespace srdgan {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Cuts are at multiples of a cell from the picture's first pixel, so results do not depend on the cut. A cell consists
// of whole tiles of every stage.
struct UnitGrid {
  int64_t height;
  int64_t width;
  int64_t cell;  // pixels
  int64_t unit_cells;
  int64_t unit_rows;  // rows of pixels in a row of units
  int64_t rows;       // of units
  int64_t chunks;     // of columns

  // Pixels of a unit at most: enough to pay for reading the weights once per unit, and few enough that a unit's
  // products stay in a core's second-level cache.
  static constexpr int64_t kUnitPixels = 1296;
  // Rows that a picture is cut into at least, if it is so high: with fewer, threads wait for each other, and stages of
  // the tail keep most of the enlarged picture between them.
  static constexpr int64_t kMinRows = 8;

  // min_chunks: if the picture has as many cells.
  UnitGrid(int64_t height, int64_t width, int64_t cell, int64_t min_chunks, int64_t unit_pixels = kUnitPixels)
      : height(height),
        width(width),
        cell(cell),
        unit_cells(unit_pixels / (cell * cell)),
        unit_rows(cell * std::clamp<int64_t>(unit_cells / cells_across(), 1,
                                             std::max<int64_t>(ceil_div(height, cell) / kMinRows, 1))),
        rows(ceil_div(height, unit_rows)),
        chunks(std::max(ceil_div(cells_across(), unit_cells), std::min(min_chunks, cells_across()))) {}

  // Pixels of a chunk and of a row of units.
  int64_t column_begin(int64_t chunk) const { return cells_across() * chunk / chunks * cell; }
  int64_t column_end(int64_t chunk) const { return std::min(column_begin(chunk + 1), width); }
  int64_t row_begin(int64_t row) const { return row * unit_rows; }
  int64_t row_end(int64_t row) const { return std::min(row_begin(row + 1), height); }

  int64_t max_columns() const { return ceil_div(cells_across(), chunks) * cell; }

 private:
  int64_t cells_across() const { return ceil_div(width, cell); }
};

}  // namespace srdgan
