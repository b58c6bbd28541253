// The CUDA kernel, executed on the CPU, against the plain loops of its definition.
#include <algorithm>

#include "csrc/kernels/cuda/upsample_conv.h"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/run.h"
#include "tests/cpp/upsample_conv_reference.h"

using namespace srdgan;

namespace {

void check_case(int64_t batch, const UpsampleConvSizes& s, bool has_bias = true, float negative_slope = 0.2f) {
  const auto values = random_floats(batch * s.height * s.width * s.in_channels, 1);
  const auto weights = random_floats(s.out_channels * s.in_channels * 9, 2);
  const auto biases = has_bias ? random_floats(s.out_channels, 3) : std::vector<float>{};
  constexpr auto kRead = simt::Access::kRead;
  simt::DeviceArray<float> input("the input", values, kRead, alignof(float));
  simt::DeviceArray<float> weight("the weight", weights, kRead, alignof(float));
  simt::DeviceArray<float> bias("the bias", biases, kRead, alignof(float));
  simt::DeviceArray<float> phase_weights("the phase weights",
                                         kUpsampleConvPhaseMatrices * s.in_channels * s.out_channels, alignof(float));
  simt::DeviceArray<float> output("the output", batch * 4 * s.height * s.width * s.out_channels, alignof(float));

  simt::run_in_each_order(phase_weights, [&] {
    return launch_upsample_conv_phases(weight.data(), s.in_channels, s.out_channels, phase_weights.data(), {});
  });
  const UpsampleConvCudaProblem problem{input.data(),
                                        phase_weights.data(),
                                        has_bias ? bias.data() : nullptr,
                                        output.data(),
                                        batch,
                                        s.height,
                                        s.width,
                                        s.in_channels,
                                        s.out_channels,
                                        negative_slope};
  const auto out = simt::run_in_each_order(output, [&] { return launch_upsample_conv(problem, {}); });

  double worst = 0.0;
  for (int64_t n = 0; n < batch; ++n) {
    const auto truth = upsample_conv_reference(s, values.data() + n * s.height * s.width * s.in_channels, weights,
                                               biases, negative_slope);
    for (size_t i = 0; i < truth.size(); ++i) {
      const double error = std::abs(out[n * truth.size() + i] - truth[i]);
      worst = error <= worst ? worst : error;  // a NaN becomes the worst
    }
  }
  const double bound = 1e-5 * std::sqrt(9.0 * static_cast<double>(s.in_channels));
  CHECK(worst <= bound, "%ldx%ldx%ld -> %ld channels: error %g", static_cast<long>(s.height),
        static_cast<long>(s.width), static_cast<long>(s.in_channels), static_cast<long>(s.out_channels), worst);
}

}  // namespace

int main() {
  for (int64_t height : {1, 2, 7}) {
    for (int64_t width : {1, 9, 30}) check_case(1, {height, width, 3, 5});
  }
  for (int64_t in_channels : {1, 16, 33}) {
    for (int64_t out_channels : {1, 32, 65}) check_case(2, {3, 5, in_channels, out_channels});
  }
  check_case(1, {4, 4, 8, 8}, false);
  check_case(1, {4, 4, 8, 8}, true, 0.0f);
  check_case(1, {4, 4, 8, 8}, true, 1.0f);
  return test_result();
}
