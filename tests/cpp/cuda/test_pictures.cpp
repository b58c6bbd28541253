// conv_first and conv_last: samples of all types and layouts, crops, mirrored borders, pixel-unshuffle.
#include <cstring>

#include "csrc/kernels/cuda/conv3x3.h"
#include "tests/cpp/cuda/device_memory.h"

using namespace srdgan::gpu;

namespace {

int64_t sample_bytes(SampleType type) { return type == SampleType::kUint8 ? 1 : type == SampleType::kUint16 ? 2 : 4; }

double white(SampleType type) { return type == SampleType::kUint8 ? 255 : type == SampleType::kUint16 ? 65535 : 1; }

// (N, C, H, W) or, channels last, (N, H, W, C).
PictureStrides picture_strides(int64_t height, int64_t width, int64_t channels, bool channels_last) {
  const int64_t image = height * width * channels;
  if (channels_last) return {image, width * channels, channels, 1};
  return {image, width, 1, height * width};
}

int64_t offset(const PictureStrides& strides, int64_t n, int64_t y, int64_t x, int64_t c) {
  return n * strides.image + y * strides.row + x * strides.column + c * strides.channel;
}

// A picture in memory, at an address that is a multiple of a sample and of no more.
class Picture {
 public:
  Picture(int64_t batch, int64_t height, int64_t width, int64_t channels, SampleType type, bool channels_last)
      : strides(picture_strides(height, width, channels, channels_last)),
        pages_(batch * strides.image * sample_bytes(type), sample_bytes(type), "picture"),
        type_(type) {
    std::memset(pages_.data(), 0x55, pages_.size());
  }
  void* data() { return pages_.data(); }
  bool kept() const { return pages_.kept(); }
  double get(int64_t at) const {
    const std::byte* from = pages_.data() + at * sample_bytes(type_);
    float number = 0;
    uint16_t word = 0;
    if (type_ == SampleType::kFloat32) return std::memcpy(&number, from, 4), number;
    if (type_ == SampleType::kUint16) return std::memcpy(&word, from, 2), word;
    return static_cast<double>(*from);
  }
  void set(int64_t at, double value) {
    std::byte* to = pages_.data() + at * sample_bytes(type_);
    const float number = static_cast<float>(value);
    const uint16_t word = static_cast<uint16_t>(value);
    if (type_ == SampleType::kFloat32) {
      std::memcpy(to, &number, 4);
    } else if (type_ == SampleType::kUint16) {
      std::memcpy(to, &word, 2);
    } else {
      *to = static_cast<std::byte>(static_cast<uint8_t>(value));
    }
  }
  PictureStrides strides;

