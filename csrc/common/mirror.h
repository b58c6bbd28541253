// Pixels beyond the borders of a picture.
#pragma once

#include <algorithm>
#include <cstdint>

namespace srdgan {

// The pixel in 0 .. size - 1 whose value pixel i of an axis has, which may lie outside: mirrored at the edge pixels,
// which are not repeated. With a size of 1 it is always pixel 0.
inline int64_t mirror(int64_t i, int64_t size) {
  const int64_t period = std::max<int64_t>(2 * (size - 1), 1);
  const int64_t place = (i % period + period) % period;
  return std::min(place, size > 1 ? period - place : 0);
}

}  // namespace srdgan
