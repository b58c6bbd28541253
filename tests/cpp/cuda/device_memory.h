// Features and layers in a kernel's memory.
#pragma once

#include <cstdio>
#include <string>

#include "tests/cpp/cuda/reference.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/half.h"
#include "tests/cpp/simt/run.h"

namespace srdgan::gpu {

// A100 and RTX 5090: much shared memory and little, without and with an early start. H100: wgmma.
constexpr Gpu kA100{164 << 10, 80}, kRtx5090{100 << 10, 120}, kH100{228 << 10, 90};
// One of them in each order of the threads: results must not depend on it.
inline Gpu gpu_of_order() { return simt::order == simt::Order::kRandom ? kRtx5090 : kA100; }
// Memory that nothing was written to.
inline std::vector<uint16_t> empty_memory(int64_t elements) {
  return std::vector<uint16_t>(static_cast<size_t>(elements), 0xffff);
}

inline uint16_t to_bits(ElementType type, float value) {
  return type == ElementType::kFloat16 ? simt::to_f16(value).bits : simt::to_bf16(value).bits;
}
inline float to_number(ElementType type, uint16_t bits) {
  return type == ElementType::kFloat16 ? simt::as_float(simt::f16{bits}) : simt::as_float(simt::bf16{bits});
}
inline float round_to(ElementType type, float value) { return to_number(type, to_bits(type, value)); }

using Elements = simt::DeviceArray<uint16_t>;

// A layer's packed weights on the device.
class DeviceLayer {
 public:
  enum class For { kConv, kUpsample, kWgmma };
  DeviceLayer(const RandomLayer& layer, ElementType type, For kernel = For::kConv)
      : weight_("weight", pack_weight(layer.layer(), type, kernel)), bias_("bias", pack_bias(layer.layer())) {}
  ConvWeights weights(float negative_slope) {
    return {weight_.data(), bias_.data(), static_cast<int32_t>(bias_.size()), negative_slope};
  }

 private:
  static std::vector<uint16_t> pack_weight(const ConvLayer& layer, ElementType type, For kernel) {
    const bool upsamples = kernel == For::kUpsample;
    std::vector<uint16_t> packed(upsamples ? packed_upsample_elements(layer) : packed_conv_elements(layer));
    (upsamples ? pack_upsample_weight : pack_conv_weight)(layer, type, packed.data());
    if (kernel == For::kWgmma) order_conv_for_wgmma(layer, packed.data());
    return packed;
  }
  static std::vector<float> pack_bias(const ConvLayer& layer) {
    std::vector<float> packed(pad_channels(layer.out_channels));
    pack_conv_bias(layer, packed.data());
    return packed;
  }

  Elements weight_;
  simt::DeviceArray<float> bias_;
};

struct ConvCase {
  ElementType type;
  ConvSize size;
  int64_t features, growth, num_growths, outputs;  // channels
  bool with_residual, with_outer;
  float slope = 0.2f;
  bool half_sums = false;
};

inline std::string describe(const char* kernel, const ConvCase& c) {
  char text[200];
  std::snprintf(text, sizeof text, "%s %s, %ldx%ldx%ld, %ld + %ld * %ld -> %ld channels, residuals %d %d, half sums %d",
                kernel, c.type == ElementType::kFloat16 ? "f16" : "bf16", static_cast<long>(c.size.batch),
                static_cast<long>(c.size.height), static_cast<long>(c.size.width), static_cast<long>(c.features),
                static_cast<long>(c.num_growths), static_cast<long>(c.growth), static_cast<long>(c.outputs),
                c.with_residual, c.with_outer, c.half_sums);
  return text;
}

// The layer with the weights that the device has.
inline RandomLayer rounded(RandomLayer layer, ElementType type) {
  for (float& w : layer.weight) w = round_to(type, w);
  return layer;
}

// Channels begin .. begin + count of every pixel.
inline Map read_map(const std::vector<uint16_t>& memory, ElementType type, const ConvSize& size, const Strides& strides,
                    int64_t begin, int64_t count) {
  Map map(size.batch, size.height, size.width, count);
  for (int64_t n = 0; n < size.batch; ++n)
    for (int64_t y = 0; y < size.height; ++y)
      for (int64_t x = 0; x < size.width; ++x)
        for (int64_t c = 0; c < count; ++c)
          map.at(n, y, x, c) =
              to_number(type, memory[n * strides.image + y * strides.row + x * strides.pixel + begin + c]);
  return map;
}

inline void write_map(const Map& map, std::vector<uint16_t>& memory, ElementType type, const Strides& strides,
                      int64_t begin) {
  for (int64_t n = 0; n < map.batch; ++n)
    for (int64_t y = 0; y < map.height; ++y)
      for (int64_t x = 0; x < map.width; ++x)
        for (int64_t c = 0; c < map.channels; ++c)
          memory[n * strides.image + y * strides.row + x * strides.pixel + begin + c] =
              to_bits(type, static_cast<float>(map.at(n, y, x, c)));
}

inline Map random_map(const ConvSize& size, int64_t channels, ElementType type, uint32_t seed) {
  Map map(size.batch, size.height, size.width, channels);
  const std::vector<float> values = random_floats(static_cast<int64_t>(map.values.size()), seed);
  for (size_t i = 0; i < values.size(); ++i) map.values[i] = round_to(type, values[i]);
  return map;
}

}  // namespace srdgan::gpu