 private:
  GuardedPages pages_;
  SampleType type_;
};

int64_t mirrored(int64_t i, int64_t size) {
  while (i < 0 || i >= size) i = size == 1 ? 0 : i < 0 ? -i : 2 * (size - 1) - i;
  return i;
}

struct FirstCase {
  ElementType element;
  SampleType sample;
  bool channels_last;
  int64_t height, width;  // of the picture
  int64_t top, left;
  ConvSize size;  // of the convolution
  int64_t unshuffle, channels, outputs;
};

void check_first(const FirstCase& c) {
  char name[200];
  std::snprintf(name, sizeof name, "conv_first of %ldx%ld from (%ld, %ld), sample type %d, unshuffle %ld",
                static_cast<long>(c.height), static_cast<long>(c.width), static_cast<long>(c.top),
                static_cast<long>(c.left), static_cast<int>(c.sample), static_cast<long>(c.unshuffle));
  Picture picture(c.size.batch, c.height, c.width, c.channels, c.sample, c.channels_last);
  const std::vector<float> values = random_floats(c.size.batch * picture.strides.image, 11);
  for (size_t i = 0; i < values.size(); ++i)
    picture.set(static_cast<int64_t>(i), (0.5 + 0.5 * values[i]) * white(c.sample));

  const int64_t in_channels = c.channels * c.unshuffle * c.unshuffle;
  Map pixels(c.size.batch, c.size.height, c.size.width, in_channels);
  for (int64_t n = 0; n < c.size.batch; ++n)
    for (int64_t y = 0; y < c.size.height; ++y)
      for (int64_t x = 0; x < c.size.width; ++x)
        for (int64_t k = 0; k < in_channels; ++k) {
          const int64_t row = mirrored(c.top + y * c.unshuffle + k / c.unshuffle % c.unshuffle, c.height);
          const int64_t column = mirrored(c.left + x * c.unshuffle + k % c.unshuffle, c.width);
          const int64_t at = offset(picture.strides, n, row, column, k / c.unshuffle / c.unshuffle);
          pixels.at(n, y, x, k) = round_to(c.element, static_cast<float>(picture.get(at) / white(c.sample)));
        }
  const RandomLayer layer({in_channels}, c.outputs, 5);
  DeviceLayer weights(layer, c.element);
  const int64_t outputs = pad_channels(c.outputs);
  const Strides strides = Strides::dense(c.size.height, c.size.width, outputs);
  Elements output("output", c.size.batch * strides.image);
  const PictureInput input{picture.data(),
                           c.sample,
                           c.height,
                           c.width,
                           picture.strides,
                           c.top,
                           c.left,
                           static_cast<int32_t>(c.unshuffle),
                           static_cast<int32_t>(c.channels)};
  const std::vector<uint16_t> after = simt::run_in_each_order(output, [&] {
    const Context context{c.element, false, gpu_of_order(), nullptr};
    const FeatureOutput features{output.data(), nullptr, nullptr, 0, 0, strides};
    return launch_conv_first(context, c.size, input, weights.weights(1.0f), features);
  });
  const Map result = read_map(after, c.element, c.size, strides, 0, c.outputs);
  const Map reference = reference_conv(pixels, rounded(layer, c.element), 1);
  const double half_ulp = c.element == ElementType::kFloat16 ? 0x1p-11 : 0x1p-8;
  int64_t wrong = 0;
  for (size_t i = 0; i < result.values.size(); ++i) {
    const double error = std::fabs(result.values[i] - reference.values[i]);
    wrong += !(error <= half_ulp * std::fabs(reference.values[i]) + 1e-5);
  }
  CHECK(wrong == 0, "%s: %ld of %zu results", name, static_cast<long>(wrong), result.values.size());
  CHECK(picture.kept(), "%s: memory beside the buffers was written", name);
}

struct LastCase {
  ElementType element;
  SampleType sample;
  bool channels_last;
  ConvSize size;
  int64_t top, left, height, width;  // of the part that is stored
};

void check_last(const LastCase& c) {
  char name[200];
  std::snprintf(name, sizeof name, "conv_last to sample type %d, %ldx%ld from (%ld, %ld)", static_cast<int>(c.sample),
                static_cast<long>(c.height), static_cast<long>(c.width), static_cast<long>(c.top),
                static_cast<long>(c.left));
  const int64_t features = 32;
  const Strides strides = Strides::dense(c.size.height, c.size.width, features);
  const Map x = random_map(c.size, features, c.element, 3);
  std::vector<uint16_t> values = empty_memory(c.size.batch * strides.image);
  write_map(x, values, c.element, strides, 0);
  Elements input("input", values);
  RandomLayer layer({features}, 3, 5, 1.5f);  // some results below 0 and above 1
  for (float& bias : layer.bias) bias += 0.5f;
  DeviceLayer weights(layer, c.element);
  Picture picture(c.size.batch, c.height, c.width, 3, c.sample, c.channels_last);
  const PictureOutput output{picture.data(), c.sample, picture.strides, c.top, c.left, c.height, c.width, 3};
  const FeatureInput in{input.data(), input.data(), 2, 0, strides};
  for (const simt::Order order : simt::kOrders) {
    simt::order = order;
    const Context context{c.element, false, kA100, nullptr};
    CHECK(launch_conv_last(context, c.size, in, weights.weights(1.0f), output) == cudaSuccess, "%s", name);
  }
  const Map reference = reference_conv(x, rounded(layer, c.element), 1);
  int64_t wrong = 0, clamped = 0;
  for (int64_t n = 0; n < c.size.batch; ++n)
    for (int64_t i = 0; i < c.height; ++i)
      for (int64_t j = 0; j < c.width; ++j)
        for (int64_t k = 0; k < 3; ++k) {
          const double value = reference.at(n, c.top + i, c.left + j, k);
          const bool integers = c.sample != SampleType::kFloat32;
          const double expected = integers ? std::fmin(std::fmax(value, 0), 1) * white(c.sample) : value;
          const double error = std::fabs(picture.get(offset(picture.strides, n, i, j, k)) - expected);
          wrong += !(error <= (integers ? 0.5 : 0) + 1e-5 * white(c.sample));
          clamped += value < 0 || value > 1;
        }
  CHECK(wrong == 0, "%s: %ld samples", name, static_cast<long>(wrong));
  CHECK(clamped > 0, "%s: no result is out of range", name);
  CHECK(picture.kept(), "%s: memory beside the picture was written", name);
}

}  // namespace

int main() {
  const ElementType f16 = ElementType::kFloat16, bf16 = ElementType::kBFloat16;
  const SampleType u8 = SampleType::kUint8, u16 = SampleType::kUint16, f32 = SampleType::kFloat32;
  check_first({f16, u8, true, 19, 37, 0, 0, {1, 19, 37}, 1, 3, 64});
  check_first({f16, u16, false, 5, 9, -3, -4, {2, 11, 17}, 1, 3, 32});  // a mirrored border around all
  check_first({bf16, f32, true, 40, 50, 7, 30, {1, 17, 9}, 1, 3, 16});  // a crop
  check_first({f16, f32, false, 1, 2, -2, -2, {1, 5, 6}, 1, 3, 20});
  check_first({f16, u8, true, 8, 12, 0, 0, {1, 4, 6}, 2, 3, 32});
  check_first({bf16, u16, true, 9, 7, 0, 0, {1, 3, 2}, 4, 3, 64});  // mirrored at the right and the bottom
  check_last({f16, u8, true, {1, 19, 37}, 0, 0, 19, 37});
  check_last({bf16, u16, false, {2, 7, 18}, 0, 0, 7, 18});
  check_last({f16, f32, true, {1, 33, 20}, 5, 3, 17, 11});  // a tile without its halo
  check_last({f16, u8, false, {1, 1, 40}, 0, 9, 1, 31});
  return test_result();
}
