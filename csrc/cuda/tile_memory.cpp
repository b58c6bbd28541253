#include "csrc/cuda/tile_memory.h"

#include <stdexcept>
#include <string>

#include "csrc/common/picture_limits.h"

namespace srdgan::gpu {

PictureStrides TileFormat::strides(int64_t height, int64_t width) const {
  const int64_t image = height * width * kPictureChannels;
  if (layout == Layout::kPlanar) return {image, width, 1, height * width};
  return {image, width * kPictureChannels, kPictureChannels, 1};
}

TileMemory::TileMemory(const NetSizes& sizes, const L2HNetRun& run, const TileFormat& picture, const TileFormat& result,
                       const TileShape& shape)
    : picture_bytes(shape.height * shape.width * kPictureChannels * picture.sample_bytes()),
      workspace_bytes(run.workspace_bytes()) {
  const TileShape enlarged = result_shape(sizes, shape);
  result_bytes = enlarged.height * enlarged.width * kPictureChannels * result.sample_bytes();
}

ConvSize net_size(const NetSizes& sizes, const TileShape& shape) {
  const auto blocks = [&](int64_t side) { return (side + sizes.unshuffle - 1) / sizes.unshuffle; };
  return {1, blocks(shape.height), blocks(shape.width)};
}

TileShape result_shape(const NetSizes& sizes, const TileShape& shape) {
  const int64_t scale = sizes.scale();
  return {scale * shape.height, scale * shape.width};
}

void check_shape(const TileShape& shape) {
  if (!is_picture_size(shape.height, shape.width))
    throw std::invalid_argument("a tile must have 1.." + std::to_string(kMaxSide) + " rows and columns, got " +
                                std::to_string(shape.height) + " x " + std::to_string(shape.width));
}

}  // namespace srdgan::gpu
