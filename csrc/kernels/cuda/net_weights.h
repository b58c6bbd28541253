// The weights of an L2H net (srdgan_rt/models/l2h.py) for the CUDA kernels: all layers packed into one block of memory,
// which is made on the host and copied to the device. Host code.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/kernels/cuda/conv_pack.h"
#include "csrc/kernels/cuda/rrdb_trunk.h"

namespace srdgan::gpu {

// As PyTorch stores them. `dense` has kDenseConvs layers for each dense block.
struct NetLayers {
  ConvLayer first;
  std::vector<ConvLayer> dense;
  ConvLayer body;
  std::vector<ConvLayer> upsample;
  ConvLayer hr;
  ConvLayer last;
};

// What convolution `index` of a dense block reads.
std::vector<int64_t> dense_inputs(int64_t features, int64_t growth, int64_t index);

// Packed weights: all layers in the order of conv3x3.h. Where this build has conv_wgmma.h, they follow again, in its
// order those that it takes. So one block of memory serves every GPU; each needs one part of it.
int64_t packed_net_bytes(const NetLayers& layers);
void pack_net(const NetLayers& layers, ElementType type, void* packed);

struct PackedPart {
  int64_t offset;
  int64_t bytes;
};
// for_wgmma: of a net for which uses_wgmma() is true.
PackedPart packed_part(const NetLayers& layers, bool for_wgmma);

// Pointers into a part of the packed weights that lies on the device.
struct NetWeights {
  ConvWeights first;
  std::vector<DenseBlockWeights> blocks;
  ConvWeights body;
  std::vector<ConvWeights> upsample;
  ConvWeights hr;
  ConvWeights last;

  // negative_slope: of every LeakyReLU. part: 16-byte aligned; packed_part() for the same for_wgmma.
  NetWeights(const NetLayers& layers, const void* part, float negative_slope, bool for_wgmma = false);
};

}  // namespace srdgan::gpu
