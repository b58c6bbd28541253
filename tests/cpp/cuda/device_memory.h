// Memory as the kernels see it: what is read or written beside it ends the test.
#pragma once

#include <cstring>

#include "csrc/common/half_bits.h"
#include "tests/cpp/cuda/reference.h"
#include "tests/cpp/guarded_pages.h"
#include "tests/cpp/simt/half.h"

namespace srdgan::gpu {

// GPUs of 100 KiB of shared memory a multiprocessor (sm_86, sm_89, sm_120), and of 164 (sm_80, sm_87) or more.
constexpr int64_t kSmallShared = 100 << 10, kLargeShared = 164 << 10;

inline uint16_t to_bits(ElementType type, float value) {
  return type == ElementType::kFloat16 ? simt::to_f16(value).bits : simt::to_bf16(value).bits;
}
inline float to_number(ElementType type, uint16_t bits) {
  return type == ElementType::kFloat16 ? simt::as_float(simt::f16{bits}) : simt::as_float(simt::bf16{bits});
}
inline float round_to(ElementType type, float value) { return to_number(type, to_bits(type, value)); }

template <typename T>
class DeviceArray {
 public:
  DeviceArray(int64_t count, const char* name) : pages_(count * sizeof(T), 16, name), count_(count) {
    std::memset(pages_.data(), 0xff, count * sizeof(T));  // NaNs
  }
  T* data() { return reinterpret_cast<T*>(pages_.data()); }
  T& operator[](int64_t i) { return data()[i]; }
  int64_t size() const { return count_; }
  bool kept() const { return pages_.kept(); }
  void make_read_only() { pages_.make_read_only(); }
  std::vector<T> contents() { return {data(), data() + count_}; }

 private:
  GuardedPages pages_;
  int64_t count_;
};

using Elements = DeviceArray<uint16_t>;

// A layer's weights on the device, and the layer with the rounded weights.
class DeviceLayer {
 public:
  DeviceLayer(const RandomLayer& layer, ElementType type, bool upsamples = false)
      : weight_(upsamples ? packed_upsample_elements(layer.layer()) : packed_conv_elements(layer.layer()), "weight"),
        bias_(pad_channels(layer.out), "bias") {
    if (upsamples) {
      pack_upsample_weight(layer.layer(), type, weight_.data());
    } else {
      pack_conv_weight(layer.layer(), type, weight_.data());
    }
    pack_conv_bias(layer.layer(), bias_.data());
    weight_.make_read_only();
    bias_.make_read_only();
  }
  ConvWeights weights(float negative_slope) {
    return {weight_.data(), bias_.data(), static_cast<int32_t>(bias_.size()), negative_slope};
  }

 private:
  Elements weight_;
  DeviceArray<float> bias_;
};

inline RandomLayer rounded(RandomLayer layer, ElementType type) {
  for (float& w : layer.weight) w = round_to(type, w);
  return layer;
}

// Channels begin .. begin + count of every pixel.
inline Map read_map(Elements& memory, ElementType type, const ConvSize& size, const Strides& strides, int64_t begin,
                    int64_t count) {
  Map map(size.batch, size.height, size.width, count);
  for (int64_t n = 0; n < size.batch; ++n)
    for (int64_t y = 0; y < size.height; ++y)
      for (int64_t x = 0; x < size.width; ++x)
        for (int64_t c = 0; c < count; ++c)
          map.at(n, y, x, c) =
              to_number(type, memory[n * strides.image + y * strides.row + x * strides.pixel + begin + c]);
  return map;
}

inline void write_map(const Map& map, Elements& memory, ElementType type, const Strides& strides, int64_t begin) {
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
