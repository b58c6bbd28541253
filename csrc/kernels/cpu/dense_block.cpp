#include "csrc/kernels/cpu/dense_block.h"

#include <algorithm>
#include <type_traits>

namespace srdgan {
namespace {

template <typename Precision>
class DenseStage final : public Stage {
  static constexpr int64_t kTile = Precision::kTile;
  static constexpr bool kHasMeans = std::is_same_v<Precision, Int8>;

 public:
  DenseStage(const DenseWorkspace& workspace, const DenseWeights<Precision>& weights, const DenseBlock& block,
             CpuIsa isa, int index, int64_t shift)
      : workspace_(workspace),
        grid_(workspace.grid()),
        weights_(weights),
        block_(block),
        isa_(winograd_isa<Precision>(isa)),
        floats_(winograd_isa<Float32>(isa)),
        index_(index),
        origin_((shift % workspace.ring() + workspace.ring()) % workspace.ring()) {}

  int64_t scratch_floats() const override {
    return sums_floats() + (kHasMeans ? winograd_constants_floats(max_tiles()) : 0);
  }

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    const bool last = index_ == kDenseConvs - 1;
    // Features that an earlier strip computed have not been transformed in this strip. The last convolution must not do
    // it, because it overwrites the input while its neighbours still read it: the one before it does that row too.
    if (index_ > 0 && !last && row < block_.begin[index_ - 1]) {
      for (int64_t i = 0; i < index_; ++i) transform(i, row, chunk);
    }
    if (index_ == kDenseConvs - 2 && row == block_.begin[index_] && block_.begin[index_ + 1] < row) {
      for (int64_t i = 0; i <= index_; ++i) transform(i, row - 1, chunk);
    }
    transform(index_, row, chunk);
    const int64_t panels = (last ? workspace_.features() : workspace_.growth()) / kWinogradPanel;
    if (last && row + 1 == block_.end && row + 1 < grid_.rows) carry_x(row, chunk);
    for (int64_t panel = 0; panel < panels; panel += kWinogradPanelsAtOnce) convolve(row, chunk, panel, scratch);
  }

 private:
  int64_t depth_before(int64_t index) const {
    return index == 0 ? 0 : workspace_.features() + (index - 1) * workspace_.growth();
  }

  int64_t max_tiles() const { return grid_.max_columns() / kTile * (grid_.unit_rows / kTile); }
  int64_t sums_floats() const { return winograd_sums_floats<Precision>(max_tiles()); }

  int64_t slot(int64_t row) const { return (row + origin_) % workspace_.ring(); }
  // Tiles of a unit, across and down.
  int64_t tiles_across(int64_t chunk) const {
    return ceil_div(grid_.column_end(chunk) - grid_.column_begin(chunk), kTile);
  }
  int64_t tiles_down(int64_t row) const { return ceil_div(grid_.row_end(row) - grid_.row_begin(row), kTile); }
  FeatureMap map(int64_t index) const { return index == 0 ? block_.x : workspace_.growth_map(index - 1, origin_); }

  // A row of feature `index`, from this strip or carried over.
  const float* source_row(const FeatureMap& source, int64_t index, int64_t y) const {
    if (y >= 0 && y < grid_.height) {
      if (index == 0 && y < grid_.row_begin(block_.begin[kDenseConvs - 1])) return block_.carried_x.row(y);
      if (index > 0 && y < grid_.row_begin(block_.begin[index - 1])) return block_.carried_growth[index - 1].row(y);
    }
    return source.row_or_zeros(y);
  }

  // The last row of this unit's input, before the output takes its place.
  void carry_x(int64_t row, int64_t chunk) const {
    const int64_t y = grid_.row_end(row) - 1;
    const int64_t begin = grid_.column_begin(chunk);
    const int64_t end = grid_.column_end(chunk);
    const int64_t channels = block_.x.channels;
    std::copy_n(block_.x.row(y) + begin * channels, (end - begin) * channels,
                block_.carries_x.row(y) + begin * channels);
  }

  // Feature `index` (0: the block's input, i: output of convolution i - 1) into Winograd's domain.
  void transform(int64_t index, int64_t row, int64_t chunk) const {
    const FeatureMap source = map(index);
    WinogradInput<Precision> input{};
    input.pixel_stride = source.channels;
    input.tiles = tiles_across(chunk);
    input.channels = source.channels;
    input.tile_stride = workspace_.depth();
    input.point_stride = workspace_.point_stride<Precision>(chunk);
    input.v = workspace_.transformed<Precision>(slot(row), chunk) + depth_before(index);
    if constexpr (kHasMeans) {
      input.levels = weights_.levels + depth_before(index);
      input.means = workspace_.means(slot(row), chunk) + depth_before(index);
      input.spreads = workspace_.spreads(slot(row), chunk);
      if (index == 0) input.deviation_weights = weights_.deviation_weights;
      input.levels_stride = input.means_stride = workspace_.depth();
    }
    for (int64_t begin = grid_.row_begin(row); begin < grid_.row_end(row); begin += kTile) {
      for (int64_t i = 0; i < Precision::kWindow; ++i) {
        input.rows[i] = source_row(source, index, begin + i - 1) + (grid_.column_begin(chunk) - 1) * source.channels;
      }
      isa_.transform_input(input);
      input.v += input.tiles * input.tile_stride;
      if constexpr (kHasMeans) {
        input.means += input.tiles * input.means_stride;
        input.spreads += input.tiles;
      }
    }
  }

