// 3x3 convolution (stride 1, zero padding 1) by Winograd's minimal filtering F(m x m, 3x3) (Lavin and Gray, 2016), in
// three steps that its callers arrange as they need: transform the input tiles, multiply at each of (m + 2)^2 points,
// transform back.
//
// A tile is m x m outputs and the (m + 2) x (m + 2) inputs around them. With the constant matrices B, G and A of
// winograd_points.h
//
//   outputs = A' [ sum over channels of (G w G') * (B' inputs B) ] A
//
// where * is elementwise: for m = 6, 64 multiplications for 36 outputs in place of 324. At each of the points, all
// tiles and channels together are one small matrix product. Transformed inputs can be kept and read by several
// convolutions: see dense_block.h.
//
// Every output is summed in one order, whatever tiles are computed together. Channels come in multiples of 16, filled
// up with zeros where a network has fewer.
//
// Products are of floats or of bytes. Bytes hold the difference of a tile's inputs from their mean, because features
// vary little within a tile. The means are multiplied in float: the convolution of a constant is the constant times the
// sum of the taps. So flat areas have no rounding error. Every tile has a scale of its own, its spread: what the
// block's input varies by in this tile, in units of what is typical. So quiet areas have small rounding errors, and
// edges are not cut off. Transformed inputs become bytes with a level (a scale) for every point and channel, because
// points and channels differ in size. Rounding errors are also why the tiles of bytes are smaller.
#pragma once

#include <cstdint>

#include "csrc/common/cpu_isa.h"
#include "csrc/kernels/cpu/winograd_points.h"

