// What happens to the sums of a convolution in registers: LeakyReLU, residuals, and the store as features or as samples
// of a picture.
//
// pack_conv_weight assigns outputs to the columns of products such that a lane holds, of each of its pixels, 2 *
// kProducts channels side by side: one load or store of 16 bytes (8 with 16 outputs).
#pragma once

#include <cmath>
#include <cstdint>

#include "csrc/kernels/cuda/conv3x3.h"
#include "csrc/kernels/cuda/conv_tile.cuh"

namespace srdgan::gpu {

// First of the channels of a lane.
template <typename Tile>
__device__ __forceinline__ int lane_channel(const typename Tile::Place& place) {
  return place.part * Tile::kWarpOutputs + place.lane % 4 * (2 * Tile::kProducts);
}

// All sums begin with the bias.
template <typename Tile>
__device__ __forceinline__ void start_sums(const float* bias, const typename Tile::Place& place,
                                           typename Tile::Sums& sums) {
#pragma unroll
  for (int n = 0; n < Tile::kProducts; ++n) {
    const float2 pair = load_global(reinterpret_cast<const float2*>(bias + lane_channel<Tile>(place) + 2 * n));
#pragma unroll
    for (int row = 0; row < kWarpRows; ++row) sums[row][n].start(pair.x, pair.y);
  }
}

// One 16-bit number for each of the lane's channels, two in a register.
template <typename T, int kPairs>
struct LanePixel {
  static_assert(kPairs == 2 || kPairs == 4);
  uint32_t pair[kPairs];

  __device__ static LanePixel load(const T* from) {
    if constexpr (kPairs == 4) {
      const uint4 v = load_global(reinterpret_cast<const uint4*>(from));
      return {{v.x, v.y, v.z, v.w}};
    } else {
      const uint2 v = load_global(reinterpret_cast<const uint2*>(from));
      return {{v.x, v.y}};
    }
  }

  __device__ void store(T* to) const {
    if constexpr (kPairs == 4) {
      store_global(reinterpret_cast<uint4*>(to), make_uint4(pair[0], pair[1], pair[2], pair[3]));
    } else {
      store_global(reinterpret_cast<uint2*>(to), make_uint2(pair[0], pair[1]));
    }
  }

  // values = this pixel + scale * values
  __device__ void add_scaled(float scale, float (&values)[2 * kPairs]) const {
#pragma unroll
    for (int n = 0; n < kPairs; ++n) {
      const FloatPair own = unpack<T>(pair[n]);
      values[2 * n] = own.low + scale * values[2 * n];
      values[2 * n + 1] = own.high + scale * values[2 * n + 1];
    }
  }
};

// Stores the values of a lane, channels `channel` and following, of output pixel (y, x).
template <typename T, int kPairs>
__device__ __forceinline__ void store_pixel(const FeatureOutput& output, int64_t image, int64_t y, int64_t x,
                                            int channel, float (&values)[2 * kPairs]) {
  using Pixel = LanePixel<T, kPairs>;
  const Strides& strides = output.strides;
  const int64_t offset = image * strides.image + y * strides.row + x * strides.pixel + channel;
  if (output.residual != nullptr)
    Pixel::load(static_cast<const T*>(output.residual) + offset).add_scaled(output.residual_scale, values);
  if (output.outer != nullptr)
    Pixel::load(static_cast<const T*>(output.outer) + offset).add_scaled(output.outer_scale, values);
  Pixel pixel;
#pragma unroll
  for (int n = 0; n < kPairs; ++n) pixel.pair[n] = pack<T>(values[2 * n], values[2 * n + 1]);
  pixel.store(static_cast<T*>(output.data) + offset);
}

__device__ inline float round_sample(float value, float white) {
  return rintf(fminf(fmaxf(value, 0.0f), 1.0f) * white);  // of a NaN, fmaxf makes 0
}

// Only the first lane of four has channels of a picture.
template <typename T, int kPairs>
__device__ __forceinline__ void store_pixel(const PictureOutput& output, int64_t image, int64_t y, int64_t x,
                                            int channel, float (&values)[2 * kPairs]) {
  const int64_t row = y - output.top, column = x - output.left;
  if (channel > 0 || row < 0 || row >= output.height || column < 0 || column >= output.width) return;
  const PictureStrides& strides = output.strides;
  const int64_t offset = image * strides.image + row * strides.row + column * strides.column;
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    if (c >= output.channels) return;
    const int64_t place = offset + c * strides.channel;
    switch (output.type) {
      case SampleType::kUint8:
        static_cast<uint8_t*>(output.data)[place] = static_cast<uint8_t>(round_sample(values[c], 255.0f));
        break;
      case SampleType::kUint16:
        static_cast<uint16_t*>(output.data)[place] = static_cast<uint16_t>(round_sample(values[c], 65535.0f));
        break;
      default:
        static_cast<float*>(output.data)[place] = values[c];
    }
  }
}

// Which output pixel comes from an input pixel: (scale * y + row, scale * x + column).
struct OutputPhase {
  int scale;
  int row;
  int column;
};

// Calls visit(row, column, values) for each pixel of the lane: its place in the warp, and LeakyReLU of the sums of the
// lane's channels.
template <typename Tile, typename Visit>
__device__ __forceinline__ void visit_sums(float negative_slope, const typename Tile::Place& place,
                                           const typename Tile::Sums& sums, Visit visit) {
#pragma unroll
  for (int row = 0; row < kWarpRows; ++row) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float values[2 * Tile::kProducts];
#pragma unroll
      for (int n = 0; n < Tile::kProducts; ++n) {
        const FloatPair sum = sums[row][n].get(half);
        values[2 * n] = sum.low > 0.0f ? sum.low : sum.low * negative_slope;
        values[2 * n + 1] = sum.high > 0.0f ? sum.high : sum.high * negative_slope;
      }
      visit(row, place.lane / 4 + 8 * half, values);
    }
  }
}

// The output pixels that a block may store.
struct StoredArea {
  int64_t top;
  int64_t bottom;  // these two are not stored
  int64_t right;
};

// (y, x): the warp's first pixel.
template <typename Tile, typename Output>
__device__ __forceinline__ void store_sums(const Output& output, const StoredArea& area, float negative_slope,
                                           const typename Tile::Place& place, const typename Tile::Sums& sums,
                                           int64_t image, int64_t y, int64_t x, const OutputPhase& phase) {
  visit_sums<Tile>(negative_slope, place, sums, [&](int row, int column, float (&values)[2 * Tile::kProducts]) {
    const int64_t pixel_y = y + row, pixel_x = x + column;
    if (pixel_y < area.top || pixel_y >= area.bottom || pixel_x >= area.right) return;
    store_pixel<typename Tile::Element, Tile::kProducts>(output, image, phase.scale * pixel_y + phase.row,
                                                         phase.scale * pixel_x + phase.column,
                                                         lane_channel<Tile>(place), values);
  });
}

}  // namespace srdgan::gpu
