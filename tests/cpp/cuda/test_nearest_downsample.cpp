// The CUDA kernel, executed on the CPU, against the CPU's kernel.
#include <type_traits>

#include "csrc/kernels/cpu/nearest_downsample.h"
#include "csrc/kernels/cuda/nearest_downsample.h"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/run.h"

using namespace srdgan;

namespace {

constexpr int64_t kBatch = 2, kChannels = 3;

template <typename T>
void check_case(int64_t height, int64_t width, int64_t factor, int64_t phase, const int64_t (&stride)[4],
                const SensorNoise& noise = {}) {
  const int64_t count =
      1 + (kBatch - 1) * stride[0] + (kChannels - 1) * stride[1] + (height - 1) * stride[2] + (width - 1) * stride[3];
  std::vector<T> values;
  for (float value : random_floats(count, 1))
    values.push_back(std::is_same_v<T, float> ? static_cast<T>(value) : static_cast<T>(127 + 127 * value));
  simt::DeviceArray<T> x("x", values, simt::Access::kRead, alignof(T));

  const int64_t out_height = (height - phase + factor - 1) / factor, out_width = (width - phase + factor - 1) / factor;
  simt::DeviceArray<float> output("the output", kBatch * kChannels * out_height * out_width, alignof(float));
  const NearestDownsampleCudaProblem problem{
      kBatch, kChannels, {stride[0], stride[1], stride[2], stride[3]}, out_height, out_width, factor, phase, noise};
  const auto out =
      simt::run_in_each_order(output, [&] { return launch_nearest_downsample(x.data(), problem, output.data(), {}); });

  const NearestDownsampleProblem reference{
      kChannels, {stride[0], stride[1], stride[2], stride[3]}, out_height, out_width, factor, phase, noise};
  std::vector<float> truth(out.size());
  nearest_downsample(values.data(), reference, truth.data(), 0, kBatch * kChannels * out_height);
  CHECK(out == truth, "%ldx%ld, factor %ld, phase %ld", static_cast<long>(height), static_cast<long>(width),
        static_cast<long>(factor), static_cast<long>(phase));
}

}  // namespace

int main() {
  for (int64_t height : {1, 5, 8, 23}) {
    for (int64_t width : {1, 7, 67}) {
      for (int64_t factor : {1, 3, 4}) {
        for (int64_t phase : {int64_t{0}, factor / 2}) {
          if (height <= phase || width <= phase) continue;
          const int64_t area = height * width;
          check_case<float>(height, width, factor, phase, {kChannels * area, area, width, 1});
          check_case<uint8_t>(height, width, factor, phase, {kChannels * area, 1, kChannels * width, kChannels});
          check_case<float>(height, width, factor, phase, {2 * kChannels * area, 2 * area, 2 * width, 2},
                            {0.01f, 1e-4f, 0xfedcba9876543210});
        }
      }
    }
  }
  return test_result();
}
