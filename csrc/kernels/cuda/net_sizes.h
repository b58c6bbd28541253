// The sizes of an L2H net, and its layers from a plain list of arrays. Host code.
#pragma once

#include <cstdint>

#include "csrc/kernels/cuda/net_weights.h"

namespace srdgan::gpu {

constexpr int64_t kPictureChannels = 3;

struct NetSizes {
  int64_t features;
  int64_t growth;
  int64_t num_rrdbs;
  int64_t num_upsamplings;
  int64_t unshuffle;  // factor of the pixel-unshuffle before conv_first

  static constexpr int64_t kMaxRrdbs = 1024;
  static constexpr int64_t kMaxUpsamplings = 2;

  // Throws std::invalid_argument, whose text names the rule and the value.
  void check() const;
  int64_t num_layers() const { return 4 + kBlocksPerRrdb * kDenseConvs * num_rrdbs + num_upsamplings; }
  // Of a side after the pixel-unshuffle, and of a picture's side.
  int64_t enlargement() const { return int64_t{1} << num_upsamplings; }
  int64_t scale() const { return enlargement() / unshuffle; }
  // weights, biases: one array for each layer, in the order of NetLayers; null for layers of which only the sizes
  // count.
  NetLayers layers(const float* const* weights, const float* const* biases) const;
};

// LeakyReLU's slopes. Throws std::invalid_argument.
void check_negative_slope(double negative_slope);

}  // namespace srdgan::gpu
