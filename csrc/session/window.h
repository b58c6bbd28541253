// The part of a picture that the network reads for a region of it.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/session/packed_model.h"
#include "include/srdgan/session.h"

namespace srdgan {

// The pixels of one axis: the region with its halo, and beyond the picture at most the border padding, mirrored; then
// as many more as whole blocks of pixel-unshuffle need, which are counted from the picture's first pixel.
struct WindowAxis {
  std::vector<int64_t> pixels;  // of the input
  int64_t before;               // the region's first

  int64_t size() const { return static_cast<int64_t>(pixels.size()); }
};

struct Window {
  // Throws Failure unless the picture's size and its region are possible.
  Window(const SessionConfig& config, const PackedModel& model);

  Region region;  // of the input; never empty
  WindowAxis x, y;
};

}  // namespace srdgan
