#include <type_traits>

#include "csrc/kernels/cuda/conv3x3.h"
#include "csrc/kernels/cuda/conv_checks.h"
#include "csrc/kernels/cuda/conv_loop.cuh"
#include "csrc/kernels/cuda/conv_store.cuh"

namespace srdgan::gpu {
namespace {

// With two taps, blockIdx.z also counts the phases of upsample_conv: output pixels (2y + i, 2x + j) are phase 2i + j.
//
// kThreads and kSharedBytes are the tile's. They are parameters so that the kernel's name in the compiled code tells
// them (benchmarks/cuda_resources.py).
template <typename Tile, typename Input, typename Output, int kThreads, int kSharedBytes>
__global__ void __launch_bounds__(kThreads, Tile::kBlocks)
    conv_kernel(const ConvSize size, const Input input, const ConvWeights weights, const Output output) {
  unsigned char* shared = shared_memory<unsigned char>();
  const auto place = Tile::Place::of(threadIdx.x);
  const int phase = blockIdx.z % Tile::kPhases;
  const int row_phase = phase / 2, column_phase = phase % 2;
  const int64_t tile_y = static_cast<int64_t>(blockIdx.y) * Tile::kRows;
  const int64_t tile_x = static_cast<int64_t>(blockIdx.x) * Tile::kColumns;
  const TileInput tile{blockIdx.z / Tile::kPhases, tile_y - 1 + row_phase, tile_x - 1 + column_phase};
  const auto* weight = static_cast<const typename Tile::Element*>(weights.weight) +
                       static_cast<int64_t>(phase) * num_groups(input) * (Tile::kWeightBytes / 2);
  // Warps outside of the picture only help to load.
  const bool works = tile_y + place.row < size.height && tile_x + place.column < size.width;

  typename Tile::Sums sums;
  start_sums<Tile>(weights.bias, place, sums);
  sum_groups<Tile>(input, size, tile, weight, shared, place, works, sums);
  if (works) {
    store_sums<Tile>(output, {0, size.height, size.width}, weights.negative_slope, place, sums, tile.image,
                     tile_y + place.row, tile_x + place.column, {Tile::kPhases == 1 ? 1 : 2, row_phase, column_phase});
  }
}

template <typename Tile, typename Input, typename Output>
cudaError_t launch_tile(const Context& context, const ConvSize& size, const Input& input, const ConvWeights& weights,
                        const Output& output) {
  if (!is_valid(input) || !is_valid(output) || !is_valid(weights)) return cudaErrorInvalidValue;
  const int64_t rows = (size.height + Tile::kRows - 1) / Tile::kRows;
  const int64_t columns = (size.width + Tile::kColumns - 1) / Tile::kColumns;
  const int64_t images = size.batch * Tile::kPhases;
  if (rows <= 0 || columns <= 0 || images <= 0) return cudaSuccess;
  if (!is_grid(columns, rows, images)) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(columns), static_cast<unsigned>(rows), static_cast<unsigned>(images));
  return launch(conv_kernel<Tile, Input, Output, Tile::kThreads, Tile::kSharedBytes>, grid, dim3(Tile::kThreads),
                Tile::kSharedBytes, {context.stream, context.start}, size, input, weights, output);
}

// A multiprocessor works well with eight warps of these kernels, for which it has registers. Where the shared memory
// for two small tiles of four warps is missing, one large tile has all eight.
template <typename T, typename Sum, int kOutputs, int kTaps, typename Input, typename Output>
cudaError_t launch_fitting(const Context& context, const ConvSize& size, const Input& input, const ConvWeights& weights,
                           const Output& output) {
  using Small = ConvTile<T, Sum, kOutputs, kTaps, 2, 2>;
  using Large = ConvTile<T, Sum, kOutputs, kTaps, 4, 2>;
  constexpr int64_t kReserved = 1024;  // bytes of each block that the system keeps
  if constexpr (kOutputs == 32 && kTaps == 3) {
    if (2 * (Small::kSharedBytes + kReserved) > context.gpu.multiprocessor_shared_bytes)
      return launch_tile<Large>(context, size, input, weights, output);
  }
  return launch_tile<Small>(context, size, input, weights, output);
}

template <typename T, typename Sum, int kTaps, typename Input, typename Output>
cudaError_t launch_outputs(const Context& context, const ConvSize& size, const Input& input, const ConvWeights& weights,
                           const Output& output) {
  switch (weights.outputs) {
    case 16:
      return launch_fitting<T, Sum, 16, kTaps>(context, size, input, weights, output);
    case 32:
      return launch_fitting<T, Sum, 32, kTaps>(context, size, input, weights, output);
    case 64:
      return launch_fitting<T, Sum, 64, kTaps>(context, size, input, weights, output);
    default:
      return cudaErrorInvalidValue;
  }
}

template <int kTaps, typename Input>
cudaError_t launch_type(const Context& context, const ConvSize& size, const Input& input, const ConvWeights& weights,
                        const FeatureOutput& output) {
  if (context.type == ElementType::kBFloat16) {
    return context.half_sums ? cudaErrorInvalidValue
                             : launch_outputs<bf16, FloatSum, kTaps>(context, size, input, weights, output);
  }
  if constexpr (std::is_same_v<Input, FeatureInput>) {
    if (context.half_sums) return launch_outputs<f16, HalfSum, kTaps>(context, size, input, weights, output);
  }
  return launch_outputs<f16, FloatSum, kTaps>(context, size, input, weights, output);
}

}  // namespace

cudaError_t launch_conv3x3(const Context& context, const ConvSize& size, const FeatureInput& input,
                           const ConvWeights& weights, const FeatureOutput& output) {
  return launch_type<3>(context, size, input, weights, output);
}

cudaError_t launch_upsample_conv3x3(const Context& context, const ConvSize& size, const FeatureInput& input,
                                    const ConvWeights& weights, const FeatureOutput& output) {
  return launch_type<2>(context, size, input, weights, output);
}

cudaError_t launch_conv_first(const Context& context, const ConvSize& size, const PictureInput& input,
                              const ConvWeights& weights, const FeatureOutput& output) {
  return launch_type<3>(context, size, input, weights, output);
}

cudaError_t launch_conv_last(const Context& context, const ConvSize& size, const FeatureInput& input,
                             const ConvWeights& weights, const PictureOutput& output) {
  if (weights.outputs != 16) return cudaErrorInvalidValue;
  return context.type == ElementType::kFloat16
             ? launch_fitting<f16, FloatSum, 16, 3>(context, size, input, weights, output)
             : launch_fitting<bf16, FloatSum, 16, 3>(context, size, input, weights, output);
}

}  // namespace srdgan::gpu
