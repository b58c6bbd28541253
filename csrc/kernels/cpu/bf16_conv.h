// 3x3 convolution (stride 1, zero padding 1) of numbers of 16 bits, bfloat16, whose products are summed as floats: for
// processors that multiply whole matrices of them (AMX). There it is faster than Winograd's algorithm with floats,
// though that has a fifth of the products.
//
// A *window* holds the inputs of some rows of outputs: (rows + 2, columns + 2) pixels, each a run of channels. Outputs
// are numbered as the window's pixels are: the inputs of output q are the pixels q + i * row_pixels + j, for i and j of
// 0, 1, 2. So any run of outputs is one matrix product, also across the ends of rows; what is computed for the two
// columns between rows is dropped.
//
// A *split map* holds every channel in two parts, the number rounded and what the rounding left, together 16 bits of
// precision: 64 numbers for 32 channels, first the one part of all, then the other. Both are multiplied by the same
// weights. It is for the layers behind the dense blocks, whose features carry the whole picture and not a change of it.
//
// Every output is summed in one order, whatever outputs are computed together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "csrc/common/cpu_isa.h"
#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

struct Bfloat16 {
  using Input = uint16_t;
  using Weight = uint16_t;
};

constexpr int64_t kBf16Taps = 9;  // of a 3x3 convolution
// A convolution after nearest x2 enlargement is four of 2x2 taps, the phases.
constexpr int64_t kBf16Phases = 4;
constexpr int64_t kBf16PhaseTaps = 4;
constexpr int64_t kBf16Depth = 32;           // channels of a product: depths are multiples of this
constexpr int64_t kBf16PanelsAtOnce = 2;     // of 16 output channels
constexpr int64_t kBf16BlockNumbers = 1024;  // results that are summed at once: 64 pixels of one panel, or 32 of two
// Blocks of a product, before its sums are used: the processor cannot compute the next one while sums are waited for.
constexpr int64_t kBf16BlocksAtOnce = 4;
constexpr int64_t kBf16SumsFloats = kBf16BlocksAtOnce * kBf16BlockNumbers;

constexpr int64_t bf16_depth(int64_t channels) { return (channels + kBf16Depth - 1) / kBf16Depth * kBf16Depth; }
constexpr int64_t bf16_block_pixels(int64_t panels) { return kBf16BlockNumbers / (kWinogradPanel * panels); }
// Pixels behind a window that its last block reads; what they hold does not matter.
constexpr int64_t kBf16WindowPadding = bf16_block_pixels(1) + 2;

// Floats, multiplied by a scale, to bfloat16, rounded to nearest, ties to even: a run of pixels into a window.
struct Bf16Input {
  const float* from;
  int64_t from_stride;
  int64_t pixels;
  int64_t channels;  // multiple of 16
  uint16_t* to;
  int64_t to_stride;
  float scale;
  bool pads;  // whether 16 zeros follow the channels, because a product would read what stands there
};

// Numbers that are rounded already: a run of pixels into a window.
struct Bf16Copy {
  const uint16_t* from;
  int64_t from_stride;
  int64_t pixels;
  int64_t channels;  // multiple of 16
  uint16_t* to;
  int64_t to_stride;
  bool pads;  // as of Bf16Input
};

