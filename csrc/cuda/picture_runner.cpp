#include "csrc/cuda/picture_runner.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <new>

#include "csrc/common/mirror.h"
#include "csrc/cuda/picture_tiles.h"

namespace srdgan::gpu {
namespace {

// A picture as planes of rows: one plane of pixels, or three of samples.
struct Planes {
  int64_t count;
  int64_t unit;  // bytes of a row's element
  TileShape size;

  Planes(const TileFormat& format, const TileShape& shape)
      : count(format.layout == Layout::kPlanar ? kPictureChannels : 1),
        unit(format.sample_bytes() * (format.layout == Layout::kPlanar ? 1 : kPictureChannels)),
        size(shape) {}

  int64_t offset(int64_t plane, int64_t row, int64_t column) const {
    return ((plane * size.height + row) * size.width + column) * unit;
  }
};

void copy_window(const Planes& from, const unsigned char* picture, const PictureTile& tile, const Planes& to,
                 unsigned char* window) {
  // Columns inside of the picture are copied at once.
  const int64_t inside_begin = std::clamp<int64_t>(-tile.left, 0, to.size.width);
  const int64_t inside_end = std::clamp<int64_t>(from.size.width - tile.left, inside_begin, to.size.width);
  for (int64_t plane = 0; plane < from.count; ++plane) {
    for (int64_t y = 0; y < to.size.height; ++y) {
      const int64_t row = mirror(tile.top + y, from.size.height);
      const auto copy = [&](int64_t x, int64_t column, int64_t count) {
        std::memcpy(window + to.offset(plane, y, x), picture + from.offset(plane, row, column),
                    static_cast<size_t>(count * from.unit));
      };
      for (int64_t x = 0; x < inside_begin; ++x) copy(x, mirror(tile.left + x, from.size.width), 1);
      if (inside_end > inside_begin) copy(inside_begin, tile.left + inside_begin, inside_end - inside_begin);
      for (int64_t x = inside_end; x < to.size.width; ++x) copy(x, mirror(tile.left + x, from.size.width), 1);
    }
  }
}

void copy_core(const Planes& from, const unsigned char* window, const PictureTile& tile, int64_t scale,
               const Planes& to, unsigned char* result) {
  const int64_t top = scale * (tile.core_rows.begin - tile.top), left = scale * (tile.core_columns.begin - tile.left);
  for (int64_t plane = 0; plane < from.count; ++plane) {
    for (int64_t y = 0; y < scale * tile.core_rows.size; ++y) {
      std::memcpy(result + to.offset(plane, scale * tile.core_rows.begin + y, scale * tile.core_columns.begin),
                  window + from.offset(plane, top + y, left),
                  static_cast<size_t>(scale * tile.core_columns.size * from.unit));
    }
  }
}

void run_tiles(TileEngine& engine, const PictureTiles& plan, const void* samples, const TileShape& size, void* result) {
  const Planes picture(engine.options().picture, size), window(engine.options().picture, plan.window);
  const Planes enlarged(engine.options().result, result_shape(engine.sizes(), size));
  const Planes enlarged_window(engine.options().result, result_shape(engine.sizes(), plan.window));
  std::deque<const PictureTile*> pending;
  const auto finish_one = [&] {
    const auto* core = static_cast<const unsigned char*>(engine.take());
    copy_core(enlarged_window, core, *pending.front(), engine.sizes().scale(), enlarged,
              static_cast<unsigned char*>(result));
    pending.pop_front();
  };
  for (const PictureTile& tile : plan.tiles) {
    if (pending.size() == kSlots) finish_one();
    copy_window(picture, static_cast<const unsigned char*>(samples), tile, window,
                static_cast<unsigned char*>(engine.begin()));
    engine.submit();
    pending.push_back(&tile);
  }
  while (!pending.empty()) finish_one();
}

}  // namespace

int64_t run_picture(TileEngine& engine, const TilingOptions& options, const void* samples, const TileShape& size,
                    void* result) {
  check_shape(size);
  const NetSizes& sizes = engine.sizes();
  const int64_t smallest = 2 * options.halo + kSmallestCore;
  int64_t side = std::max(options.side, smallest);
  PictureTiles plan = plan_tiles(size, side, options.halo, options.border, sizes.unshuffle);
  while (!engine.prepare(plan.window)) {
    side = std::min(side, std::max(plan.window.height, plan.window.width));
    if (side <= smallest) throw std::bad_alloc();
    side = std::max(side / 2, smallest);
    plan = plan_tiles(size, side, options.halo, options.border, sizes.unshuffle);
  }

  try {
    run_tiles(engine, plan, samples, size, result);
  } catch (...) {  // the next picture must not get the results that were not taken
    try {
      engine.discard();
    } catch (...) {  // of a broken device; the first error says more
    }
    throw;
  }
  return side;
}

}  // namespace srdgan::gpu
