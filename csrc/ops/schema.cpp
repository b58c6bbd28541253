// The schema of every op. Kernels register themselves in cpu/<op>.cpp and cuda/<op>.cpp; shapes and gradients are in
// srdgan_rt/ops/<op>.py.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY(srdgan_rt, m) {
  m.def("cpu_isa() -> str");
  m.def("cpu_isas() -> str");
  m.def("dense_blocks(Tensor x, Tensor weights, float negative_slope) -> Tensor");
  m.def(
      "dense_layers(Tensor x, Tensor weights, Tensor bias, int growths, int growth_channels, int out_channels, "
      "float negative_slope, float out_slope, float residual_scale, bool bf16=False) -> (Tensor, Tensor)");
  m.def(
      "dense_layers_backward(Tensor grad, Tensor result, Tensor slab, Tensor weights, int in_channels, int growths, "
      "int growth_channels, float negative_slope, float out_slope, float residual_scale, bool wants_x, "
      "bool wants_weights, bool bf16=False) -> (Tensor, Tensor, Tensor)");
  m.def("has_fast_bf16() -> bool");
  m.def("has_fast_int8() -> bool");
  m.def("l2h_net(Tensor picture, Tensor weights, int scale, float negative_slope) -> Tensor");
  m.def(
      "l2h_net_cuda(Tensor picture, Tensor weights, int[] sizes, str precision, bool half_sums, float negative_slope) "
      "-> Tensor");
  m.def("l2h_net_cuda_pack(Tensor[] weights, Tensor[] biases, int[] sizes, str precision) -> Tensor");
  m.def("l2h_pack(str part, str[] names, Tensor[] tensors, str products, Tensor? ranges) -> Tensor");
  m.def("l2h_round_strip_rows(Tensor weights, int height, int width, int rows) -> int");
  m.def("l2h_state_floats(Tensor weights, int height, int width, int strip_rows) -> int");
  m.def(
      "l2h_strip(Tensor rows, Tensor weights, Tensor(a!) state, int scale, float negative_slope, int height, "
      "int strip_rows, int known_before) -> Tensor");
  m.def("l2h_tail(Tensor x, Tensor weights, int scale, float negative_slope) -> Tensor");
  m.def("l2h_workspace_floats(Tensor weights, int height, int width, int strip_rows) -> int");
  m.def("nearest_downsample(Tensor x, int factor, int phase, float shot_noise, float read_noise, int seed) -> Tensor");
  m.def("upsample_conv(Tensor x, Tensor weight, Tensor? bias, float negative_slope) -> Tensor");
  m.def("upsample_conv_pack(Tensor weight) -> Tensor");
  m.def(
      "upsample_conv_packed(Tensor x, Tensor packed, Tensor? bias, int out_channels, float negative_slope) -> Tensor");
  m.def("winograd_int8_matrices() -> (float[], float[], float[])");
}
