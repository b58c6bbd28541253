// 3x3 convolution (stride 1, zero padding 1) by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, 2016), in three steps
// that its callers arrange as they need: transform the input tiles, multiply at each of 36 points, transform back.
//
// A tile is 4x4 outputs and the 6x6 inputs around them. With the constant matrices B, G and A of this file's implementation
//
//   outputs = A' [ sum over channels of (G w G') * (B' inputs B) ] A
//
// where * is elementwise: 36 multiplications for 16 outputs in place of 144. At each of the 36 points, all tiles and channels
// together are one small matrix product. Transformed inputs can be kept and read by several convolutions: see rrdb_trunk.h.
//
// Every output is summed in one order, whatever tiles are computed together. Channels come in multiples of 16, filled up with
// zeros where a network has fewer.
#pragma once

#include <cstdint>

#include "csrc/common/cpu_isa.h"

namespace srdgan {

constexpr int64_t kWinogradTile = 4;     // outputs per axis of a tile
constexpr int64_t kWinogradWindow = 6;   // inputs per axis
constexpr int64_t kWinogradPoints = 36;  // products per tile and pair of channels
constexpr int64_t kWinogradPanel = 16;   // channels are padded to multiples of this

constexpr int64_t winograd_pad(int64_t channels) { return (channels + kWinogradPanel - 1) / kWinogradPanel * kWinogradPanel; }

// Step 1: a run of neighbouring tiles in one row of tiles.
struct WinogradInput {
  const float* rows[kWinogradWindow];  // six rows of pixels; each starts at the first tile's first column
  int64_t pixel_stride;
  int64_t tiles;
  int64_t channels;  // multiple of 16
  float* v;          // (36, tiles, channels)
  int64_t tile_stride;
  int64_t point_stride;
};

// Step 2: m[t][n] = sum over k of v[t][k] * weight[n / 16][k][n % 16], at one point.
struct WinogradProduct {
  const float* v;  // (tiles, depth)
  int64_t v_stride;
  const float* weight;       // (panels, depth, 16)
  const float* next_weight;  // what will be multiplied next; only fetched into a cache, so that any address will do
  int64_t depth;
  int64_t panels;
  int64_t tiles;
  float* m;  // (tiles, panels * 16)
  int64_t m_stride;
};

// What becomes of y = sum + bias.
enum class WinogradEpilogue {
  kActivation,      // out = leaky(y)
  kResidual,        // out = inner + scale * y
  kDoubleResidual,  // out = outer + scale * (inner + scale * y)
};

// Step 3: a run of neighbouring tiles in one row of tiles. Rows and columns beyond the picture are not stored.
struct WinogradOutput {
  const float* m;  // (36, tiles, channels)
  int64_t tile_stride;
  int64_t point_stride;
  int64_t tiles;
  int64_t channels;  // multiple of 16
  int64_t rows;      // 1..4 rows that are stored
  int64_t columns;   // 1..4 * tiles columns that are stored
  const float* bias;
  WinogradEpilogue epilogue;
  float negative_slope;  // 0..1; 1 leaves y as it is
  float scale;
  float* out[kWinogradTile];          // rows of pixels, each at the first tile's first column; may be one of the inputs
  float* copy[kWinogradTile];         // written like out, unless copy[0] is null
  const float* inner[kWinogradTile];  // as the epilogue says
  const float* outer[kWinogradTile];
  int64_t pixel_stride;  // of all four
};

// Floats between the points of a buffer of (36, tiles, channels) beyond its tiles: without them, neighbouring points would lie at
// multiples of 4 KiB and fight for one set of the first-level cache.
constexpr int64_t kWinogradPointPadding = 16;

// Output channels that are computed at a time, in panels: their sums at 36 points stay in the second-level cache.
constexpr int64_t kWinogradPanelsAtOnce = 2;

// One instruction set's implementation.
struct WinogradIsa {
  void (*transform_input)(const WinogradInput& input);
  void (*multiply)(const WinogradProduct& product);
  void (*transform_output)(const WinogradOutput& output);
};

const WinogradIsa& winograd_isa(CpuIsa isa);

const WinogradIsa& winograd_portable();
#if defined(__x86_64__)
const WinogradIsa& winograd_avx2();
const WinogradIsa& winograd_avx512();
#endif

// Floats for the sums of a run of tiles that winograd_multiply makes.
constexpr int64_t winograd_sums_floats(int64_t tiles) {
  return kWinogradPoints * (tiles * kWinogradPanelsAtOnce * kWinogradPanel + kWinogradPointPadding);
}

// Step 2 at all points, for up to kWinogradPanelsAtOnce panels of a convolution of `out_channels` from panel `panel` on.
// `product` has v (at point 0), v_stride, depth and tiles; `weight` is all of the convolution's. Returns where the sums are: an output
// of step 3 with everything about m and the number of channels.
WinogradOutput winograd_multiply(const WinogradIsa& isa, WinogradProduct product, int64_t point_stride, const float* weight,
                                 int64_t out_channels, int64_t panel, float* sums);

// The channels that a convolution reads: runs of channels, each padded to a multiple of 16 by itself.
struct WinogradSegments {
  int64_t count;
  const int64_t* channels;

  int64_t channels_in_all() const;
  int64_t depth() const;  // padded
};

// Floats of the packed weights: (36, panels, depth, 16).
int64_t winograd_packed_size(const WinogradSegments& inputs, int64_t out_channels);

// G w G' of weight (out_channels, in_channels, 3, 3), dense, for the panels [panel_begin, panel_end): call it for disjoint
// ranges at once, once per layer.
void winograd_pack(const float* weight, const WinogradSegments& inputs, int64_t out_channels, float* packed,
                   int64_t panel_begin, int64_t panel_end);

}  // namespace srdgan
