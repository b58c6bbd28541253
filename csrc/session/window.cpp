#include "csrc/session/window.h"

#include <algorithm>
#include <string>

#include "csrc/common/mirror.h"
#include "csrc/common/picture_limits.h"
#include "csrc/session/failure.h"

namespace srdgan {
namespace {

void check_size(const char* what, int64_t width, int64_t height) {
  require_argument(is_picture_size(height, width), std::string(what) + " must be 1.." + std::to_string(kMaxSide) +
                                                       " and have at most " + std::to_string(kMaxPixels) +
                                                       " pixels, got " + std::to_string(width) + " x " +
                                                       std::to_string(height));
}

Region check_region(const SessionConfig& config) {
  check_size("width and height", config.width, config.height);
  const Region& region = config.region;
  if (region.x == 0 && region.y == 0 && region.width == 0 && region.height == 0)
    return {0, 0, config.width, config.height};
  const auto fits = [](int64_t begin, int64_t size, int64_t whole) {
    return begin >= 0 && size >= 1 && begin < whole && size <= whole - begin;
  };
  require_argument(fits(region.x, region.width, config.width) && fits(region.y, region.height, config.height),
                   "region must be a box inside the picture of " + std::to_string(config.width) + " x " +
                       std::to_string(config.height) + " pixels, got x " + std::to_string(region.x) + ", y " +
                       std::to_string(region.y) + ", " + std::to_string(region.width) + " x " +
                       std::to_string(region.height));
  return region;
}

// For values below 0, too.
int64_t round_down(int64_t value, int64_t multiple) {
  return (value >= 0 ? value : value - multiple + 1) / multiple * multiple;
}

WindowAxis make_axis(int64_t begin, int64_t size, int64_t whole, const PackedModel& model) {
  const int64_t first = round_down(std::max(begin - model.halo, -model.border_padding), model.unshuffle);
  const int64_t end = -round_down(-std::min(begin + size + model.halo, whole + model.border_padding), model.unshuffle);
  WindowAxis axis{{}, begin - first};
  axis.pixels.reserve(static_cast<size_t>(end - first));
  for (int64_t pixel = first; pixel < end; ++pixel) axis.pixels.push_back(mirror(pixel, whole));
  return axis;
}

}  // namespace

Window::Window(const SessionConfig& config, const PackedModel& model)
    : region(check_region(config)),
      x(make_axis(region.x, region.width, config.width, model)),
      y(make_axis(region.y, region.height, config.height, model)) {
  check_size("width and height with border padding", x.size(), y.size());
}

}  // namespace srdgan
