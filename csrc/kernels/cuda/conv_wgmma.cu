#include "csrc/kernels/cuda/conv_checks.h"
#include "csrc/kernels/cuda/conv_store.cuh"
#include "csrc/kernels/cuda/conv_tile.cuh"
#include "csrc/kernels/cuda/conv_wgmma.h"
#include "csrc/kernels/cuda/hopper.cuh"

namespace srdgan::gpu {
namespace {

constexpr int kPieceBytes = 8 * 16;                   // weights of 8 outputs x 8 channels
constexpr int kProductWeightBytes = 8 * kPieceBytes;  // of 32 outputs x 16 channels
// Rows of the input in registers at a time. With more, the compiler runs out of registers, and lets products wait for
// each other.
[[maybe_unused]] constexpr int kFragments = 2;  // only Hopper's code uses it

// The tile of conv_tile.cuh: 16 x 32 pixels, of which each warp of a warpgroup has 8 x 16, and a warpgroup for each 32
// outputs. One more warp starts all copies. A ring of stages, each with one group of channels:
//
//   [input (rows, columns, 16 channels) | weights (taps, 32s of outputs, 8s of outputs, halves of 8 channels, 8, 8)]
template <typename T, int kOutputs>
struct WgmmaTile : ConvTile<T, FloatSum, kOutputs, 3, 2, 2> {
  using Tile = ConvTile<T, FloatSum, kOutputs, 3, 2, 2>;
  static_assert(Tile::kWarpOutputs == 32, "a product has 32 outputs");
  static_assert(Tile::kWeightBytes == 9 * (kOutputs / 32) * kProductWeightBytes);

  static constexpr int kRingStages = 3;
  // The columns of the input, rounded up so that a row is a multiple of TMA's swizzle pattern (256 bytes): that is the
  // swizzle of Tile::input_offset, and a step of a row is a constant distance.
  static constexpr int kBoxColumns = 40;
  static constexpr int kRowBytes = kBoxColumns * kGroupBytes;
  static constexpr int kBoxBytes = Tile::kInputRows * kRowBytes;
  static constexpr int kRingStageBytes = kBoxBytes + Tile::kWeightBytes;
  static_assert(kBoxColumns >= Tile::kInputColumns && kRowBytes % 256 == 0 && kRingStageBytes % 256 == 0);
  static constexpr int kBarriersOffset = kRingStages * kRingStageBytes;
  static constexpr int kRingBytes = kBarriersOffset + 2 * kRingStages * static_cast<int>(sizeof(Mbarrier));

  static constexpr int kConsumers = Tile::kThreads;
  static constexpr int kAllThreads = kConsumers + 32;
  static constexpr int kBlocksOfMultiprocessor = kOutputs == 32 ? 2 : 1;

  // Adds the products of one group of channels. Each row of the input is loaded once, for the output rows of all three
  // taps; its products run while the next ones are loaded.
  __device__ __forceinline__ static void multiply_group(const unsigned char* stage, const typename Tile::Place& place,
                                                        typename Tile::Sums& sums) {
    const uint64_t weights =
        matrix_descriptor(stage + kBoxBytes + place.part * kProductWeightBytes, kPieceBytes, 2 * kPieceBytes, 0);
    uint32_t a[kFragments][4];
#pragma unroll
    for (int dx = 0; dx < 3; ++dx) {
      const int column = place.column + dx + place.lane % 16, half = place.lane / 16 ^ (column >> 2 & 1);
      const unsigned char* pixels = stage + place.row * kRowBytes + column * kGroupBytes + 16 * half;
#pragma unroll
      for (int row = 0; row < kWarpRows + 2; ++row) {
        wgmma_wait<kFragments - 1>();  // for the products with the registers that are loaded now
        uint32_t (&fragment)[4] = a[(dx * (kWarpRows + 2) + row) % kFragments];
        ldmatrix_x4(fragment, pixels + row * kRowBytes);
        wgmma_fence();
#pragma unroll
        for (int dy = 0; dy < 3; ++dy) {
          if (row < dy || row - dy >= kWarpRows) continue;
          const int product = (3 * dy + dx) * (kOutputs / 32);
          wgmma_m64n32k16<T>(sums[row - dy], fragment, weights + product * (kProductWeightBytes / 16));
        }
        wgmma_commit();
      }
    }
    wgmma_wait<0>();
  }
};

// Features as TMA reads them: two places of one slab, the second one for groups from first_groups on.
struct FeatureMaps {
  TensorMap first;
  TensorMap second;
  int first_groups;
  int groups;
};

// One thread brings all groups into the ring.
template <typename Tile>
__device__ __forceinline__ void produce(const FeatureMaps& maps, const unsigned char* weight, int image, int y, int x,
                                        unsigned char* ring, Mbarrier* full, Mbarrier* empty) {
  for (int group = 0; group < maps.groups; ++group) {
    const int stage = group % Tile::kRingStages, round = group / Tile::kRingStages;
    unsigned char* to = ring + stage * Tile::kRingStageBytes;
    if (round > 0) mbarrier_wait(empty + stage, (round - 1) % 2);
    mbarrier_arrive_expect(full + stage, Tile::kRingStageBytes);
    bulk_copy(to + Tile::kBoxBytes, weight + static_cast<int64_t>(group) * Tile::kWeightBytes, Tile::kWeightBytes,
              full + stage);
    if (group == 0) {
      wait_for_previous_kernel();
      allow_next_kernel();
    }
    const bool in_first = group < maps.first_groups;
    const int channel = (in_first ? group : group - maps.first_groups) * static_cast<int>(kGroupChannels);
    tma_load(to, in_first ? maps.first : maps.second, channel, x - 1, y - 1, image, full + stage);
  }
}

// kThreads and kSharedBytes are the tile's, as in conv_kernel.
template <typename Tile, int kThreads, int kSharedBytes>
__global__ void __launch_bounds__(kThreads, Tile::kBlocksOfMultiprocessor)
    conv_wgmma_kernel(const __grid_constant__ FeatureMaps maps, const ConvSize size, const ConvWeights weights,
                      const FeatureOutput output) {
#if IS_HOPPER
  unsigned char* ring = shared_memory<unsigned char>();
  auto* full = reinterpret_cast<Mbarrier*>(ring + Tile::kBarriersOffset);
  Mbarrier* empty = full + Tile::kRingStages;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Tile::kRingStages; ++stage) {
      mbarrier_init(full + stage, 1);
      mbarrier_init(empty + stage, Tile::kConsumers / 32);
    }
    fence_mbarrier_init();
  }
  __syncthreads();
  const int tile_y = blockIdx.y * Tile::kRows, tile_x = blockIdx.x * Tile::kColumns, image = blockIdx.z;
  if (threadIdx.x >= Tile::kConsumers) {
    if (threadIdx.x == Tile::kConsumers) {
      produce<Tile>(maps, static_cast<const unsigned char*>(weights.weight), image, tile_y, tile_x, ring, full, empty);
    } else {
      wait_for_previous_kernel();
    }
    return;
  }

