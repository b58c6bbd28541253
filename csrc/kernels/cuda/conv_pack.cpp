#include "csrc/kernels/cuda/conv_pack.h"

#include <algorithm>

#include "csrc/common/half_bits.h"

namespace srdgan::gpu {
namespace {

constexpr int64_t kLanes = 32;
constexpr int64_t kPairElements = kLanes * 8;  // of the weights of two products

uint16_t element_bits(ElementType type, float value) {
  return type == ElementType::kFloat16 ? float16_bits(value) : bfloat16_bits(value);
}

// For every padded input channel, the layer's channel, or -1 for padding.
std::vector<int64_t> input_channels(const ConvLayer& layer) {
  std::vector<int64_t> channels;
  int64_t next = 0;
  for (const int64_t count : layer.in_channels) {
    for (int64_t i = 0; i < pad_channels(count); ++i) channels.push_back(i < count ? next + i : -1);
    next += count;
  }
  return channels;
}

int64_t count_in_channels(const ConvLayer& layer) {
  int64_t count = 0;
  for (const int64_t channels : layer.in_channels) count += channels;
  return count;
}

// tap_weight(out, in, tap): a weight of the layer.
template <typename TapWeight>
void pack_taps(const ConvLayer& layer, ElementType type, int64_t taps, TapWeight tap_weight, uint16_t* packed) {
  const int64_t outputs = pad_channels(layer.out_channels);
  const std::vector<int64_t> inputs = input_channels(layer);
  for (int64_t group = 0; group < layer.in_groups(); ++group) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t i = 0; i < outputs / 16 * kPairElements; ++i) {
        const int64_t pair = i / kPairElements, lane = i / 8 % kLanes, element = i % 8;
        const int64_t out = output_channel(outputs, 2 * pair + element / 4, lane / 4);
        const int64_t in = inputs[group * kGroupChannels + element / 2 % 2 * 8 + lane % 4 * 2 + element % 2];
        const bool exists = out < layer.out_channels && in >= 0;
        *packed++ = exists ? element_bits(type, tap_weight(out, in, tap)) : uint16_t{0};
      }
    }
  }
}

}  // namespace

int64_t ConvLayer::in_groups() const {
  int64_t groups = 0;
  for (const int64_t channels : in_channels) groups += pad_channels(channels) / kGroupChannels;
  return groups;
}

int64_t packed_conv_elements(const ConvLayer& layer) {
  return layer.in_groups() * kGroupChannels * 9 * pad_channels(layer.out_channels);
}

int64_t packed_upsample_elements(const ConvLayer& layer) {
  return layer.in_groups() * kGroupChannels * 16 * pad_channels(layer.out_channels);
}

void pack_conv_weight(const ConvLayer& layer, ElementType type, uint16_t* packed) {
  const int64_t in_channels = count_in_channels(layer);
  const auto weight = [&](int64_t out, int64_t in, int64_t tap) {
    return layer.weight[(out * in_channels + in) * 9 + tap];
  };
  pack_taps(layer, type, 9, weight, packed);
}

void pack_upsample_weight(const ConvLayer& layer, ElementType type, uint16_t* packed) {
  const int64_t in_channels = count_in_channels(layer);
  for (int64_t phase = 0; phase < 4; ++phase) {
    // Along one axis, output 2i + phase reads the small samples i + phase - 1 (tap 0) and i + phase (tap 1). Those of
    // the 3 taps that fall on the same small sample are added up, before they are rounded.
    const auto first = [](int64_t parity, int64_t tap) { return tap == 0 ? 0 : parity + 1; };
    const auto last = [](int64_t parity, int64_t tap) { return tap == 0 ? parity : 2; };
    const auto weight = [&](int64_t out, int64_t in, int64_t tap) {
      double sum = 0;
      for (int64_t y = first(phase / 2, tap / 2); y <= last(phase / 2, tap / 2); ++y) {
        for (int64_t x = first(phase % 2, tap % 2); x <= last(phase % 2, tap % 2); ++x)
          sum += layer.weight[(out * in_channels + in) * 9 + 3 * y + x];
      }
      return static_cast<float>(sum);
    };
    pack_taps(layer, type, 4, weight, packed + phase * packed_upsample_elements(layer) / 4);
  }
}

void order_conv_for_wgmma(const ConvLayer& layer, uint16_t* packed) {
  const int64_t elements = pad_channels(layer.out_channels) * kGroupChannels;  // of one tap of one group
  std::vector<uint16_t> before(static_cast<size_t>(elements));
  for (uint16_t* tap = packed; tap < packed + packed_conv_elements(layer); tap += elements) {
    std::copy_n(tap, elements, before.begin());
    for (int64_t i = 0; i < elements; ++i) {
      const int64_t product = i / 128, half = i / 64 % 2, column = i / 8 % 8, channel = i % 8;
      const int64_t lane = 4 * column + channel / 2, element = product % 2 * 4 + half * 2 + channel % 2;
      tap[i] = before[static_cast<size_t>(product / 2 * kPairElements + 8 * lane + element)];
    }
  }
}

void pack_conv_bias(const ConvLayer& layer, float* packed) {
  float* padding = std::copy_n(layer.bias, layer.out_channels, packed);
  std::fill(padding, packed + pad_channels(layer.out_channels), 0.0f);
}

}  // namespace srdgan::gpu
