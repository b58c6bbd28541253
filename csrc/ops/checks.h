// Guards against out-of-bounds reads when an op is called past its Python function, which checks the same rules with
// messages fit for users.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include <cstdint>
#include <optional>

namespace srdgan {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

inline void check_dim(const Tensor& t, int64_t dim, const char* name) {
  STD_TORCH_CHECK(t.dim() == dim, name, " must have ", dim, " dimensions, got ", t.dim());
}

inline void check_float32(const Tensor& t, const char* name) {
  STD_TORCH_CHECK(t.scalar_type() == ScalarType::Float, name, " must be float32");
}

// x (N, C_in, H, W) and bias (C_out) of a convolution.
inline void check_conv_input(const Tensor& x, const std::optional<Tensor>& bias, int64_t in_channels,
                             int64_t out_channels) {
  check_dim(x, 4, "x");
  check_float32(x, "x");
  STD_TORCH_CHECK(x.size(1) == in_channels && in_channels > 0, "x must have ", in_channels, " channels, got ",
                  x.size(1));
  STD_TORCH_CHECK(x.size(2) > 0 && x.size(3) > 0, "x must not be empty");
  if (!bias.has_value()) return;
  check_dim(*bias, 1, "bias");
  check_float32(*bias, "bias");
  STD_TORCH_CHECK(bias->size(0) == out_channels, "bias must have ", out_channels, " values, got ", bias->size(0));
}

// weight (C_out, C_in, 3, 3)
inline void check_conv_weight(const Tensor& weight) {
  check_dim(weight, 4, "weight");
  check_float32(weight, "weight");
  STD_TORCH_CHECK(weight.size(2) == 3 && weight.size(3) == 3, "weight must be 3x3");
  STD_TORCH_CHECK(weight.size(0) > 0 && weight.size(1) > 0, "weight must not be empty");
}

// x (N, C, H, W) uint8 or float32
inline void check_downsample(const Tensor& x, int64_t factor, int64_t phase) {
  check_dim(x, 4, "x");
  STD_TORCH_CHECK(x.scalar_type() == ScalarType::Float || x.scalar_type() == ScalarType::Byte,
                  "x must be uint8 or float32");
  STD_TORCH_CHECK(factor >= 1 && phase >= 0 && phase < factor, "phase must be 0..", factor - 1, ", got ", phase);
  STD_TORCH_CHECK(x.size(2) > phase && x.size(3) > phase, "x must be larger than the phase ", phase);
}

}  // namespace srdgan
