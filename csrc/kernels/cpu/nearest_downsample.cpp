#include "csrc/kernels/cpu/nearest_downsample.h"

namespace srdgan {
namespace {

float to_float(float value) { return value; }
// A true division: a multiplication by 1/255 would differ from PyTorch's x / 255 in the last bit.
float to_float(uint8_t value) { return static_cast<float>(value) / 255.0f; }

// The first value is sample `begin` of the whole output.
void add_noise_to_row(const SensorNoise& noise, int64_t begin, int64_t count, float* values) {
  NormalValues normal{};
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t index = static_cast<uint64_t>(begin + i);
    if (i == 0 || index % 4 == 0) normal = standard_normals(noise.seed, index / 4);
    values[i] = add_noise(values[i], noise, normal.value[index % 4]);
  }
}

template <typename T>
void downsample_rows(const T* input, const NearestDownsampleProblem& p, float* output, int64_t row_begin,
                     int64_t row_end) {
  const int64_t step = p.factor * p.stride[3];
  for (int64_t row = row_begin; row < row_end; ++row) {
    const int64_t y = row % p.out_height;
    const int64_t plane = row / p.out_height;
    const T* source = input + plane / p.channels * p.stride[0] + plane % p.channels * p.stride[1] +
                      (p.factor * y + p.phase) * p.stride[2] + p.phase * p.stride[3];
    float* target = output + row * p.out_width;
    for (int64_t x = 0; x < p.out_width; ++x) target[x] = to_float(source[x * step]);
    if (is_noisy(p.noise)) add_noise_to_row(p.noise, row * p.out_width, p.out_width, target);
  }
}

}  // namespace

void nearest_downsample(const float* input, const NearestDownsampleProblem& problem, float* output, int64_t row_begin,
                        int64_t row_end) {
  downsample_rows(input, problem, output, row_begin, row_end);
}

void nearest_downsample(const uint8_t* input, const NearestDownsampleProblem& problem, float* output, int64_t row_begin,
                        int64_t row_end) {
  downsample_rows(input, problem, output, row_begin, row_end);
}

}  // namespace srdgan
