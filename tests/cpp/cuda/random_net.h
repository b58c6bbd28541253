// L2H nets with random weights, and the same nets in double.
#pragma once

#include <cmath>

#include "csrc/kernels/cuda/net_weights.h"
#include "tests/cpp/cuda/device_memory.h"
#include "tests/cpp/cuda/reference.h"

namespace srdgan::gpu {

constexpr double kSlope = 0.2;

class RandomNet {
 public:
  RandomNet(int64_t num_rrdbs, int64_t features, int64_t growth, int64_t num_upsamplings, int64_t in_channels = 3) {
    uint32_t seed = 100;
    const auto layer = [&](std::vector<int64_t> inputs, int64_t outputs, float gain) {
      seed += 10;
      return RandomLayer(std::move(inputs), outputs, seed, gain);
    };
    first.push_back(layer({in_channels}, features, 1.5f));
    for (int64_t block = 0; block < num_rrdbs * kBlocksPerRrdb; ++block) {
      for (int64_t i = 0; i < kDenseConvs; ++i)
        dense.push_back(layer(dense_inputs(features, growth, i), i + 1 < kDenseConvs ? growth : features, 1.0f));
    }
    // Each RRDB adds at least a fifth to the features; as in a trained net, the trunk's result is as large as its
    // input.
    body.push_back(layer({features}, features, std::pow(1.2f, -static_cast<float>(num_rrdbs))));
    for (int64_t i = 0; i < num_upsamplings; ++i) upsample.push_back(layer({features}, features, 1.3f));
    hr.push_back(layer({features}, features, 1.3f));
    last.push_back(layer({features}, 3, 0.2f));
    for (float& bias : last[0].bias) bias += 0.5f;
  }

  NetLayers layers() const {
    NetLayers layers{first[0].layer(), {}, body[0].layer(), {}, hr[0].layer(), last[0].layer()};
    for (const RandomLayer& layer : dense) layers.dense.push_back(layer.layer());
    for (const RandomLayer& layer : upsample) layers.upsample.push_back(layer.layer());
    return layers;
  }

  std::vector<RandomLayer> first, dense, body, upsample, hr, last;
};

// The packed layers of a net on the device.
class DeviceNet {
 public:
  DeviceNet(const RandomNet& net, ElementType type, bool for_wgmma = false)
      : packed_("packed net", pack(net.layers(), type, for_wgmma)),
        weights(net.layers(), packed_.data(), kSlope, for_wgmma) {}

 private:
  static std::vector<unsigned char> pack(const NetLayers& layers, ElementType type, bool for_wgmma) {
    std::vector<unsigned char> packed(packed_net_bytes(layers));
    pack_net(layers, type, packed.data());
    const PackedPart part = packed_part(layers, for_wgmma);
    return {packed.begin() + part.offset, packed.begin() + part.offset + part.bytes};
  }

  simt::DeviceArray<unsigned char> packed_;

 public:
  const NetWeights weights;
};

// x + 0.2 * block(x); layers: the five of the block.
inline Map reference_dense_block(const Map& x, const RandomLayer* layers) {
  Map features = x;
  for (int i = 0; i + 1 < kDenseConvs; ++i) {
    const Map grown = reference_conv(features, layers[i], kSlope);
    features = concatenate({&features, &grown});
  }
  return add_scaled(x, 0.2, reference_conv(features, layers[kDenseConvs - 1], 1));
}

inline Map reference_trunk(const Map& x, const std::vector<RandomLayer>& dense) {
  Map y = x;
  for (size_t block = 0; block < dense.size() / kDenseConvs; block += kBlocksPerRrdb) {
    Map inner = y;
    for (int i = 0; i < kBlocksPerRrdb; ++i)
      inner = reference_dense_block(inner, &dense[(block + static_cast<size_t>(i)) * kDenseConvs]);
    y = add_scaled(y, 0.2, inner);
  }
  return y;
}

inline Map reference_net(const Map& picture, const RandomNet& net) {
  const Map first = reference_conv(picture, net.first[0], 1);
  Map x = add_scaled(first, 1, reference_conv(reference_trunk(first, net.dense), net.body[0], 1));
  for (const RandomLayer& layer : net.upsample) x = reference_conv(enlarge_nearest(x), layer, kSlope);
  return reference_conv(reference_conv(x, net.hr[0], kSlope), net.last[0], 1);
}

}  // namespace srdgan::gpu
