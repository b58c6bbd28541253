// conv_hr and conv_last in one kernel: the features in between stay in shared memory. docs/design/cuda.md explains it.
#include <algorithm>

#include "csrc/kernels/cuda/conv3x3.h"
#include "csrc/kernels/cuda/conv_checks.h"
#include "csrc/kernels/cuda/conv_loop.cuh"
#include "csrc/kernels/cuda/conv_store.cuh"

namespace srdgan::gpu {
namespace {

// A block walks down a stripe of the picture. In each step it computes the features of kRows x kColumns pixels, and
// from them the result: two columns less, because the outer ones have no neighbour, and as many rows, because the last
// two rows of the features are kept for the next step. Only a stripe's first step has two rows of results less.
template <typename T, typename Sum, int kFeatures>
struct HrLastTile {
  using Hr = ConvTile<T, Sum, kFeatures, 3, 4, 2>;
  using Last = ConvTile<T, FloatSum, 16, 3, 4, 2>;
  static_assert(Hr::kThreads == Last::kThreads && Hr::kRows == Last::kRows && Hr::kColumns == Last::kColumns);

  static constexpr int kThreads = Hr::kThreads;
  static constexpr int kGroups = kFeatures / static_cast<int>(kGroupChannels);
  static constexpr int kKeptRows = 2;
  static constexpr int kResultColumns = Hr::kColumns - 2;

  // Shared memory: features (rows, groups of channels, columns), then the weights of conv_last. The two last columns
  // are never written; they only reach results that are not stored. While conv_hr is computed, its two stages lie over
  // all but the kept rows.
  static constexpr int kGroupRowBytes = Last::kInputColumns * kGroupBytes;
  static constexpr int kRowBytes = kGroups * kGroupRowBytes;
  static constexpr int kFeatureBytes = Last::kInputRows * kRowBytes;
  static constexpr int kLastWeightBytes = kGroups * Last::kWeightBytes;
  static constexpr int kStagesOffset = kKeptRows * kRowBytes;
  static constexpr int kSharedBytes = std::max(kFeatureBytes + kLastWeightBytes, kStagesOffset + Hr::kSharedBytes);

