// The checks of every op before it touches memory. The public functions in srdgan_rt/ops check the same rules first,
// with messages for users, but torch.ops can be called with any tensor.
#pragma once

#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/tensor.h>

#include <cstdint>
#include <optional>

#include "csrc/common/philox_noise.h"
#include "csrc/common/picture_limits.h"

namespace srdgan {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// Checks the number of dimensions, and that all values lie inside the storage, which can have been shrunk.
inline void check_tensor(const Tensor& t, int64_t dim, const char* name) {
  STD_TORCH_CHECK(t.dim() == dim, name, " must have ", dim, " dimensions, got ", t.dim());
  if (t.numel() == 0) return;
  int64_t bytes = 0, end = 0;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_storage_size(t.get(), &bytes));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_storage_offset(t.get(), &end));
  for (int64_t i = 0; i < dim; ++i) end += (t.size(i) - 1) * t.stride(i);
  STD_TORCH_CHECK((end + 1) * static_cast<int64_t>(t.element_size()) <= bytes, name, " has lost its storage");
}

inline void check_floats(const Tensor& t, int64_t dim, const char* name) {
  STD_TORCH_CHECK(t.scalar_type() == ScalarType::Float, name, " must be float32");
  check_tensor(t, dim, name);
}

inline void check_size(int64_t height, int64_t width) {
  STD_TORCH_CHECK(is_picture_size(height, width), "height and width must be 1..", kMaxSide, " and together at most ",
                  kMaxPixels, " pixels, got ", height, "x", width);
}

inline void check_slope(double negative_slope) {
  STD_TORCH_CHECK(negative_slope >= 0 && negative_slope <= 1, "negative_slope must be 0..1, got ", negative_slope);
}

// x (N, C, H, W)
inline void check_picture(const Tensor& x, int64_t channels, const char* name) {
  check_floats(x, 4, name);
  STD_TORCH_CHECK(x.size(1) == channels, name, " must have ", channels, " channels, got ", x.size(1));
  check_size(x.size(2), x.size(3));
}

// x (N, C_in, H, W) and bias (C_out) of a convolution.
inline void check_conv_input(const Tensor& x, const std::optional<Tensor>& bias, int64_t in_channels,
                             int64_t out_channels) {
  check_picture(x, in_channels, "x");
  if (!bias.has_value()) return;
  check_floats(*bias, 1, "bias");
  STD_TORCH_CHECK(bias->size(0) == out_channels, "bias must have ", out_channels, " values, got ", bias->size(0));
}

// weight (C_out, C_in, 3, 3)
inline void check_conv_weight(const Tensor& weight) {
  check_floats(weight, 4, "weight");
  STD_TORCH_CHECK(weight.size(2) == 3 && weight.size(3) == 3, "weight must be 3x3");
  STD_TORCH_CHECK(weight.size(0) > 0 && weight.size(1) > 0, "weight must not be empty");
}

constexpr int64_t kMaxNoise = 1000;  // far above any use, and small enough that nothing overflows

// x (N, C, H, W) uint8 or float32
inline void check_downsample(const Tensor& x, int64_t factor, int64_t phase) {
  check_tensor(x, 4, "x");
  STD_TORCH_CHECK(x.scalar_type() == ScalarType::Float || x.scalar_type() == ScalarType::Byte,
                  "x must be uint8 or float32");
  STD_TORCH_CHECK(factor >= 1, "factor must be at least 1, got ", factor);
  STD_TORCH_CHECK(phase >= 0 && phase < factor, "phase must be 0..", factor - 1, ", got ", phase);
  STD_TORCH_CHECK(x.size(2) > phase && x.size(3) > phase, "x must be larger than the phase ", phase);
}

inline SensorNoise make_noise(double shot_noise, double read_noise, int64_t seed) {
  STD_TORCH_CHECK(shot_noise >= 0 && shot_noise <= kMaxNoise, "shot_noise must be 0..", kMaxNoise, ", got ",
                  shot_noise);
  STD_TORCH_CHECK(read_noise >= 0 && read_noise <= kMaxNoise, "read_noise must be 0..", kMaxNoise, ", got ",
                  read_noise);
  return {static_cast<float>(shot_noise), static_cast<float>(read_noise * read_noise), static_cast<uint64_t>(seed)};
}

// Number of samples that are kept, without overflow for any factor.
inline int64_t downsampled_size(int64_t size, int64_t factor, int64_t phase) { return (size - phase - 1) / factor + 1; }

}  // namespace srdgan
