// How one group of input channels comes into shared memory (conv_tile.cuh): from features, or from a picture.
#pragma once

#include <cstdint>

#include "csrc/kernels/cuda/conv3x3.h"
#include "csrc/kernels/cuda/conv_tile.cuh"

namespace srdgan::gpu {

// The input of a block's tile.
struct TileInput {
  int64_t image;
  int64_t top;  // input pixel of its corner; may be outside of the picture
  int64_t left;
};

// Calls copy(y, x, half, inside, shared address) for each half of a pixel of the tile, 16 bytes, in turn by all
// threads.
template <typename Tile, typename Copy>
__device__ __forceinline__ void for_each_half_pixel(const ConvSize& size, const TileInput& tile, unsigned char* stage,
                                                    Copy copy) {
  for (int i = threadIdx.x; i < 2 * Tile::kInputRows * Tile::kInputColumns; i += Tile::kThreads) {
    const int half = i % 2, row = i / 2 / Tile::kInputColumns, column = i / 2 % Tile::kInputColumns;
    const int64_t y = tile.top + row, x = tile.left + column;
    const bool inside = y >= 0 && y < size.height && x >= 0 && x < size.width;
    copy(y, x, half, inside, stage + Tile::input_offset(row, column, half));
  }
}

__host__ __device__ inline int num_groups(const FeatureInput& input) {
  return input.first_groups + input.second_groups;
}

// Starts asynchronous copies.
template <typename Tile>
__device__ __forceinline__ void load_group(const FeatureInput& input, const ConvSize& size, const TileInput& tile,
                                           int group, unsigned char* stage) {
  using T = typename Tile::Element;
  const bool in_first = group < input.first_groups;
  const T* base = static_cast<const T*>(in_first ? input.first : input.second) + tile.image * input.strides.image +
                  (in_first ? group : group - input.first_groups) * static_cast<int>(kGroupChannels);
  for_each_half_pixel<Tile>(size, tile, stage, [&](int64_t y, int64_t x, int half, bool inside, unsigned char* to) {
    cp_async_16(to, inside ? base + (y * input.strides.row + x * input.strides.pixel + half * 8) : base, inside);
  });
}

__host__ __device__ inline int num_groups(const PictureInput& input) {
  const int channels = input.channels * input.unshuffle * input.unshuffle;
  return (channels + static_cast<int>(kGroupChannels) - 1) / static_cast<int>(kGroupChannels);
}

// i mirrored into 0 .. size - 1, the first and last samples not repeated.
__device__ inline int64_t mirror(int64_t i, int64_t size) {
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);
  const int64_t j = (i % period + period) % period;
  return j < size ? j : period - j;
}

// A correctly rounded division whatever the compiler's flags.
__device__ inline float load_sample(const PictureInput& input, int64_t offset) {
  switch (input.type) {
    case SampleType::kUint8:
      return __fdiv_rn(static_cast<const uint8_t*>(input.data)[offset], 255.0f);
    case SampleType::kUint16:
      return __fdiv_rn(static_cast<const uint16_t*>(input.data)[offset], 65535.0f);
    default:
      return static_cast<const float*>(input.data)[offset];
  }
}

template <typename Tile>
__device__ __forceinline__ void load_group(const PictureInput& input, const ConvSize& size, const TileInput& tile,
                                           int group, unsigned char* stage) {
  using T = typename Tile::Element;
  const int factor = input.unshuffle, channels = input.channels * factor * factor;
  for_each_half_pixel<Tile>(size, tile, stage, [&](int64_t y, int64_t x, int half, bool inside, unsigned char* to) {
    const auto sample = [&](int i) {
      const int channel = group * static_cast<int>(kGroupChannels) + half * 8 + i;
      if (!inside || channel >= channels) return 0.0f;
      const int64_t row = mirror(input.top + y * factor + channel / factor % factor, input.height);
      const int64_t column = mirror(input.left + x * factor + channel % factor, input.width);
      return load_sample(input, tile.image * input.strides.image + row * input.strides.row +
                                    column * input.strides.column + channel / factor / factor * input.strides.channel);
    };
    const uint4 words = make_uint4(pack<T>(sample(0), sample(1)), pack<T>(sample(2), sample(3)),
                                   pack<T>(sample(4), sample(5)), pack<T>(sample(6), sample(7)));
    store_shared(reinterpret_cast<uint4*>(to), words);
  });
}

}  // namespace srdgan::gpu