  const auto place = Tile::Place::of(threadIdx.x);
  typename Tile::Sums sums;
  start_sums<Tile>(weights.bias, place, sums);
  wait_for_previous_kernel();  // whose result may be a residual, or may read what is stored here
#pragma unroll 1
  for (int group = 0; group < maps.groups; ++group) {
    const int stage = group % Tile::kRingStages;
    mbarrier_wait(full + stage, group / Tile::kRingStages % 2);
    Tile::multiply_group(ring + stage * Tile::kRingStageBytes, place, sums);
    if (place.lane == 0) mbarrier_arrive(empty + stage);
  }
  store_sums<Tile>(output, {0, size.height, size.width}, weights.negative_slope, place, sums, image,
                   static_cast<int64_t>(tile_y) + place.row, static_cast<int64_t>(tile_x) + place.column, {1, 0, 0});
#endif
}

template <typename Tile>
cudaError_t encode(const void* data, int groups, const ConvSize& size, const Strides& strides, TensorMap* map) {
  constexpr int64_t kBytes = 2;
  const TensorBox box{data,
                      {groups * kGroupChannels, size.width, size.height, size.batch},
                      {kBytes * strides.pixel, kBytes * strides.row, kBytes * strides.image},
                      {static_cast<int32_t>(kGroupChannels), Tile::kBoxColumns, Tile::kInputRows, 1},
                      kGroupBytes};
  return encode_tensor_map(box, map);
}

constexpr int64_t kMostSide = int64_t{1} << 30;  // rows and columns are counted in 32 bits

template <typename T, int kOutputs>
cudaError_t launch_tile(const Context& context, const ConvSize& size, const FeatureInput& input,
                        const ConvWeights& weights, const FeatureOutput& output) {
  using Tile = WgmmaTile<T, kOutputs>;
  const int64_t rows = (size.height + Tile::kRows - 1) / Tile::kRows;
  const int64_t columns = (size.width + Tile::kColumns - 1) / Tile::kColumns;
  if (rows <= 0 || columns <= 0 || size.batch <= 0) return cudaSuccess;
  if (size.height > kMostSide || size.width > kMostSide || !is_grid(columns, rows, size.batch))
    return cudaErrorInvalidValue;
  FeatureMaps maps{{}, {}, input.first_groups, input.first_groups + input.second_groups};
  cudaError_t error = encode<Tile>(input.first, input.first_groups, size, input.strides, &maps.first);
  if (error == cudaSuccess && input.second_groups > 0)
    error = encode<Tile>(input.second, input.second_groups, size, input.strides, &maps.second);
  if (error != cudaSuccess) return error;
  const dim3 grid(static_cast<unsigned>(columns), static_cast<unsigned>(rows), static_cast<unsigned>(size.batch));
  return launch(conv_wgmma_kernel<Tile, Tile::kAllThreads, Tile::kRingBytes>, grid, dim3(Tile::kAllThreads),
                Tile::kRingBytes, {context.stream, context.start}, maps, size, weights, output);
}

template <typename T>
cudaError_t launch_outputs(const Context& context, const ConvSize& size, const FeatureInput& input,
                           const ConvWeights& weights, const FeatureOutput& output) {
  switch (weights.outputs) {
    case 32:
      return launch_tile<T, 32>(context, size, input, weights, output);
    case 64:
      return launch_tile<T, 64>(context, size, input, weights, output);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace

bool is_wgmma_built() {
#if defined(__CUDACC__) && !defined(SRDGAN_SM90A)
  return false;
#else
  return true;
#endif
}

bool uses_wgmma(const Gpu& gpu, bool half_sums) {
  return is_wgmma_built() && gpu.compute_capability == 90 && !half_sums;
}

cudaError_t launch_conv3x3_wgmma(const Context& context, const ConvSize& size, const FeatureInput& input,
                                 const ConvWeights& weights, const FeatureOutput& output) {
  if (!is_valid(input) || !is_valid(output) || !is_valid(weights) || context.half_sums) return cudaErrorInvalidValue;
  return context.type == ElementType::kFloat16 ? launch_outputs<f16>(context, size, input, weights, output)
                                               : launch_outputs<bf16>(context, size, input, weights, output);
}

}  // namespace srdgan::gpu
