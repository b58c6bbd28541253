// How much memory tiles of one shape need, and where its parts lie. All sizes are in 64 bits.
#pragma once

#include <cstdint>

#include "csrc/kernels/cuda/l2h_net.h"
#include "csrc/kernels/cuda/net_sizes.h"

namespace srdgan::gpu {

// Samples of a picture, channels last or first: RGB pixels, or three planes.
enum class Layout { kInterleaved, kPlanar };

struct TileFormat {
  SampleType type;
  Layout layout;

  int64_t sample_bytes() const { return type == SampleType::kUint8 ? 1 : type == SampleType::kUint16 ? 2 : 4; }
  PictureStrides strides(int64_t height, int64_t width) const;
};

// In pixels of the picture.
struct TileShape {
  int64_t height = 0;
  int64_t width = 0;

  friend bool operator==(const TileShape& a, const TileShape& b) { return a.height == b.height && a.width == b.width; }
  friend bool operator!=(const TileShape& a, const TileShape& b) { return !(a == b); }
};

constexpr int kSlots = 2;  // tiles under way at a time: one is copied while another one is computed

// One block of device memory:
//
//   [picture of slot 0 | picture of slot 1 | result of slot 0 | result of slot 1 | workspace]
//
// and one of pinned memory without the workspace.
struct TileMemory {
  TileMemory(const NetSizes& sizes, const L2HNetRun& run, const TileFormat& picture, const TileFormat& result,
             const TileShape& shape);

  int64_t picture_bytes;
  int64_t result_bytes;
  int64_t workspace_bytes;

  int64_t picture(int slot) const { return slot * align(picture_bytes); }
  int64_t result(int slot) const { return picture(kSlots) + slot * align(result_bytes); }
  int64_t workspace() const { return result(kSlots); }
  int64_t device_bytes() const { return workspace() + workspace_bytes; }
  int64_t pinned_bytes() const { return workspace(); }

 private:
  static int64_t align(int64_t bytes) { return (bytes + 255) / 256 * 256; }
};

// What the net sees of a tile: its sides after the pixel-unshuffle, rounded up.
ConvSize net_size(const NetSizes& sizes, const TileShape& shape);
// Sides of a tile's result.
TileShape result_shape(const NetSizes& sizes, const TileShape& shape);
// Throws std::invalid_argument unless a tile of this shape can be computed, whatever the memory.
void check_shape(const TileShape& shape);

}  // namespace srdgan::gpu
