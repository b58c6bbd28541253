// The main loop of a convolution: the sums of one block's tile over all groups of input channels.
#pragma once

#include <cstdint>

#include "csrc/kernels/cuda/conv_source.cuh"
#include "csrc/kernels/cuda/conv_tile.cuh"

namespace srdgan::gpu {

// Starts asynchronous copies of so many bytes, a multiple of 16, by all threads of a block.
template <int kThreads>
__device__ __forceinline__ void copy_to_shared(const void* from, int bytes, unsigned char* to) {
  for (int i = 16 * threadIdx.x; i < bytes; i += 16 * kThreads)
    cp_async_16(to + i, static_cast<const unsigned char*>(from) + i, true);
}

// `stages`: Tile::kSharedBytes of shared memory that no thread of the block reads any more. weight: of the first group.
// Threads for which `works` is false only help to load. Afterwards other threads may still read the last stage.
template <typename Tile, typename Input>
__device__ __forceinline__ void sum_groups(const Input& input, const ConvSize& size, const TileInput& tile,
                                           const typename Tile::Element* weight, unsigned char* stages,
                                           const typename Tile::Place& place, bool works, typename Tile::Sums& sums) {
  const int groups = num_groups(input);
  const auto load_weights = [&](int group) {
    copy_to_shared<Tile::kThreads>(weight + static_cast<int64_t>(group) * (Tile::kWeightBytes / 2), Tile::kWeightBytes,
                                   stages + group % kStages * Tile::kStageBytes + Tile::kInputBytes);
  };
  const auto load_input = [&](int group) {
    load_group<Tile>(input, size, tile, group, stages + group % kStages * Tile::kStageBytes);
  };
  load_weights(0);  // which no kernel writes
  wait_for_previous_kernel();
  allow_next_kernel();
  load_input(0);
  cp_async_commit();
  for (int group = 0; group < groups; ++group) {
    cp_async_wait<0>();
    __syncthreads();  // this group is here, and nobody reads the other stage any more
    if (group + 1 < groups) {
      load_input(group + 1);
      load_weights(group + 1);
      cp_async_commit();
    }
    if (works) {
      const unsigned char* stage = stages + group % kStages * Tile::kStageBytes;
      Tile::multiply(stage, stage + Tile::kInputBytes, place, sums);
    }
  }
}

}  // namespace srdgan::gpu
