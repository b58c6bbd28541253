// Activation ranges for int8, which lie in a file beside the weights (srdgan_rt/checkpoint/ranges.py).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "csrc/kernels/cpu/l2h_pack.h"

namespace srdgan {

// The bytes of the file with the ranges of a model: model.int8.safetensors beside model.safetensors. Throws Failure.
std::vector<uint8_t> read_ranges_file(const char* model_path);

// Of all dense blocks, one after another.
struct Ranges {
  std::vector<float> values;
  std::vector<int64_t> shape;  // blocks, points, channels

  FloatTensor tensor() const { return {values.data(), shape}; }
};

// Throws Failure unless the file holds ranges of this network. The packer checks their shape.
Ranges read_ranges(const uint8_t* file, size_t bytes, const NamedTensors& network);

}  // namespace srdgan
