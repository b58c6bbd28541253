#include "csrc/kernels/cuda/rrdb_trunk.h"

#include "csrc/kernels/cuda/conv_wgmma.h"

namespace srdgan::gpu {

FeatureInput TrunkSlab::input(int map_index, int num_growths) const {
  return {map(map_index), growth_map(0), static_cast<int32_t>(features_ / kGroupChannels),
          static_cast<int32_t>(num_growths * growth_ / kGroupChannels), strides()};
}

FeatureOutput TrunkSlab::map_output(int map_index, int residual, float residual_scale, int outer,
                                    float outer_scale) const {
  const auto find = [&](int index) { return index == kNoMap ? nullptr : map(index); };
  return {map(map_index), find(residual), find(outer), residual_scale, outer_scale, strides()};
}

cudaError_t launch_dense_block(const Context& context, const TrunkSlab& slab, const DenseBlockWeights& block, int from,
                               int to, int outer) {
  for (int i = 0; i < kDenseConvs; ++i) {
    const FeatureOutput output =
        i < kDenseConvs - 1 ? slab.growth_output(i) : slab.map_output(to, from, kResidualScale, outer, kResidualScale);
    const bool by_wgmma = block.for_wgmma && takes_wgmma(block.convs[i].outputs);
    const auto launch = by_wgmma ? launch_conv3x3_wgmma : launch_conv3x3;
    const cudaError_t error = launch(context, slab.size(), slab.input(from, i), block.convs[i], output);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t launch_rrdb_trunk(const Context& context, const TrunkSlab& slab, const DenseBlockWeights* blocks,
                              int64_t num_rrdbs, int* result) {
  int outer = TrunkSlab::kTrunkInput;
  for (int64_t rrdb = 0; rrdb < num_rrdbs; ++rrdb) {
    const int one = (outer + 1) % TrunkSlab::kTrunkInput, other = (outer + 2) % TrunkSlab::kTrunkInput;
    const int path[kBlocksPerRrdb + 1] = {outer, one, other, one};
    for (int i = 0; i < kBlocksPerRrdb; ++i) {
      const int shortcut = i == kBlocksPerRrdb - 1 ? outer : TrunkSlab::kNoMap;
      const cudaError_t error =
          launch_dense_block(context, slab, blocks[rrdb * kBlocksPerRrdb + i], path[i], path[i + 1], shortcut);
      if (error != cudaSuccess) return error;
    }
    outer = one;
  }
  *result = outer;
  return cudaSuccess;
}

}  // namespace srdgan::gpu
