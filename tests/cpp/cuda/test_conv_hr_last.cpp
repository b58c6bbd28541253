// conv_hr and conv_last in one kernel: the same bits as by the two kernels, of which test_conv3x3 and test_pictures
// show that they are right.
#include <algorithm>

#include "csrc/kernels/cuda/conv3x3.h"
#include "tests/cpp/cuda/device_memory.h"

using namespace srdgan::gpu;

namespace {

struct Case {
  ElementType type;
  ConvSize size;
  int64_t features;
  bool half_sums = false;
  int64_t steps = 1;                                 // of a stripe
  int64_t top = 0, left = 0, bottom = 0, right = 0;  // of the part that is stored; 0 for all
};

constexpr int64_t kColours = 3;
constexpr float kSlope = 0.2f;

template <typename Sample>
void check_samples(const Case& c, SampleType type) {
  char name[200];
  std::snprintf(name, sizeof name, "%s, %ldx%ldx%ld, %ld features, samples of type %d",
                c.type == ElementType::kFloat16 ? "f16" : "bf16", static_cast<long>(c.size.batch),
                static_cast<long>(c.size.height), static_cast<long>(c.size.width), static_cast<long>(c.features),
                static_cast<int>(type));
  const int64_t channels = pad_channels(c.features);
  const Strides strides = Strides::dense(c.size.height, c.size.width, channels);
  std::vector<uint16_t> values(c.size.batch * strides.image);
  write_map(random_map(c.size, c.features, c.type, 3), values, c.type, strides, 0);
  Elements x("input", values);
  const FeatureInput input{x.data(), x.data(), static_cast<int32_t>(channels / kGroupChannels), 0, strides};
  const RandomLayer hr_layer({c.features}, c.features, 5, 1.3f);
  RandomLayer last_layer({c.features}, kColours, 7, 1.5f);  // some results below 0 and above 1
  for (float& bias : last_layer.bias) bias += 0.5f;
  DeviceLayer hr(hr_layer, c.type), last(last_layer, c.type);

  const int64_t height = (c.bottom > 0 ? c.bottom : c.size.height) - c.top;
  const int64_t width = (c.right > 0 ? c.right : c.size.width) - c.left;
  const PictureStrides out_strides{height * width * kColours, width * kColours, kColours, 1};
  simt::DeviceArray<Sample> result("result", c.size.batch * out_strides.image, sizeof(Sample));
  const PictureOutput output{result.data(), type, out_strides, c.top, c.left, height, width, kColours};
  Elements between("features between", c.size.batch * strides.image);
  const FeatureOutput features{between.data(), nullptr, nullptr, 0, 0, strides};
  const FeatureInput again{between.data(), between.data(), input.first_groups, 0, strides};

  const std::vector<Sample> two = simt::run_in_each_order(result, [&] {
    const Context context{c.type, c.half_sums, gpu_of_order(), nullptr};
    const cudaError_t error = launch_conv3x3(context, c.size, input, hr.weights(kSlope), features);
    return error != cudaSuccess ? error : launch_conv_last(context, c.size, again, last.weights(1), output);
  });
  simt::counts = {};
  const std::vector<Sample> one = simt::run_in_each_order(result, [&] {
    const Context context{c.type, c.half_sums, gpu_of_order(), nullptr};
    return launch_conv_hr_last(context, c.size, input, hr.weights(kSlope), last.weights(1), output, c.steps);
  });
  CHECK(!std::memcmp(one.data(), two.data(), one.size() * sizeof(Sample)), "%s: other bits than two kernels", name);
  for (const simt::AccessKind kind :
       {simt::AccessKind::kLdmatrix, simt::AccessKind::kLoad, simt::AccessKind::kStore, simt::AccessKind::kCpAsync})
    CHECK(simt::counts[kind].bytes > 0 && simt::counts[kind].passes == simt::counts[kind].least_passes,
          "%s: bank conflicts, kind %d", name, static_cast<int>(kind));
}

void check(const Case& c) {
  check_samples<uint8_t>(c, SampleType::kUint8);
  check_samples<uint16_t>(c, SampleType::kUint16);
  check_samples<float>(c, SampleType::kFloat32);
}

void check_limits() {
  const Context context{ElementType::kFloat16, false, kA100, nullptr};
  alignas(16) static uint16_t memory[8];
  const Strides strides = Strides::dense(4, 4, 64);
  const FeatureInput input{memory, memory, 1, 0, strides};
  const PictureOutput output{memory, SampleType::kUint8, {48, 12, 3, 1}, 0, 0, 4, 4, 3};
  ConvWeights hr{memory, reinterpret_cast<float*>(memory), 32, kSlope}, last = hr;
  last.outputs = 16;
  CHECK(launch_conv_hr_last(context, {0, 4, 4}, input, hr, last, output) == cudaSuccess, "no pictures");
  CHECK(launch_conv_hr_last(context, {kConvMaxBatch + 1, 4, 4}, input, hr, last, output) == cudaErrorInvalidValue,
        "too many pictures");
  CHECK(launch_conv_hr_last(context, {1, 4, 4}, input, hr, hr, output) == cudaErrorInvalidValue, "32 colours");
  CHECK(launch_conv_hr_last(context, {1, 4, 4}, input, hr, last, output, -1) == cudaErrorInvalidValue, "-1 steps");
  hr.outputs = 64;
  CHECK(launch_conv_hr_last(context, {1, 4, 4}, input, hr, last, output) == cudaErrorInvalidValue, "64 features");
}

}  // namespace

int main() {
  const ElementType f16 = ElementType::kFloat16, bf16 = ElementType::kBFloat16;
  check({f16, {1, 1, 1}, 32});
  check({f16, {1, 30, 30}, 32});  // one tile, and one more pixel
  check({bf16, {2, 31, 31}, 16});
  check({f16, {1, 67, 7}, 16, true, 0});
  check({f16, {1, 66, 3}, 32, false, 2});   // stripes of 62 rows
  check({bf16, {1, 67, 2}, 16, false, 8});  // one, longer than the picture
  check({bf16, {1, 2, 67}, 20});
  check({f16, {1, 33, 47}, 32, true, 2, 5, 29, 32, 46});
  check_limits();
  return test_result();
}