// sums[p][n] = sum over taps and channels of x[p + tap][k] * weight[tap][k][n], for up to kBf16BlocksAtOnce blocks of
// pixels.
struct Bf16Product {
  const uint16_t* rows[3];  // the first output's first pixel in each row of taps
  int64_t taps;             // rows and columns of taps: 3 or, of a split map, 2
  int64_t pixel_stride;     // numbers
  int64_t group_stride;     // from 32 channels of a pixel to the next 32
  int64_t depth;
  bool split;              // x is a split map
  const uint16_t* weight;  // (depth / 32, taps * taps, panels, 16, 16, 2): the last of pairs of channels
  int64_t panels;          // 1 or 2
  int64_t pixels;          // that are needed; the others of the last block may become anything
  float* sums;             // (pixels of whole blocks, 16 * panels), on a cache line
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

// Floats, or what becomes of sums, in a split map.
struct Bf16Split {
  const float* sums;
  int64_t sums_stride;
  int64_t pixels;
  int64_t channels;   // multiple of 32
  const float* bias;  // null: the sums are taken as they are; else leaky(sums + bias)
  float negative_slope;
  uint16_t* out;
  int64_t out_stride;  // numbers
};

// What becomes of the sums where they are multiplied again: features or, in training, the gradients of features.
struct Bf16Features {
  const float* sums;
  int64_t sums_stride;  // from pixel to pixel
  int64_t pixels;
  int64_t channels;  // multiple of 16
  const float* bias;
  float negative_slope;
  const uint16_t* features;  // null: out = leaky(y); else backward through the LeakyReLU that made these features
  int64_t features_stride;
  uint16_t* out;
  int64_t out_stride;
  bool pads;  // as of Bf16Input
};

// Turns 32 channels of a run of pixels, a multiple of 32, into planes (32, pixels).
struct Bf16Planes {
  const uint16_t* from;
  int64_t from_stride;
  int64_t pixels;
  uint16_t* to;
  int64_t to_stride;
};

// Puts every two pixels side by side: (pixels / 2, channels, 2). Pixels is even.
struct Bf16Pairs {
  const uint16_t* from;
  int64_t from_stride;
  int64_t pixels;
  int64_t channels;  // multiple of 16
  uint16_t* to;
  int64_t to_stride;
};

// sums[n][k] = sum over pixels of grad[n][pixel] * x[pixel][k], or adds that to the sums. A tap moves x by some pixels.
// So x lies in pairs, whose runs of channels stay whole cache lines: planes would be read across lines, at half the
// speed.
struct Bf16WeightProduct {
  const uint16_t* grad;  // planes (outputs, pixels)
  int64_t grad_stride;
  int64_t outputs;    // 16 or 32
  const uint16_t* x;  // (pixels / 2, inputs, 2)
  int64_t x_stride;   // may be 0, where all pixels are alike
  int64_t inputs;     // 16 or 32
  int64_t pixels;     // multiple of 32
  float* sums;
  int64_t sums_stride;
  bool adds;
};

// One instruction set's implementation. A thread calls begin() before the first product, and end() after the last one.
struct Bf16Isa {
  void (*begin)();
  void (*convert)(const Bf16Input& input);
  void (*copy)(const Bf16Copy& copy);
  void (*multiply)(const Bf16Product& product);
  void (*finish)(const Bf16Output& output);
  void (*split)(const Bf16Split& split);
  void (*finish_features)(const Bf16Features& features);
  void (*make_planes)(const Bf16Planes& planes);
  void (*make_pairs)(const Bf16Pairs& pairs);
  void (*multiply_weights)(const Bf16WeightProduct& product);
  void (*end)();
};

// A 3x3 convolution of a whole window of `height` rows of outputs, for the panels of `product`, whose rows and pixels
// are set here. visit(sums, y, x, pixels): the sums of a run of outputs in one row, without the two between rows.
template <typename Visit>
void bf16_convolve_window(const Bf16Isa& isa, Bf16Product product, const uint16_t* window, int64_t row_pixels,
                          int64_t height, const Visit& visit) {
  product.taps = 3;
  const int64_t columns = row_pixels - 2, outputs = product.panels * kWinogradPanel, end = height * row_pixels;
  const int64_t at_once = kBf16BlocksAtOnce * bf16_block_pixels(product.panels);
  for (int64_t q = 0; q < end; q += at_once) {
    for (int64_t i = 0; i < 3; ++i) product.rows[i] = window + (q + i * row_pixels) * product.pixel_stride;
    product.pixels = std::min(at_once, end - q);
    isa.multiply(product);
    for (int64_t begin = q; begin < q + product.pixels;) {
      const int64_t y = begin / row_pixels, x = begin % row_pixels;
      const int64_t next = std::min((y + 1) * row_pixels, q + product.pixels);
      const int64_t pixels = std::min(next, y * row_pixels + columns) - begin;
      if (pixels > 0) visit(product.sums + (begin - q) * outputs, y, x, pixels);
      begin = next;
    }
  }
}

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

// The same for one segment of inputs, whose weights may have other strides: output n, input k and tap i are
// weight[n * out_stride + k * in_stride + i]. Channels that pad are not written.
struct Bf16Weights {
  const float* weight;
  int64_t out_stride;
  int64_t in_stride;
  int64_t taps = kBf16Taps;
  bool mirrored = false;  // takes tap 8 - i for i
  // What rounding takes from a tap is added to the next smaller one. So their sum, which is what a constant is
  // multiplied by, is nearly exact, and neighbouring pixels, which are alike, get errors that cancel.
  bool passes_errors_on = false;
  int64_t out_channels;
  int64_t panels;  // of all outputs
  int64_t in_channels;
  int64_t begin = 0;  // of the segment
  int64_t depth;      // of all segments, padded
  uint16_t* packed;   // of the whole convolution
};
void bf16_pack_segment(const Bf16Weights& weights, int64_t panel);
// Zeros for all of a panel.
void bf16_clear_panel(const Bf16Weights& weights, int64_t panel);

// Where the weights of the product begin that starts with this panel, an even one.
constexpr int64_t bf16_panel_begin(int64_t panel, int64_t depth, int64_t taps = kBf16Taps) {
  return panel * kWinogradPanel * taps * bf16_depth(depth);
}

// A layer whose input is a split map.
struct Bf16SplitLayer {
  int64_t in_channels;
  int64_t out_channels;
  int64_t padded_outputs;  // to a multiple of 32 for another split map, else of 16

  int64_t depth() const { return bf16_depth(in_channels); }
  int64_t panels() const { return padded_outputs / kWinogradPanel; }
  int64_t packed_size(int64_t taps) const { return taps * depth() * padded_outputs; }
};
// weight: (out_channels, in_channels, 3, 3), dense; for one panel of 16 outputs.
void bf16_pack_split(const float* weight, const Bf16SplitLayer& layer, uint16_t* packed, int64_t panel);
// The four phases of a convolution after nearest x2 enlargement, one after the other: phase 2 i + j makes the outputs
// of rows 2 y + i and columns 2 x + j from the 2x2 pixels from row y + i - 1 and column x + j - 1 on.
void bf16_pack_phases(const float* weight, const Bf16SplitLayer& layer, uint16_t* packed, int64_t panel);

}  // namespace srdgan
