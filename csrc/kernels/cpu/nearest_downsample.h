// Takes every factor-th sample of each row and column, starting at `phase`; bytes become floats in [0, 1] on the way.
// The noise of a sensor may be added: sample i of the dense output takes value i of the seed.
#pragma once

#include <cstdint>

#include "csrc/common/philox_noise.h"

namespace srdgan {

struct NearestDownsampleProblem {
  int64_t channels;
  int64_t stride[4];   // of the input (N, C, H, W), in elements
  int64_t out_height;  // ceil((H - phase) / factor)
  int64_t out_width;   // ceil((W - phase) / factor)
  int64_t factor;
  int64_t phase;
  SensorNoise noise;
};

// output (N, C, out_height, out_width), dense. Rows [row_begin, row_end) of the N * C * out_height output rows are
// computed, so that disjoint ranges can run at once.
void nearest_downsample(const float* input, const NearestDownsampleProblem& problem, float* output, int64_t row_begin,
                        int64_t row_end);
void nearest_downsample(const uint8_t* input, const NearestDownsampleProblem& problem, float* output, int64_t row_begin,
                        int64_t row_end);  // divides by 255

}  // namespace srdgan
