// Dense blocks and the trunk of RRDBs: which convolution reads and writes which part of one slab of memory. Host code.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "csrc/kernels/cuda/conv3x3.h"

namespace srdgan::gpu {

constexpr int kDenseConvs = 5;
constexpr int kBlocksPerRrdb = 3;
constexpr float kResidualScale = 0.2f;

struct DenseBlockWeights {
  ConvWeights convs[kDenseConvs];
  bool for_wgmma;  // those that conv_wgmma.h takes are in its order
};

// Memory of a trunk, channels-last. Each pixel holds four maps of features, and the channels that a dense block adds:
//
//   [map 0 | map 1 | map 2 | map 3 | growth 1 | growth 2 | growth 3 | growth 4]
//
// Every convolution writes its channels in place. A dense block reads a map and the growth channels before its own; its
// last convolution writes another map, because neighbouring pixels still read the first. Two maps take turns; the third
// holds the input of an RRDB, for its shortcut, and map 3 that of the whole trunk.
class TrunkSlab {
 public:
  static constexpr int kMaps = 4;
  static constexpr int kTrunkInput = 3;
  static constexpr int kNoMap = -1;

  // features and growth: padded channels (pad_channels).
  TrunkSlab(const ConvSize& size, int64_t features, int64_t growth)
      : size_(size), features_(features), growth_(growth) {}

  const ConvSize& size() const { return size_; }
  int64_t pixel_channels() const { return kMaps * features_ + (kDenseConvs - 1) * growth_; }
  Strides strides() const { return Strides::dense(size_.height, size_.width, pixel_channels()); }
  int64_t elements() const { return size_.batch * size_.height * size_.width * pixel_channels(); }

  // 16-bit elements, a multiple of 16 bytes; their contents do not matter.
  void use(void* memory) { memory_ = static_cast<uint16_t*>(memory); }

  uint16_t* map(int index) const { return memory_ + index * features_; }
  uint16_t* growth_map(int index) const { return memory_ + kMaps * features_ + index * growth_; }

  // A map and the first growth maps.
  FeatureInput input(int map_index, int num_growths) const;
  // A map, or map_scale * (what was computed) + residual map, and the same again with the outer map.
  FeatureOutput map_output(int map_index, int residual = kNoMap, float residual_scale = 0.0f, int outer = kNoMap,
                           float outer_scale = 0.0f) const;
  FeatureOutput growth_output(int index) const { return {growth_map(index), nullptr, nullptr, 0.0f, 0.0f, strides()}; }

 private:
  ConvSize size_;
  int64_t features_;
  int64_t growth_;
  uint16_t* memory_ = nullptr;
};

// map `to` = map `from` + 0.2 * block(map `from`); then, with an outer map, map `to` = outer + 0.2 * map `to`. The
// three maps must differ, but `outer` may be `from`.
cudaError_t launch_dense_block(const Context& context, const TrunkSlab& slab, const DenseBlockWeights& block, int from,
                               int to, int outer);

// The RRDBs of 3 * num_rrdbs dense blocks, from map kTrunkInput, which is kept, to the map *result.
cudaError_t launch_rrdb_trunk(const Context& context, const TrunkSlab& slab, const DenseBlockWeights* blocks,
                              int64_t num_rrdbs, int* result);

}  // namespace srdgan::gpu
