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

// The rows and columns of a tile that lie in the picture: at least one of each.
class InPicture {
 public:
  template <typename Tile>
  __device__ __forceinline__ static InPicture of(const ConvSize& size, const TileInput& tile) {
    return InPicture(before(tile.top), clip(size.height - tile.top, Tile::kInputRows), before(tile.left),
                     clip(size.width - tile.left, Tile::kInputColumns));
  }
  __device__ __forceinline__ bool has(int row, int column) const {
    return static_cast<unsigned>(row - first_row_) < rows_ && static_cast<unsigned>(column - first_column_) < columns_;
  }

 private:
  __device__ __forceinline__ InPicture(int first_row, int end_row, int first_column, int end_column)
      : first_row_(first_row),
        first_column_(first_column),
        rows_(static_cast<unsigned>(end_row - first_row)),
        columns_(static_cast<unsigned>(end_column - first_column)) {}
  __device__ __forceinline__ static int before(int64_t first) { return first < 0 ? static_cast<int>(-first) : 0; }
  __device__ __forceinline__ static int clip(int64_t count, int most) {
    return count < most ? static_cast<int>(count) : most;
  }

  int first_row_;
  int first_column_;
  unsigned rows_;
  unsigned columns_;
};

// The half pixels (16 bytes each) of the tile's input, as threads take them in turn: first as many columns as there are
// outputs, where a thread stays in its column and steps down by kRowStep rows, then the one or two other columns.
template <typename Tile>
struct HalfPixels {
  static constexpr int kRowHalves = 2 * Tile::kColumns;
  static constexpr int kRowStep = Tile::kThreads / kRowHalves;
  static constexpr int kOtherHalves = 2 * (Tile::kInputColumns - Tile::kColumns);

  int row;
  int column;
  int half;

  __device__ __forceinline__ static HalfPixels first() {
    const int i = threadIdx.x;
    return {i / kRowHalves, i % kRowHalves / 2, i % 2};
  }
  // Number `i` of the kInputRows * kOtherHalves in the other columns.
  __device__ __forceinline__ static HalfPixels other(int i) {
    return {i / kOtherHalves, Tile::kColumns + i % kOtherHalves / 2, i % 2};
  }
  __device__ __forceinline__ int offset() const { return Tile::input_offset(row, column, half); }
};

__host__ __device__ inline int num_groups(const FeatureInput& input) {
  return input.first_groups + input.second_groups;
}

// Starts asynchronous copies.
template <typename Tile>
__device__ __forceinline__ void load_group(const FeatureInput& input, const ConvSize& size, const TileInput& tile,
                                           int group, unsigned char* stage) {
  using T = typename Tile::Element;
  const bool in_first = group < input.first_groups;
  const T* memory = static_cast<const T*>(in_first ? input.first : input.second);
  const int channel = (in_first ? group : group - input.first_groups) * static_cast<int>(kGroupChannels);
  const int64_t corner =
      tile.image * input.strides.image + tile.top * input.strides.row + tile.left * input.strides.pixel + channel;
  const auto in_picture = InPicture::of<Tile>(size, tile);
  const auto place = [&](const HalfPixels<Tile>& at) {
    return corner + at.row * input.strides.row + at.column * input.strides.pixel + at.half * 8;
  };
  const auto copy = [&](const HalfPixels<Tile>& at, int64_t from, int to) {
    const bool inside = in_picture.has(at.row, at.column);
    cp_async_16(stage + to, inside ? memory + from : memory, inside);
  };
  using Half = HalfPixels<Tile>;
  Half at = Half::first();
  int64_t from = place(at);
  const int64_t from_step = Half::kRowStep * input.strides.row;
  constexpr int kToStep = Half::kRowStep * Tile::kInputColumns * kGroupBytes;
#pragma unroll 1
  for (int to = at.offset(); at.row < Tile::kInputRows; at.row += Half::kRowStep, from += from_step, to += kToStep)
    copy(at, from, to);
#pragma unroll 1
  for (int i = threadIdx.x; i < Tile::kInputRows * Half::kOtherHalves; i += Tile::kThreads) {
    const Half other = Half::other(i);
    copy(other, place(other), other.offset());
  }
}

__host__ __device__ inline int num_groups(const PictureInput& input) {
  const int channels = input.channels * input.unshuffle * input.unshuffle;
  return (channels + static_cast<int>(kGroupChannels) - 1) / static_cast<int>(kGroupChannels);
}

// i mirrored into 0 .. size - 1, the first and last samples not repeated.
__device__ inline int64_t mirror(int64_t i, int64_t size) {
  while (i < 0 || i >= size) {
    if (size == 1) return 0;
    i = i < 0 ? -i : 2 * (size - 1) - i;
  }
  return i;
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

// Channel `channel` of the convolution's input pixel (y, x), which lies in the picture or is mirrored into it; 0 for
// channels that are not there.
__device__ inline float load_channel(const PictureInput& input, int64_t image, int64_t y, int64_t x, int channel) {
  const int factor = input.unshuffle;
  if (channel >= input.channels * factor * factor) return 0.0f;
  const int64_t row = mirror(input.top + y * factor + channel / factor % factor, input.height);
  const int64_t column = mirror(input.left + x * factor + channel % factor, input.width);
  return load_sample(input, image * input.strides.image + row * input.strides.row + column * input.strides.column +
                                channel / factor / factor * input.strides.channel);
}

template <typename Tile>
__device__ __forceinline__ void load_group(const PictureInput& input, const ConvSize& size, const TileInput& tile,
                                           int group, unsigned char* stage) {
  using T = typename Tile::Element;
  constexpr int kPairs = 2 * Tile::kInputRows * Tile::kInputColumns * 4;
  const auto in_picture = InPicture::of<Tile>(size, tile);
#pragma unroll 1
  for (int i = threadIdx.x; i < kPairs; i += Tile::kThreads) {
    const int pair = i % 4, half = i / 4 % 2, row = i / 8 / Tile::kInputColumns, column = i / 8 % Tile::kInputColumns;
    const int channel = group * static_cast<int>(kGroupChannels) + half * 8 + 2 * pair;
    uint32_t word = 0;
    if (in_picture.has(row, column)) {
      const int64_t y = tile.top + row, x = tile.left + column;
      word =
          pack<T>(load_channel(input, tile.image, y, x, channel), load_channel(input, tile.image, y, x, channel + 1));
    }
    store_shared(reinterpret_cast<uint32_t*>(stage + Tile::input_offset(row, column, half)) + pair, word);
  }
}

}  // namespace srdgan::gpu
