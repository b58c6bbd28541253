// The largest pictures. No size that a kernel computes for one, with the channels that l2h_weights.h allows, overflows
// 64 bits.
#pragma once

#include <cstdint>

namespace srdgan {

constexpr int64_t kMaxSide = int64_t{1} << 24;
constexpr int64_t kMaxPixels = int64_t{1} << 38;

constexpr bool is_picture_size(int64_t height, int64_t width) {
  return height >= 1 && width >= 1 && height <= kMaxSide && width <= kMaxSide && height * width <= kMaxPixels;
}

}  // namespace srdgan