namespace srdgan {

constexpr int64_t kWinogradPanel = 16;  // channels are padded to multiples of this

constexpr int64_t winograd_pad(int64_t channels) {
  return (channels + kWinogradPanel - 1) / kWinogradPanel * kWinogradPanel;
}

template <int64_t kOutputs>
struct WinogradTile {
  static constexpr int64_t kTile = kOutputs;             // outputs per axis
  static constexpr int64_t kWindow = kTile + 2;          // inputs per axis
  static constexpr int64_t kPoints = kWindow * kWindow;  // products per tile and pair of channels
};

// The types that are multiplied, and the type of their sum.
struct Float32 : WinogradTile<6> {
  using Input = float;
  using Weight = float;
  using Sum = float;
};

// Floats in smaller tiles, which are more exact: for training, whose patches of 32x32 they fill without remainder.
struct Float32Training : WinogradTile<4> {
  using Input = float;
  using Weight = float;
  using Sum = float;
};

// A transformed input x, without its tile's mean, is the byte round(x / spread * level) + 128, cut off at 1 and 255; a
// weight is -127..127. Sums are exact.
struct Int8 : WinogradTile<4> {
  using Input = uint8_t;
  using Weight = int8_t;
  using Sum = int32_t;
};

constexpr int32_t kInt8Zero = 128;        // the byte that stands for 0
constexpr int32_t kInt8InputLimit = 127;  // the largest transformed input of the calibration, in steps
constexpr int32_t kInt8WeightLimit = 127;
// A tile's spread is at least this: what later convolutions make of its surroundings may vary more than its input.
constexpr float kInt8SmallestSpread = 0.05f;
// Rows of a dense block's ranges: one for each point, and one of deviations for the spread.
constexpr int64_t kInt8RangeRows = Int8::kPoints + 1;

// Step 1: a run of neighbouring tiles in one row of tiles.
template <typename Precision>
struct WinogradInput {
  const float* rows[Precision::kWindow];  // of pixels; each starts at the first tile's first column
  int64_t pixel_stride;
  int64_t tiles;
  int64_t channels;              // multiple of 16
  typename Precision::Input* v;  // (points, tiles, channels)
  int64_t tile_stride;
  int64_t point_stride;
  const float* levels;  // Int8: (points, channels)
  int64_t levels_stride;
  float* means;  // Int8: (tiles, channels), of the tiles' inner kTile x kTile inputs
  int64_t means_stride;
  float* spreads;                  // Int8: (tiles)
  const float* deviation_weights;  // Int8: (channels), of the squares that spreads are the root of; null: use spreads
};

// Step 2: m[t][n] = start[n] + sum over k of v[t][k] * weight[n / 16][k][n % 16], at one point. With bytes that is the
// sum of (v[t][k] - zero byte) * weight, and an instruction set that multiplies signed bytes computes it so.
template <typename Precision>
struct WinogradProduct {
  const typename Precision::Input* v;  // (tiles, depth)
  int64_t v_stride;
  const typename Precision::Weight* weight;  // (panels, depth, 16); Int8: (panels, depth / 4, 16, 4)
  const typename Precision::Weight*
      next_weight;       // the weights of the next product, fetched into a cache; any address is allowed
  const int32_t* start;  // Int8: (panels * 16), minus the sum of the weights times the zero byte of the inputs
  int64_t depth;
  int64_t channels;  // outputs that are needed; the others of the last panel may be computed or not
  int64_t tiles;
  typename Precision::Sum* m;  // (tiles, panels * 16)
  int64_t m_stride;
};

// What the output is, from y = sum + bias.
enum class WinogradEpilogue {
  kActivation,      // out = leaky(y)
  kResidual,        // out = inner + scale * y
  kDoubleResidual,  // out = outer + scale * (inner + scale * y)
  kGradient,        // out = inner > 0 ? y : negative_slope * y: backward through the LeakyReLU whose result is inner
};

// Step 3: a run of neighbouring tiles in one row of tiles. Rows and columns beyond the picture are not stored.
template <typename Precision>
struct WinogradOutput {
  const typename Precision::Sum* m;  // (points, tiles, channels)
  int64_t tile_stride;
  int64_t point_stride;
  const float* steps;  // Int8: (points, channels), the value of one unit of a sum
  int64_t steps_stride;
  const float* constants;  // Int8: (tiles, channels) as m, what the tiles' means add to all their outputs
  const float* spreads;    // Int8: (tiles)
  int64_t tiles;
  int64_t channels;  // that are stored: these, or as many as there are vectors of them
  int64_t rows;      // that are stored, at least 1
  int64_t columns;   // that are stored
  const float* bias;
  WinogradEpilogue epilogue;
  float negative_slope;  // 0..1; 1 leaves y as it is
  float scale;
  float* out[Precision::kTile];   // rows of pixels, each at the first tile's first column; may be one of the inputs
  float* copy[Precision::kTile];  // written like out, unless copy[0] is null
  const float* inner[Precision::kTile];  // as the epilogue says
  const float* outer[Precision::kTile];
  int64_t pixel_stride;  // of all four
};

// Elements between the points of a buffer of (points, tiles, channels) beyond its tiles, a cache line: without them,
// neighbouring points would lie at multiples of 4 KiB and fight for one set of the first-level cache.
template <typename Element>
constexpr int64_t kWinogradPointPadding = 64 / sizeof(Element);

// Output channels that are computed at a time, in panels: their sums at all points stay in the second-level cache.
constexpr int64_t kWinogradPanelsAtOnce = 2;

// One instruction set's implementation.
template <typename Precision>
struct WinogradIsa {
  void (*transform_input)(const WinogradInput<Precision>& input);
  void (*multiply)(const WinogradProduct<Precision>& product);
  void (*transform_output)(const WinogradOutput<Precision>& output);
};

template <typename Precision>
const WinogradIsa<Precision>& winograd_isa(CpuIsa isa);
template <>
const WinogradIsa<Float32>& winograd_isa<Float32>(CpuIsa isa);
template <>
const WinogradIsa<Int8>& winograd_isa<Int8>(CpuIsa isa);

const WinogradIsa<Float32>& winograd_portable();
const WinogradIsa<Int8>& winograd_int8_portable();
#if defined(__x86_64__)
const WinogradIsa<Float32>& winograd_avx2();
const WinogradIsa<Float32>& winograd_avx512();
const WinogradIsa<Int8>& winograd_int8_avx2();
const WinogradIsa<Int8>& winograd_int8_avx_vnni();
const WinogradIsa<Int8>& winograd_int8_avx512_vnni();
const WinogradIsa<Int8>& winograd_int8_avx512_amx();
#elif defined(__aarch64__)
const WinogradIsa<Float32>& winograd_neon();
const WinogradIsa<Int8>& winograd_int8_neon();
const WinogradIsa<Int8>& winograd_int8_neon_dotprod();
const WinogradIsa<Int8>& winograd_int8_neon_i8mm();
#endif

// Floats for the sums of a run of tiles that winograd_multiply makes.
template <typename Precision>
constexpr int64_t winograd_sums_floats(int64_t tiles) {
  return Precision::kPoints * (tiles * kWinogradPanelsAtOnce * kWinogradPanel + kWinogradPointPadding<float>);
}

// Floats for what winograd_multiply_means makes.
constexpr int64_t winograd_constants_floats(int64_t tiles) { return tiles * kWinogradPanelsAtOnce * kWinogradPanel; }

// A 3x3 convolution as winograd_pack leaves it.
template <typename Precision>
struct PackedConv {
  const typename Precision::Weight* weight;
  const float* bias;      // padded like the channels
  const int32_t* start;   // Int8: (points, channels), of the products
  const float* steps;     // Int8: (points, channels), of the output
  const float* tap_sums;  // Int8: (panels, depth, 16), the sum of the nine taps
};

// Step 2 at all points, for up to kWinogradPanelsAtOnce panels of a convolution to `out_channels` from panel `panel`
// on. `product` has v (at point 0), v_stride, depth, tiles, and the channels that are needed from there on. Returns an
// output of step 3 with all about the sums, the channels and the bias.
template <typename Precision>
WinogradOutput<Precision> winograd_multiply(const WinogradIsa<Precision>& isa, WinogradProduct<Precision> product,
                                            int64_t point_stride, const PackedConv<Precision>& conv,
                                            int64_t out_channels, int64_t panel, float* sums);

// What the tiles' means add to the same panels: (tiles, depth) times the sums of the taps, into `output.constants`,
// which `constants` becomes. `means` has v, v_stride, depth and tiles; the channels are those of `output`.
void winograd_multiply_means(const WinogradIsa<Float32>& isa, WinogradProduct<Float32> means,
                             const PackedConv<Int8>& conv, int64_t panel, float* constants,
                             WinogradOutput<Int8>& output);

// The channels that a convolution reads: runs of channels, each padded to a multiple of 16 by itself.
struct WinogradSegments {
  int64_t count;
  const int64_t* channels;

