// 3x3 convolution (stride 1, zero padding 1) of numbers of 16 bits, bfloat16, whose products are summed as floats: for
// processors that multiply whole matrices of them (AMX). There it is faster than Winograd's algorithm with floats,
// though that has a fifth of the products.
//
// A *window* holds the inputs of some rows of outputs: (rows + 2, columns + 2) pixels, each a run of channels. Outputs
// are numbered as the window's pixels are: the inputs of output q are the pixels q + i * row_pixels + j, for i and j of
// 0, 1, 2. So any run of outputs is one matrix product, also across the ends of rows; what is computed for the two
// columns between rows is dropped.
//
// Every output is summed in one order, whatever outputs are computed together.
#pragma once

#include <cstdint>

#include "csrc/common/cpu_isa.h"
#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

struct Bfloat16 {
  using Input = uint16_t;
  using Weight = uint16_t;
};

constexpr int64_t kBf16Taps = 9;
constexpr int64_t kBf16Depth = 32;           // channels of a product: depths are multiples of this
constexpr int64_t kBf16PanelsAtOnce = 2;     // of 16 output channels
constexpr int64_t kBf16BlockNumbers = 1024;  // results of a product: 64 pixels of one panel, or 32 of two

constexpr int64_t bf16_depth(int64_t channels) { return (channels + kBf16Depth - 1) / kBf16Depth * kBf16Depth; }
constexpr int64_t bf16_block_pixels(int64_t panels) { return kBf16BlockNumbers / (kWinogradPanel * panels); }
// Pixels behind a window that its last block reads; what they hold does not matter.
constexpr int64_t kBf16WindowPadding = bf16_block_pixels(1) + 2;

// Floats to bfloat16, rounded to nearest, ties to even: a run of pixels into a window.
struct Bf16Input {
  const float* from;
  int64_t from_stride;
  int64_t pixels;
  int64_t channels;  // multiple of 16
  uint16_t* to;
  int64_t to_stride;
  bool pads;  // whether 16 zeros follow the channels, because a product would read what stands there
};

// sums[p][n] = sum over taps and channels of x[p + tap][k] * weight[tap][k][n], for a block of pixels.
struct Bf16Product {
  const uint16_t* x;     // the first tap's pixel of the first output
  int64_t pixel_stride;  // numbers
  int64_t row_pixels;
  int64_t depth;
  const uint16_t* weight;  // (depth / 32, 9, panels, 16, 16, 2): the last of pairs of channels
  int64_t panels;          // 1 or 2
  float* sums;             // (bf16_block_pixels(panels), 16 * panels), on a cache line
};

// What becomes of the sums: a run of pixels in one row.
struct Bf16Output {
  const float* sums;  // (pixels, channels)
  int64_t pixels;
  int64_t channels;  // multiple of 16
  const float* bias;
  WinogradEpilogue epilogue;
  float negative_slope;
  float scale;
  float* out;          // may be inner or outer
  float* copy;         // written like out, or null
  const float* inner;  // as the epilogue says
  const float* outer;
  int64_t pixel_stride;  // of all four
};

// One instruction set's implementation. A thread calls begin() before the first product, and end() after the last one.
struct Bf16Isa {
  void (*begin)();
  void (*convert)(const Bf16Input& input);
  void (*multiply)(const Bf16Product& product);
  void (*finish)(const Bf16Output& output);
  void (*end)();
};

// AMX where this processor has it and `isa` is its best, else portable code, which is slow.
const Bf16Isa& bf16_isa(CpuIsa isa);
const Bf16Isa& bf16_portable();
#if defined(__x86_64__)
const Bf16Isa& bf16_avx512_amx();
#endif

// Numbers of a packed convolution.
int64_t bf16_packed_size(const WinogradSegments& inputs, int64_t out_channels);

// Rounds and arranges weight (out_channels, in_channels, 3, 3), dense, for one panel.
void bf16_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, uint16_t* packed,
               int64_t panel);

// Where the weights of the product begin that starts with this panel, an even one.
constexpr int64_t bf16_panel_begin(int64_t panel, int64_t depth) {
  return panel * kWinogradPanel * kBf16Taps * bf16_depth(depth);
}

}  // namespace srdgan