  // Of 8 channels of a pixel.
  __device__ __forceinline__ static int offset(int row, int column, int channel) {
    return row * kRowBytes + channel / 16 * kGroupRowBytes + Hr::input_offset(0, column, channel / 8 % 2) +
           channel % 8 * 2;
  }
};

// Features outside of the picture are zeros: conv_last's border. (y, x): the tile's first pixel.
template <typename Tile>
__device__ __forceinline__ void keep_features(const ConvSize& size, float negative_slope,
                                              const typename Tile::Hr::Place& place,
                                              const typename Tile::Hr::Sums& sums, int y, int x,
                                              unsigned char* features) {
  using T = typename Tile::Hr::Element;
  constexpr int kPairs = Tile::Hr::kProducts;
  visit_sums<typename Tile::Hr>(negative_slope, place, sums, [&](int row, int column, float (&values)[2 * kPairs]) {
    const int tile_row = place.row + row, tile_column = place.column + column;
    const int pixel_y = y + tile_row, pixel_x = x + tile_column;
    const bool inside = pixel_y >= 0 && pixel_y < static_cast<int>(size.height) && pixel_x >= 0 &&
                        pixel_x < static_cast<int>(size.width);
    uint32_t pair[kPairs];
#pragma unroll
    for (int n = 0; n < kPairs; ++n) pair[n] = inside ? pack<T>(values[2 * n], values[2 * n + 1]) : 0u;
    unsigned char* to =
        features + Tile::offset(Tile::kKeptRows + tile_row, tile_column, lane_channel<typename Tile::Hr>(place));
    if constexpr (kPairs == 4) {
      store_shared(reinterpret_cast<uint4*>(to), make_uint4(pair[0], pair[1], pair[2], pair[3]));
    } else {
      store_shared(reinterpret_cast<uint2*>(to), make_uint2(pair[0], pair[1]));
    }
  });
}

// Moves the last two rows of the features to the front. Afterwards the rest of them may be overwritten.
template <typename Tile>
__device__ __forceinline__ void move_kept_rows(unsigned char* features) {
  constexpr int kPieces = Tile::kKeptRows * Tile::Hr::kColumns * Tile::kGroups * 2;  // of 16 bytes
  constexpr int kMost = (kPieces + Tile::kThreads - 1) / Tile::kThreads;
  uint4 pieces[kMost] = {};
  const auto place = [](int i, int row) {
    const int channel = i / Tile::Hr::kColumns % (2 * Tile::kGroups) * 8;
    return Tile::offset(row + i / (Tile::Hr::kColumns * 2 * Tile::kGroups), i % Tile::Hr::kColumns, channel);
  };
#pragma unroll
  for (int n = 0; n < kMost; ++n) {
    const int i = threadIdx.x + n * Tile::kThreads;
    if (i < kPieces) pieces[n] = load_shared(reinterpret_cast<const uint4*>(features + place(i, Tile::Hr::kRows)));
  }
  __syncthreads();
#pragma unroll
  for (int n = 0; n < kMost; ++n) {
    const int i = threadIdx.x + n * Tile::kThreads;
    if (i < kPieces) store_shared(reinterpret_cast<uint4*>(features + place(i, 0)), pieces[n]);
  }
}

// kThreads and kSharedBytes are the tile's, as in conv_kernel.
template <typename Tile, int kThreads, int kSharedBytes>
__global__ void __launch_bounds__(kThreads, 1)
    conv_hr_last_kernel(const ConvSize size, const FeatureInput input, const ConvWeights hr, const ConvWeights last,
                        const PictureOutput output, const int steps) {
  using Hr = typename Tile::Hr;
  using Last = typename Tile::Last;
  unsigned char* features = shared_memory<unsigned char>();
  unsigned char* last_weights = features + Tile::kFeatureBytes;
  // Numbers of 32 bits, and places that are computed anew where they are used: there are hardly registers for more.
  const int image = blockIdx.z;
  const int top = blockIdx.y * (steps * Hr::kRows - 2);  // of the stripe's results
  const int left = blockIdx.x * Tile::kResultColumns;

#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    // The first row of the features that this step computes, and of its results.
    const int y = top - 1 + step * Hr::kRows, result_y = y - 1;
    if (result_y >= size.height) break;
    {
      const auto hr_place = Hr::Place::of(threadIdx.x);
      const bool works = y + hr_place.row < size.height && left - 1 + hr_place.column < size.width;
      typename Hr::Sums sums;
      start_sums<Hr>(hr.bias, hr_place, sums);
      sum_groups<Hr>(input, size, {image, y - 1, left - 2}, static_cast<const typename Hr::Element*>(hr.weight),
                     features + Tile::kStagesOffset, hr_place, works, sums);
      __syncthreads();  // nobody reads the stages any more
      copy_to_shared<kThreads>(last.weight, Tile::kLastWeightBytes, last_weights);
      cp_async_commit();
      keep_features<Tile>(size, hr.negative_slope, hr_place, sums, y, left - 1, features);
    }
    cp_async_wait<0>();
    __syncthreads();  // all features and weights are here
    const auto last_place = Last::Place::of(threadIdx.x);
    if (result_y + last_place.row < size.height && left + last_place.column < size.width) {
      typename Last::Sums sums;
      start_sums<Last>(last.bias, last_place, sums);
#pragma unroll 1
      for (int group = 0; group < Tile::kGroups; ++group) {
        Last::template multiply<Tile::kRowBytes>(features + group * Tile::kGroupRowBytes,
                                                 last_weights + group * Last::kWeightBytes, last_place, sums);
      }
      const StoredArea area{top, size.height, min(size.width, static_cast<int64_t>(left) + Tile::kResultColumns)};
      store_sums<Last>(output, area, last.negative_slope, last_place, sums, image, result_y + last_place.row,
                       left + last_place.column, {1, 0, 0});
    }
    move_kept_rows<Tile>(features);
  }
}

// Long stripes compute fewer rows twice, short ones make more blocks: up to kMostSteps, but so many blocks.
constexpr int64_t kMostSteps = 8;
constexpr int64_t kEnoughBlocks = 512;
constexpr int64_t kMostSide = int64_t{1} << 30;  // rows and columns are counted in 32 bits

template <typename T, typename Sum, int kFeatures>
cudaError_t launch_tile(const Context& context, const ConvSize& size, const FeatureInput& input, const ConvWeights& hr,
                        const ConvWeights& last, const PictureOutput& output, int64_t steps) {
  using Tile = HrLastTile<T, Sum, kFeatures>;
  const int64_t columns = (size.width + Tile::kResultColumns - 1) / Tile::kResultColumns;
  const int64_t tile_rows = (size.height + Tile::Hr::kRows - 1) / Tile::Hr::kRows;
  if (columns <= 0 || tile_rows <= 0 || size.batch <= 0) return cudaSuccess;
  if (std::max(size.height, size.width) > kMostSide) return cudaErrorInvalidValue;
  if (steps == 0) steps = std::clamp<int64_t>(columns * tile_rows * size.batch / kEnoughBlocks, 1, kMostSteps);
  const int64_t stripe_rows = steps * Tile::Hr::kRows - 2;
  const int64_t rows = (size.height + stripe_rows - 1) / stripe_rows;
  if (!is_grid(columns, rows, size.batch)) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(columns), static_cast<unsigned>(rows), static_cast<unsigned>(size.batch));
  return launch(conv_hr_last_kernel<Tile, Tile::kThreads, Tile::kSharedBytes>, grid, dim3(Tile::kThreads),
                Tile::kSharedBytes, {context.stream, context.start}, size, input, hr, last, output,
                static_cast<int>(steps));
}

template <typename T, typename Sum>
cudaError_t launch_features(const Context& context, const ConvSize& size, const FeatureInput& input,
                            const ConvWeights& hr, const ConvWeights& last, const PictureOutput& output,
                            int64_t steps) {
  switch (hr.outputs) {
    case 16:
      return launch_tile<T, Sum, 16>(context, size, input, hr, last, output, steps);
    case 32:
      return launch_tile<T, Sum, 32>(context, size, input, hr, last, output, steps);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace

cudaError_t launch_conv_hr_last(const Context& context, const ConvSize& size, const FeatureInput& input,
                                const ConvWeights& hr, const ConvWeights& last, const PictureOutput& output,
                                int64_t steps) {
  if (!is_valid(input) || !is_valid(hr) || !is_valid(last) || !is_valid(output) || last.outputs != 16 || steps < 0 ||
      steps > kMostSteps)
    return cudaErrorInvalidValue;
  if (context.type == ElementType::kBFloat16) {
    return context.half_sums ? cudaErrorInvalidValue
                             : launch_features<bf16, FloatSum>(context, size, input, hr, last, output, steps);
  }
  return context.half_sums ? launch_features<f16, HalfSum>(context, size, input, hr, last, output, steps)
                           : launch_features<f16, FloatSum>(context, size, input, hr, last, output, steps);
}

}  // namespace srdgan::gpu
