// nearest_downsample against the plain loops of its definition, in three memory layouts.
#include <type_traits>

#include "csrc/kernels/cpu/nearest_downsample.h"
#include "tests/cpp/check.h"

using namespace srdgan;

namespace {

constexpr int64_t kBatch = 2, kChannels = 3;

template <typename T>
void check_case(int64_t height, int64_t width, int64_t factor, int64_t phase, const int64_t (&stride)[4]) {
  if (height <= phase || width <= phase) return;
  const auto random = random_floats(2 * kBatch * kChannels * height * width, 1);
  std::vector<T> x;
  for (float value : random)
    x.push_back(std::is_same_v<T, float> ? static_cast<T>(value) : static_cast<T>(127 + 127 * value));

  NearestDownsampleProblem problem{};
  problem.channels = kChannels;
  for (int i = 0; i < 4; ++i) problem.stride[i] = stride[i];
  problem.out_height = (height - phase + factor - 1) / factor;
  problem.out_width = (width - phase + factor - 1) / factor;
  problem.factor = factor;
  problem.phase = phase;

  std::vector<float> truth;
  for (int64_t n = 0; n < kBatch; ++n)
    for (int64_t c = 0; c < kChannels; ++c)
      for (int64_t i = phase; i < height; i += factor)
        for (int64_t j = phase; j < width; j += factor) {
          const T value = x[n * stride[0] + c * stride[1] + i * stride[2] + j * stride[3]];
          truth.push_back(std::is_same_v<T, float> ? static_cast<float>(value) : static_cast<float>(value) / 255.0f);
        }

  std::vector<float> out(truth.size(), -1.0f);
  const int64_t rows = kBatch * kChannels * problem.out_height;
  for (int64_t row = rows; row-- > 0;) nearest_downsample(x.data(), problem, out.data(), row, row + 1);
  CHECK(out == truth, "%ldx%ld, factor %ld, phase %ld", static_cast<long>(height), static_cast<long>(width),
        static_cast<long>(factor), static_cast<long>(phase));
}

}  // namespace

int main() {
  for (int64_t height : {1, 2, 7, 8, 13}) {
    for (int64_t width : {1, 2, 7, 8, 13}) {
      for (int64_t factor : {1, 2, 3, 4}) {
        for (int64_t phase = 0; phase < factor; ++phase) {
          const int64_t area = height * width;
          const int64_t nchw[4] = {kChannels * area, area, width, 1};
          const int64_t nhwc[4] = {kChannels * area, 1, kChannels * width, kChannels};
          const int64_t every_other[4] = {2 * kChannels * area, 2 * area, 2 * width, 2};
          check_case<float>(height, width, factor, phase, nchw);
          check_case<float>(height, width, factor, phase, nhwc);
          check_case<float>(height, width, factor, phase, every_other);
          check_case<uint8_t>(height, width, factor, phase, nchw);
          check_case<uint8_t>(height, width, factor, phase, nhwc);
          check_case<uint8_t>(height, width, factor, phase, every_other);
        }
      }
    }
  }
  return test_result();
}
