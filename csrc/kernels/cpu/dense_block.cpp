#include "csrc/kernels/cpu/dense_block.h"

#include <algorithm>
#include <type_traits>

#include "csrc/kernels/cpu/dense_stage.h"

namespace srdgan {
namespace {

template <typename Precision>
class WinogradDenseStage final : public DenseStage {
  static constexpr int64_t kTile = Precision::kTile;
  static constexpr bool kHasMeans = std::is_same_v<Precision, Int8>;

 public:
  WinogradDenseStage(const DenseWorkspace& workspace, const DenseWeights<Precision>& weights, const DenseBlock& block,
                     CpuIsa isa, int index, int64_t shift)
      : DenseStage(workspace, block, index, shift),
        weights_(weights),
        isa_(winograd_isa<Precision>(isa)),
        floats_(winograd_isa<Float32>(isa)) {}

  int64_t scratch_floats() const override {
    return sums_floats() + (kHasMeans ? winograd_constants_floats(max_tiles()) : 0);
  }

 private:
  int64_t max_tiles() const { return grid_.max_columns() / kTile * (grid_.unit_rows / kTile); }
  int64_t sums_floats() const { return winograd_sums_floats<Precision>(max_tiles()); }

  // Tiles of a unit, across and down.
  int64_t tiles_across(int64_t chunk) const {
    return ceil_div(grid_.column_end(chunk) - grid_.column_begin(chunk), kTile);
  }
  int64_t tiles_down(int64_t row) const { return ceil_div(grid_.row_end(row) - grid_.row_begin(row), kTile); }

  // Into Winograd's domain.
  void transform(int64_t index, int64_t row, int64_t chunk) const override {
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

  void convolve(int64_t row, int64_t chunk, int64_t panel, float* sums) const override {
    const int64_t tiles = tiles_across(chunk);
    WinogradProduct<Precision> product{};
    product.v = workspace_.transformed<Precision>(slot(row), chunk);
    product.v_stride = workspace_.depth();
    product.depth = depth_before(index_ + 1);
    product.tiles = tiles * tiles_down(row);
    product.channels = out_channels() - panel * kWinogradPanel;
    auto output = winograd_multiply(isa_, product, workspace_.point_stride<Precision>(chunk), weights_.convs[index_],
                                    out_channels(), panel, sums);
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
    output.pixel_stride = out_channels();
    output.epilogue = epilogue();
    const int64_t offset = grid_.column_begin(chunk) * out_channels() + panel * kWinogradPanel;
    for (int64_t begin = grid_.row_begin(row); begin < grid_.row_end(row); begin += kTile) {
      output.rows = std::min(kTile, grid_.row_end(row) - begin);
      for (int64_t i = 0; i < output.rows; ++i) {
        const OutputRow to = output_row(row, begin + i, offset);
        output.out[i] = to.out;
        output.copy[i] = to.copy;
        output.inner[i] = to.inner;
        output.outer[i] = to.outer;
      }
      isa_.transform_output(output);
      output.m += tiles * output.tile_stride;
      if constexpr (kHasMeans) {
        output.constants += tiles * output.tile_stride;
        output.spreads += tiles;
      }
    }
  }

  DenseWeights<Precision> weights_;
  const WinogradIsa<Precision>& isa_;
  const WinogradIsa<Float32>& floats_;  // for means
};

}  // namespace

// Every padding is one cache line.
int64_t DenseWorkspace::points_floats() const {
  const int64_t points = (tile_ + 2) * (tile_ + 2);
  return points * (tiles(grid_.width) * depth() * input_bytes_ / static_cast<int64_t>(sizeof(float)) +
                   grid_.chunks * kWinogradPointPadding<float>);
}

int64_t DenseWorkspace::slot_floats() const {
  if (kind_ == Kind::kWindows)
    return window_begin(grid_.chunks) * bf16_depth(depth()) / static_cast<int64_t>(sizeof(float) / sizeof(uint16_t));
  if (kind_ == Kind::kPoints) return points_floats();
  constexpr int64_t kLine = kWinogradPointPadding<float>;
  return points_floats() + tiles(grid_.width) * depth() + ceil_div(tiles(grid_.width), kLine) * kLine;
}

int64_t DenseWorkspace::floats() const { return (kDenseConvs - 1) * growth_floats() + ring_ * slot_floats(); }

void DenseWorkspace::use(float* memory) {
  memory_ = memory;
  if (kind_ == Kind::kWindows) return;
  for (int64_t i = 0; i < kDenseConvs - 1; ++i) growth_map(i, 0).clear_border();
}

FeatureMap DenseWorkspace::growth_map(int64_t index, int64_t slot) const {
  FeatureMap map = FeatureMap::bordered(memory_ + index * growth_floats(), ring_ * grid_.unit_rows, grid_.height,
                                        grid_.width, growth_pixel());
  map.origin = slot * grid_.unit_rows;
  return map;
}

template <typename Precision>
std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace& workspace, const DenseWeights<Precision>& weights,
                                        const DenseBlock& block, CpuIsa isa, int index, int64_t shift) {
  return std::make_unique<WinogradDenseStage<Precision>>(workspace, weights, block, isa, index, shift);
}

template std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace&, const DenseWeights<Float32>&, const DenseBlock&,
                                                 CpuIsa, int, int64_t);
template std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace&, const DenseWeights<Int8>&, const DenseBlock&,
                                                 CpuIsa, int, int64_t);

}  // namespace srdgan
