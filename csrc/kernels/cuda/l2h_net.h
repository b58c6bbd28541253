// The whole L2H net on a GPU: from samples of a picture to samples of the result. Host code.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "csrc/kernels/cuda/net_weights.h"

namespace srdgan::gpu {

class L2HNetRun {
 public:
  // size: of the picture after pixel-unshuffle.
  L2HNetRun(NetWeights weights, const ConvSize& size);

  // The result is this many times as high and wide as `size`.
  int64_t scale() const { return int64_t{1} << weights_.upsample.size(); }
  // Bytes of memory on the device for one call of launch().
  int64_t workspace_bytes() const { return (slab_.elements() + map_elements_of_turn(0) + map_elements_of_turn(1)) * 2; }

  // Only queues kernels; `workspace` is a multiple of 16 bytes, and its contents do not matter.
  cudaError_t launch(const Context& context, const PictureInput& picture, const PictureOutput& result,
                     void* workspace) const;

 private:
  // Whether conv_hr and conv_last are one kernel.
  bool fuses_end() const;
  // Of the features at so many times the size.
  int64_t map_elements(int64_t scale) const;
  // From the first enlargement on, two places for features take turns; this is the size of each.
  int64_t map_elements_of_turn(int turn) const;

  NetWeights weights_;
  ConvSize size_;
  int64_t features_;
  TrunkSlab slab_;
};

}  // namespace srdgan::gpu
