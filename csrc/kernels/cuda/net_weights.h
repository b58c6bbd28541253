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

// Bytes of the packed weights.
int64_t packed_net_bytes(const NetLayers& layers);
void pack_net(const NetLayers& layers, ElementType type, void* packed);

// Puts packed weights into the order for GPUs with wgmma (conv_wgmma.h): those of the dense blocks that it takes.
void order_net_for_wgmma(const NetLayers& layers, void* packed);

// Pointers into packed weights that lie on the device.
struct NetWeights {
  ConvWeights first;
  std::vector<DenseBlockWeights> blocks;
  ConvWeights body;
  std::vector<ConvWeights> upsample;
  ConvWeights hr;
  ConvWeights last;

  // negative_slope: of every LeakyReLU. packed: 16-byte aligned. for_wgmma: it is in that order.
  NetWeights(const NetLayers& layers, const void* packed, float negative_slope, bool for_wgmma = false);
};

}  // namespace srdgan::gpu
