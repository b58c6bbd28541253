// How a picture goes on beyond its borders.
#pragma once

#include <algorithm>
#include <cstdint>

namespace srdgan {

// The pixel of an axis of `size` pixels that pixel i repeats, if i lies outside: mirrored at the edge pixels, which are
// not repeated. An axis of one pixel is all that pixel.
inline int64_t mirror(int64_t i, int64_t size) {
  const int64_t period = std::max<int64_t>(2 * (size - 1), 1);
  const int64_t place = (i % period + period) % period;
  return std::min(place, size > 1 ? period - place : 0);
}

}  // namespace srdgan