  void convolve(int64_t row, int64_t chunk, int64_t panel, float* sums) const {
    const int64_t tiles = tiles_across(chunk);
    const bool last = index_ == kDenseConvs - 1;
    const int64_t out_channels = last ? workspace_.features() : workspace_.growth();

    WinogradProduct<Precision> product{};
    product.v = workspace_.transformed<Precision>(slot(row), chunk);
    product.v_stride = workspace_.depth();
    product.depth = depth_before(index_ + 1);
    product.tiles = tiles * tiles_down(row);
    product.channels = out_channels - panel * kWinogradPanel;
    auto output = winograd_multiply(isa_, product, workspace_.point_stride<Precision>(chunk), weights_.convs[index_],
                                    out_channels, panel, sums);
    if constexpr (kHasMeans) {
      WinogradProduct<Float32> means{};
      means.v = workspace_.means(slot(row), chunk);
      means.v_stride = product.v_stride;
      means.depth = product.depth;
      means.tiles = product.tiles;
      output.spreads = workspace_.spreads(slot(row), chunk);
      winograd_multiply_means(floats_, means, weights_.convs[index_], panel, sums + sums_floats(), output);
    }

    output.tiles = tiles;
    output.columns = grid_.column_end(chunk) - grid_.column_begin(chunk);
    output.negative_slope = block_.negative_slope;
    output.scale = block_.residual_scale;
    output.pixel_stride = out_channels;
    output.epilogue = !last              ? WinogradEpilogue::kActivation
                      : block_.ends_rrdb ? WinogradEpilogue::kDoubleResidual
                                         : WinogradEpilogue::kResidual;
    const FeatureMap target = last ? block_.x : map(index_ + 1);
    const int64_t offset = grid_.column_begin(chunk) * out_channels + panel * kWinogradPanel;
    const bool carries = !last && block_.end < grid_.rows && row >= block_.end - 1;
    for (int64_t begin = grid_.row_begin(row); begin < grid_.row_end(row); begin += kTile) {
      output.rows = std::min(kTile, grid_.row_end(row) - begin);
      for (int64_t i = 0; i < output.rows; ++i) {
        const int64_t y = begin + i;
        output.out[i] = target.row(y) + offset;
        if (carries) output.copy[i] = block_.carries_growth[index_].row(y) + offset;
        if (last) output.inner[i] = output.out[i];
        if (last && block_.ends_rrdb) {
          output.outer[i] = block_.outer.row(y) + offset;
          output.copy[i] = block_.copy.row(y) + offset;
        }
      }
      isa_.transform_output(output);
      output.m += tiles * output.tile_stride;
      if constexpr (kHasMeans) {
        output.constants += tiles * output.tile_stride;
        output.spreads += tiles;
      }
    }
  }

  const DenseWorkspace& workspace_;
  const UnitGrid& grid_;
  DenseWeights<Precision> weights_;
  DenseBlock block_;
  const WinogradIsa<Precision>& isa_;
  const WinogradIsa<Float32>& floats_;  // for means
  int64_t index_;
  int64_t origin_;
};

}  // namespace

// Every padding is one cache line.
int64_t DenseWorkspace::points_floats() const {
  const int64_t points = (tile_ + 2) * (tile_ + 2);
  return points * (tiles(grid_.width) * depth() * input_bytes_ / static_cast<int64_t>(sizeof(float)) +
                   grid_.chunks * kWinogradPointPadding<float>);
}

int64_t DenseWorkspace::slot_floats() const {
  if (!has_means_) return points_floats();
  constexpr int64_t kLine = kWinogradPointPadding<float>;
  return points_floats() + tiles(grid_.width) * depth() + ceil_div(tiles(grid_.width), kLine) * kLine;
}

int64_t DenseWorkspace::floats() const { return (kDenseConvs - 1) * growth_floats() + ring_ * slot_floats(); }

void DenseWorkspace::use(float* memory) {
  memory_ = memory;
  for (int64_t i = 0; i < kDenseConvs - 1; ++i) growth_map(i, 0).clear_border();
}

FeatureMap DenseWorkspace::growth_map(int64_t index, int64_t slot) const {
  FeatureMap map = FeatureMap::bordered(memory_ + index * growth_floats(), ring_ * grid_.unit_rows, grid_.height,
                                        grid_.width, growth_);
  map.origin = slot * grid_.unit_rows;
  return map;
}

template <typename Precision>
std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace& workspace, const DenseWeights<Precision>& weights,
                                        const DenseBlock& block, CpuIsa isa, int index, int64_t shift) {
  return std::make_unique<DenseStage<Precision>>(workspace, weights, block, isa, index, shift);
}

template std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace&, const DenseWeights<Float32>&, const DenseBlock&,
                                                 CpuIsa, int, int64_t);
template std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace&, const DenseWeights<Int8>&, const DenseBlock&,
                                                 CpuIsa, int, int64_t);

}  // namespace srdgan