  int64_t channels_in_all() const;
  int64_t depth() const;  // padded
};

// Weights in all, with those that pad: (points, panels, depth, 16).
template <typename Precision>
int64_t winograd_packed_size(const WinogradSegments& inputs, int64_t out_channels) {
  return Precision::kPoints * inputs.depth() * winograd_pad(out_channels);
}

// G w G' of weight (out_channels, in_channels, 3, 3), dense, for the panels [panel_begin, panel_end): call it for
// disjoint ranges at once, once per layer.
void winograd_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, float* packed,
                   int64_t panel_begin, int64_t panel_end);

// Weights of the spread from the typical deviations (channels) of a block's input from its tiles' means: (padded).
void winograd_pack_deviations(const float* deviations, int64_t channels, float* weights);

// Levels (points, depth) for inputs that stay below ranges (points, channels_in_all).
void winograd_pack_levels(const float* ranges, const WinogradSegments& inputs, float* levels);

// winograd_pack for Int8, for one panel: weights divided by the levels of their inputs and rounded to steps of their
// own for every point and output channel; start and steps as in PackedConv.
void winograd_pack_int8(const float* weight, const WinogradSegments& inputs, int64_t out_channels, const float* levels,
                        int64_t levels_stride, int8_t* packed, int32_t* start, float* steps, int64_t panel);

// Its tap_sums, for one panel.
void winograd_pack_tap_sums(const float* weight, const WinogradSegments& inputs, int64_t out_channels, float* tap_sums,
                            int64_t panel);

}  // namespace srdgan
