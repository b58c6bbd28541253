#include "csrc/kernels/cuda/net_sizes.h"

#include <stdexcept>
#include <string>

namespace srdgan::gpu {
namespace {

void check_range(const char* name, int64_t value, int64_t smallest, int64_t largest) {
  if (value >= smallest && value <= largest) return;
  throw std::invalid_argument(std::string(name) + " must be " + std::to_string(smallest) + ".." +
                              std::to_string(largest) + ", got " + std::to_string(value));
}

}  // namespace

void NetSizes::check() const {
  check_range("features", features, 1, kConvMaxOutputs);
  check_range("growth", growth, 1, kConvMaxOutputs);
  check_range("num_rrdbs", num_rrdbs, 0, kMaxRrdbs);
  check_range("num_upsamplings", num_upsamplings, 0, kMaxUpsamplings);
  if (unshuffle != 1 && unshuffle != 2 && unshuffle != 4)
    throw std::invalid_argument("unshuffle must be 1, 2 or 4, got " + std::to_string(unshuffle));
  if (enlargement() % unshuffle != 0)
    throw std::invalid_argument("unshuffle must be at most " + std::to_string(enlargement()) +
                                ", the enlargement after it, got " + std::to_string(unshuffle));
}

NetLayers NetSizes::layers(const float* const* weights, const float* const* biases) const {
  int64_t index = 0;
  const auto layer = [&](std::vector<int64_t> inputs, int64_t outputs) {
    const bool has_data = weights != nullptr;
    ConvLayer next{has_data ? weights[index] : nullptr, has_data ? biases[index] : nullptr, outputs, std::move(inputs)};
    ++index;
    return next;
  };
  NetLayers net;
  net.first = layer({kPictureChannels * unshuffle * unshuffle}, features);
  for (int64_t block = 0; block < num_rrdbs * kBlocksPerRrdb; ++block) {
    for (int i = 0; i < kDenseConvs; ++i)
      net.dense.push_back(layer(dense_inputs(features, growth, i), i + 1 < kDenseConvs ? growth : features));
  }
  net.body = layer({features}, features);
  for (int64_t i = 0; i < num_upsamplings; ++i) net.upsample.push_back(layer({features}, features));
  net.hr = layer({features}, features);
  net.last = layer({features}, kPictureChannels);
  return net;
}

void check_negative_slope(double negative_slope) {
  if (!(negative_slope >= 0 && negative_slope <= 1))
    throw std::invalid_argument("negative_slope must be 0..1, got " + std::to_string(negative_slope));
}

}  // namespace srdgan::gpu
