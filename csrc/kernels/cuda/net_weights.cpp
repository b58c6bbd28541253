#include "csrc/kernels/cuda/net_weights.h"

#include <algorithm>

#include "csrc/kernels/cuda/conv_wgmma.h"

namespace srdgan::gpu {
namespace {

// Of every array in the packed weights: a cache line of the device.
constexpr int64_t kAlignment = 128;

int64_t align(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// A layer's place in the packed weights: its weight, then its bias.
struct Section {
  const ConvLayer& layer;
  bool upsamples;
  bool dense;
  int64_t weight;
  int64_t bias;
};

// Calls visit(Section) for all layers, in the order of NetLayers. Returns the bytes of all.
template <typename Visit>
int64_t visit_layers(const NetLayers& layers, Visit visit) {
  int64_t offset = 0;
  const auto next = [&](const ConvLayer& layer, bool upsamples = false, bool dense = false) {
    const int64_t elements = upsamples ? packed_upsample_elements(layer) : packed_conv_elements(layer);
    const int64_t bias = offset + align(elements * static_cast<int64_t>(sizeof(uint16_t)));
    visit(Section{layer, upsamples, dense, offset, bias});
    offset = bias + align(pad_channels(layer.out_channels) * static_cast<int64_t>(sizeof(float)));
  };
  next(layers.first);
  for (const ConvLayer& layer : layers.dense) next(layer, false, true);
  next(layers.body);
  for (const ConvLayer& layer : layers.upsample) next(layer, true);
  next(layers.hr);
  next(layers.last);
  return offset;
}

int64_t part_bytes(const NetLayers& layers) {
  return visit_layers(layers, [](const Section&) {});
}

// `part` is as pack_net makes the first one.
void order_for_wgmma(const NetLayers& layers, unsigned char* part) {
  visit_layers(layers, [&](const Section& section) {
    if (section.dense && takes_wgmma(pad_channels(section.layer.out_channels)))
      order_conv_for_wgmma(section.layer, reinterpret_cast<uint16_t*>(part + section.weight));
  });
}

}  // namespace

std::vector<int64_t> dense_inputs(int64_t features, int64_t growth, int64_t index) {
  std::vector<int64_t> channels(1 + index, growth);
  channels[0] = features;
  return channels;
}

int64_t packed_net_bytes(const NetLayers& layers) { return (is_wgmma_built() ? 2 : 1) * part_bytes(layers); }

PackedPart packed_part(const NetLayers& layers, bool for_wgmma) {
  const int64_t bytes = part_bytes(layers);
  return {for_wgmma ? bytes : 0, bytes};
}

void pack_net(const NetLayers& layers, ElementType type, void* packed) {
  auto* bytes = static_cast<unsigned char*>(packed);
  const int64_t count = part_bytes(layers);
  std::fill_n(bytes, count, 0);  // the gaps between sections: equal nets give equal bytes
  visit_layers(layers, [&](const Section& section) {
    auto* weight = reinterpret_cast<uint16_t*>(bytes + section.weight);
    if (section.upsamples) {
      pack_upsample_weight(section.layer, type, weight);
    } else {
      pack_conv_weight(section.layer, type, weight);
    }
    pack_conv_bias(section.layer, reinterpret_cast<float*>(bytes + section.bias));
  });
  if (!is_wgmma_built()) return;
  std::copy_n(bytes, count, bytes + count);
  order_for_wgmma(layers, bytes + count);
}

NetWeights::NetWeights(const NetLayers& layers, const void* part, float negative_slope, bool for_wgmma) {
  const auto* bytes = static_cast<const unsigned char*>(part);
  std::vector<ConvWeights> all;
  visit_layers(layers, [&](const Section& section) {
    all.push_back({bytes + section.weight, reinterpret_cast<const float*>(bytes + section.bias),
                   static_cast<int32_t>(pad_channels(section.layer.out_channels)), 1.0f});
  });
  auto next = all.begin();
  const auto activated = [&] {
    next->negative_slope = negative_slope;
    return *next++;
  };
  first = *next++;
  for (size_t block = 0; block < layers.dense.size() / kDenseConvs; ++block) {
    DenseBlockWeights weights{};
    weights.for_wgmma = for_wgmma;
    for (int i = 0; i < kDenseConvs - 1; ++i) weights.convs[i] = activated();
    weights.convs[kDenseConvs - 1] = *next++;
    blocks.push_back(weights);
  }
  body = *next++;
  for (size_t i = 0; i < layers.upsample.size(); ++i) upsample.push_back(activated());
  hr = activated();
  last = *next++;
}

}  // namespace srdgan::gpu
