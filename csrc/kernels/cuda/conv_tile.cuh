// The part of a convolution that does not depend on where its input comes from and where its output goes: one block's
// tile in shared memory, and the products of its warps.
//
// The input is read in groups of 16 channels, the depth of one tensor core product. While the warps multiply one group,
// the next one is copied to the other of two stages. A warp computes 8 rows x 16 pixels x up to 32 outputs: it loads
// each row of the input once and uses it for the output rows of all three taps.
#pragma once

#include <cstdint>

#include "csrc/kernels/cuda/primitives.cuh"

namespace srdgan::gpu {

constexpr int kGroupBytes = 32;  // of one pixel: 16 channels of 2 bytes
constexpr int kWarpRows = 8;
constexpr int kWarpColumns = 16;
constexpr int kStages = 2;

// The sums of one tensor core product in lane 4p + q: outputs 2q and 2q + 1 for pixel p, then the same for pixel p + 8.
struct FloatSum {
  float values[4];

  __device__ __forceinline__ void start(float even, float odd) {
    values[0] = values[2] = even;
    values[1] = values[3] = odd;
  }
  template <typename T>
  __device__ __forceinline__ void add_product(const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    mma_m16n8k16<T>(values, a, b0, b1);
  }
  __device__ __forceinline__ FloatPair get(int half) const { return {values[2 * half], values[2 * half + 1]}; }
};

// In f16: GeForce GPUs add these twice as fast. Every product is rounded to 11 bits.
struct HalfSum {
  uint32_t pairs[2];

  __device__ __forceinline__ void start(float even, float odd) { pairs[0] = pairs[1] = pack<f16>(even, odd); }
  template <typename T>
  __device__ __forceinline__ void add_product(const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    mma_m16n8k16_f16_sums(pairs, a, b0, b1);
  }
  __device__ __forceinline__ FloatPair get(int half) const { return unpack<f16>(pairs[half]); }
};

// kTaps: 3 of a convolution, 2 of a phase of upsample_conv. The warps of a block stand in kRowsOfWarps x
// kColumnsOfWarps; with 64 outputs there are two at each place.
template <typename T, typename Sum, int kOutputs_, int kTaps_, int kRowsOfWarps, int kColumnsOfWarps>
struct ConvTile {
  using Element = T;
  static constexpr int kOutputs = kOutputs_;
  static constexpr int kTaps = kTaps_;
  static constexpr int kWarpOutputs = kOutputs < 32 ? kOutputs : 32;
  static constexpr int kProducts = kWarpOutputs / 8;  // tensor core products side by side
  static constexpr int kPhases = kTaps == 2 ? 4 : 1;
  static constexpr int kPlaces = kRowsOfWarps * kColumnsOfWarps;
  static constexpr int kThreads = 32 * kPlaces * (kOutputs / kWarpOutputs);
  // Blocks for which a multiprocessor's 65,536 registers suffice: the compiler may use 255 a thread, 168 with 16
  // outputs.
  static constexpr int kBlocks = (kOutputs == 16 ? 384 : 256) / kThreads;

  static constexpr int kRows = kWarpRows * kRowsOfWarps;
  static constexpr int kColumns = kWarpColumns * kColumnsOfWarps;
  static constexpr int kInputRows = kRows + kTaps - 1;
  static constexpr int kInputColumns = kColumns + kTaps - 1;

  static constexpr int kInputBytes = kInputRows * kInputColumns * kGroupBytes;
  static constexpr int kWeightBytes = kTaps * kTaps * kOutputs * kGroupBytes;
  static constexpr int kStageBytes = kInputBytes + kWeightBytes;
  static constexpr int kSharedBytes = kStages * kStageBytes;

  // Of each output row of the warp and each product.
  using Sums = Sum[kWarpRows][kProducts];

  // Where a thread works.
  struct Place {
    int lane;
    int row;  // of its warp's first pixel in the tile
    int column;
    int part;  // which 32 of 64 outputs

    __device__ static Place of(int thread) {
      const int warp = thread / 32;
      return {thread % 32, warp % kPlaces / kColumnsOfWarps * kWarpRows, warp % kColumnsOfWarps * kWarpColumns,
              warp / kPlaces};
    }
  };

  // The two halves of a pixel's 32 bytes change places in every other run of four pixels: any eight pixels side by side
  // then lie in different banks. The columns decide, so that a step of a row is a constant distance.
  __device__ static int input_offset(int row, int column, int half) {
    return (row * kInputColumns + column) * kGroupBytes + ((half ^ (column >> 2 & 1)) << 4);
  }

  // Adds the products of one group of channels: a tile's input, whose rows are kRowBytes apart, and its weights.
  template <int kRowBytes = kInputColumns * kGroupBytes>
  __device__ __forceinline__ static void multiply(const unsigned char* input, const unsigned char* group_weights,
                                                  const Place& place, Sums& sums) {
    const unsigned char* weights = group_weights + (place.part * (kProducts / 2) * 512 + place.lane * 16);
#pragma unroll
    for (int dx = 0; dx < kTaps; ++dx) {
      uint4 b[kTaps][kProducts / 2];  // of two products each
#pragma unroll
      for (int dy = 0; dy < kTaps; ++dy) {
#pragma unroll
        for (int pair = 0; pair < kProducts / 2; ++pair) {
          const unsigned char* words = weights + ((dy * kTaps + dx) * (kOutputs / 16) + pair) * 512;
          b[dy][pair] = load_shared(reinterpret_cast<const uint4*>(words));
        }
      }
      const unsigned char* pixels =
          input + place.row * kRowBytes + input_offset(0, place.column + dx + place.lane % 16, place.lane / 16);
#pragma unroll
      for (int row = 0; row < kWarpRows + kTaps - 1; ++row) {
        uint32_t a[4];
        ldmatrix_x4(a, pixels + row * kRowBytes);
#pragma unroll
        for (int dy = 0; dy < kTaps; ++dy) {
          if (row < dy || row - dy >= kWarpRows) continue;
#pragma unroll
          for (int pair = 0; pair < kProducts / 2; ++pair) {
            sums[row - dy][2 * pair].template add_product<T>(a, b[dy][pair].x, b[dy][pair].y);
            sums[row - dy][2 * pair + 1].template add_product<T>(a, b[dy][pair].z, b[dy][pair].w);
          }
        }
      }
    }
  }
};

}  // namespace srdgan::gpu
