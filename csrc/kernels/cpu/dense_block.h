// A dense block (RDB): five 3x3 convolutions, each of which reads everything before it. In Winograd's domain, every
// feature is transformed once and read by all later convolutions: 192 input and 192 output transforms of a channel for
// 64 + 4 * 32 channels, where a block of separate convolutions takes 640 and 192. With products of bfloat16
// (bf16_conv.h), every feature is rounded once.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "csrc/common/wavefront.h"
#include "csrc/kernels/cpu/bf16_conv.h"
#include "csrc/kernels/cpu/feature_map.h"
#include "csrc/kernels/cpu/unit_grid.h"
#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

constexpr int64_t kDenseConvs = 5;

// What the convolutions of a block read: its input, and the outputs of all convolutions before.
class DenseInputs {
 public:
  DenseInputs(int64_t features, int64_t growth) : channels_{features, growth, growth, growth, growth} {}
  WinogradSegments of(int64_t conv) const { return {conv + 1, channels_}; }

 private:
  int64_t channels_[kDenseConvs];
};

// The parameters of a block.
template <typename Precision>
struct DenseWeights {
  PackedConv<Precision> convs[kDenseConvs];
  const float* levels;             // Int8: (points, depth), of everything that the last convolution reads
  const float* deviation_weights;  // Int8: (features), of the input, for the tiles' spreads
};

// Memory for a block's features. All blocks of a trunk use the same memory, one after the other.
class DenseWorkspace {
 public:
  // features and growth: padded channels. ring: rows of units that are kept. Precision: of the products.
  template <typename Precision>
  static DenseWorkspace of(const UnitGrid& grid, int64_t features, int64_t growth, int64_t ring) {
    if constexpr (std::is_same_v<Precision, Bfloat16>) {
      return DenseWorkspace(grid, features, growth, ring, Kind::kWindows, 0, 0);
    } else {
      return DenseWorkspace(grid, features, growth, ring,
                            std::is_same_v<Precision, Int8> ? Kind::kPointsAndMeans : Kind::kPoints, Precision::kTile,
                            sizeof(typename Precision::Input));
    }
  }

  const UnitGrid& grid() const { return grid_; }
  int64_t features() const { return features_; }
  int64_t growth() const { return growth_; }
  // Floats of a pixel of the growing features, which are numbers of bfloat16 where these are multiplied.
  int64_t growth_pixel() const { return kind_ == Kind::kWindows ? growth_ / 2 : growth_; }
  int64_t depth() const { return features_ + (kDenseConvs - 1) * growth_; }

  int64_t ring() const { return ring_; }

  int64_t floats() const;
  // Sets the memory for the rows; its contents do not matter.
  void use(float* memory);

  // Output of convolution 0..3 of a block whose row 0 is in slot `slot`. With Bfloat16 it stays in the windows.
  FeatureMap growth_map(int64_t index, int64_t slot) const;
  // Transformed features of a unit: (points, tiles, depth) with this distance between points.
  template <typename Precision>
  typename Precision::Input* transformed(int64_t slot, int64_t chunk) const {
    return reinterpret_cast<typename Precision::Input*>(slots() + slot * slot_floats()) +
           Precision::kPoints *
               (tiles(grid_.column_begin(chunk)) * depth() + chunk * kWinogradPointPadding<typename Precision::Input>);
  }
  // The window of a unit, with Bfloat16: groups of 32 channels, (depth / 32, window_pixels(chunk), 32).
  uint16_t* window(int64_t slot, int64_t chunk) const {
    return reinterpret_cast<uint16_t*>(slots() + slot * slot_floats()) + window_begin(chunk) * bf16_depth(depth());
  }
  int64_t window_pixels(int64_t chunk) const { return window_begin(chunk + 1) - window_begin(chunk); }
  // Of the unit's tiles, with Int8: means (tiles, depth) and spreads (tiles).
  float* means(int64_t slot, int64_t chunk) const {
    return slots() + slot * slot_floats() + points_floats() + tiles(grid_.column_begin(chunk)) * depth();
  }
  float* spreads(int64_t slot, int64_t chunk) const {
    return means(slot, 0) + tiles(grid_.width) * depth() + tiles(grid_.column_begin(chunk));
  }
  template <typename Precision>
  int64_t point_stride(int64_t chunk) const {
    return (tiles(grid_.column_end(chunk)) - tiles(grid_.column_begin(chunk))) * depth() +
           kWinogradPointPadding<typename Precision::Input>;
  }

 private:
  // What a slot holds: Winograd's points, with Int8 means and spreads behind them, or windows.
  enum class Kind { kPoints, kPointsAndMeans, kWindows };

  DenseWorkspace(const UnitGrid& grid, int64_t features, int64_t growth, int64_t ring, Kind kind, int64_t tile,
                 int64_t input_bytes)
      : grid_(grid),
        features_(features),
        growth_(growth),
        ring_(ring),
        kind_(kind),
        tile_(tile),
        input_bytes_(input_bytes) {}

  // Tiles in so many columns of a row of units.
  int64_t tiles(int64_t columns) const { return ceil_div(columns, tile_) * (grid_.unit_rows / tile_); }
  int64_t growth_floats() const {
    if (kind_ == Kind::kWindows) return 0;
    return FeatureMap::bordered_floats(ring_ * grid_.unit_rows, grid_.width, growth_pixel());
  }
  int64_t points_floats() const;
  // Pixels of all windows of a slot before this chunk's.
  int64_t window_begin(int64_t chunk) const {
    const int64_t columns = chunk == 0 ? 0 : grid_.column_end(chunk - 1);
    return (grid_.unit_rows + 2) * (columns + 2 * chunk) + kBf16WindowPadding * chunk;
  }
  int64_t slot_floats() const;
  float* slots() const { return memory_ + (kDenseConvs - 1) * growth_floats(); }

  UnitGrid grid_;
  int64_t features_;
  int64_t growth_;
  int64_t ring_;
  Kind kind_;
  int64_t tile_;
  int64_t input_bytes_;
  float* memory_ = nullptr;
};

// A block's place in a net.
struct DenseBlock {
  float negative_slope;
  float residual_scale;
  FeatureMap x;  // input; the output takes its place
  // Around three blocks (RRDB) there is another shortcut: then the output is outer + residual_scale * (output of this
  // block), and a copy of it becomes the next RRDB's shortcut.
  bool ends_rrdb;
  FeatureMap outer;
  FeatureMap copy;
  // For a picture in strips: the first row of units of each convolution in this strip, and the end of the last one.
  // Rows above were computed with earlier strips. Those that are still needed were carried over, as are those that the
  // next strip will need.
  int64_t begin[kDenseConvs];
  int64_t end;
  FeatureMap carried_x;  // one row: the input above row begin[4], whose place the output has taken
  FeatureMap carries_x;
  FeatureMap carried_growth[kDenseConvs - 1];
  FeatureMap carries_growth[kDenseConvs - 1];
};

// Convolution `index` of a block. Row r of units is in slot r + shift of the workspace, modulo its ring.
template <typename Precision>
std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace& workspace, const DenseWeights<Precision>& weights,
                                        const DenseBlock& block, CpuIsa isa, int index, int64_t shift);
std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace& workspace, const DenseWeights<Bfloat16>& weights,
                                        const DenseBlock& block, CpuIsa isa, int index, int64_t shift);

}  // namespace srdgan
