#include "csrc/cuda/picture_tiles.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace srdgan::gpu {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t value, int64_t multiple) { return divide_up(value, multiple) * multiple; }

// One axis: cores of nearly equal size, each with the begin of its window.
struct AxisTile {
  Span core;
  int64_t begin;
};

std::vector<AxisTile> plan_axis(int64_t size, int64_t window, int64_t halo, int64_t border, int64_t multiple) {
  const int64_t low = -border, high = round_up(size, multiple) + border;
  // A window that begins at a multiple may lie this much further left than in the middle.
  const int64_t slack = multiple - 1;
  const int64_t largest = window - 2 * (halo + slack);
  const int64_t count = window >= high - low ? 1 : divide_up(size, largest);
  std::vector<AxisTile> tiles;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = size * i / count, end = size * (i + 1) / count;
    const int64_t middle = begin - (window - (end - begin)) / 2;
    const int64_t place = std::max(low, std::min(middle, high - window));
    const int64_t steps = place - low;
    tiles.push_back({{begin, end - begin}, low + steps / multiple * multiple});
  }
  return tiles;
}

}  // namespace

PictureTiles plan_tiles(const TileShape& picture, int64_t side, int64_t halo, int64_t border, int64_t multiple) {
  if (halo < 0 || border < 0 || side <= 2 * (halo + multiple - 1))
    throw std::invalid_argument("a window's side must be more than twice the halo of " + std::to_string(halo) +
                                ", got " + std::to_string(side));
  border = round_up(border, multiple);
  const auto window = [&](int64_t size) {
    return std::min(round_up(side, multiple), round_up(size, multiple) + 2 * border);
  };
  PictureTiles plan{{window(picture.height), window(picture.width)}, {}};
  const auto columns = plan_axis(picture.width, plan.window.width, halo, border, multiple);
  for (const AxisTile& row : plan_axis(picture.height, plan.window.height, halo, border, multiple)) {
    for (const AxisTile& column : columns) plan.tiles.push_back({row.core, column.core, row.begin, column.begin});
  }
  return plan;
}

}  // namespace srdgan::gpu
