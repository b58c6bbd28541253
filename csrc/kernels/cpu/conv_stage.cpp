#include "csrc/kernels/cpu/conv_stage.h"

#include <algorithm>

#include "csrc/kernels/cpu/upsample_conv.h"

namespace srdgan {
namespace {

constexpr int64_t kTile = Float32::kTile;

class ConvStage final : public Stage {
 public:
  ConvStage(const UnitGrid& grid, const Conv& conv, CpuIsa isa)
      : grid_(grid), conv_(conv), isa_(winograd_isa<Float32>(isa)), bf16_(bf16_isa(isa)) {
    for (const FeatureMap& source : conv_.sources) in_channels_ += source.channels;
  }

  int64_t scratch_floats() const override { return transformed_floats() + sums_floats() + result_floats(); }

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    const int64_t begin = conv_.scale * grid_.column_begin(chunk);
    const int64_t tiles = ceil_div(conv_.scale * grid_.column_end(chunk) - begin, kTile);
    const int64_t runs = ceil_div(tiles, max_run());
    for (int64_t y = conv_.scale * grid_.row_begin(row); y < conv_.scale * grid_.row_end(row); y += kTile) {
      for (int64_t i = 0; i < runs; ++i) {
        const int64_t first = tiles * i / runs;
        convolve(y, begin + kTile * first, tiles * (i + 1) / runs - first, scratch);
      }
    }
  }

 private:
  static constexpr int64_t kMaxRun = UnitGrid::kUnitPixels / (kTile * kTile);

  int64_t max_run() const { return std::min(kMaxRun, conv_.scale * grid_.max_columns() / kTile); }
  int64_t transformed_floats() const {
    return Float32::kPoints * (max_run() * in_channels_ + kWinogradPointPadding<float>);
  }
  int64_t sums_floats() const { return winograd_sums_floats<Float32>(max_run()); }
  bool is_split() const { return conv_.target.split.data != nullptr; }
  bool has_result() const { return conv_.target.planes.data != nullptr || is_split(); }
  // Channels of a result that waits for being turned into planes or split.
  int64_t result_channels() const { return is_split() ? conv_.target.split.channels : conv_.out_channels; }
  int64_t result_row() const { return kTile * max_run() * result_channels(); }
  int64_t result_floats() const { return has_result() ? kTile * result_row() : 0; }

  // One run of neighbouring tiles from the output at row y and column x on.
  void convolve(int64_t y, int64_t x, int64_t tiles, float* scratch) const {
    float* transformed = scratch;
    float* sums = transformed + transformed_floats();
    float* result = sums + sums_floats();

    WinogradInput<Float32> input{};
    input.tiles = tiles;
    input.v = transformed;
    input.tile_stride = in_channels_;
    input.point_stride = tiles * in_channels_ + kWinogradPointPadding<float>;
    for (const FeatureMap& source : conv_.sources) {
      input.pixel_stride = input.channels = source.channels;
      for (int64_t i = 0; i < Float32::kWindow; ++i) {
        input.rows[i] = source.row_or_zeros(y + i - 1) + (x - 1) * source.channels;
      }
      isa_.transform_input(input);
      input.v += source.channels;
    }

    WinogradProduct<Float32> product{};
    product.v = transformed;
    product.v_stride = input.tile_stride;
    product.depth = in_channels_;
    product.tiles = tiles;
    // The padding channels of a map are written too: the stages that read it need zeros there.
    const int64_t channels = conv_.target.planes.data != nullptr ? conv_.target.planes.channels : conv_.out_channels;
    // What pads a split map.
    if (result_channels() > conv_.out_channels) std::fill_n(result, result_floats(), 0.0f);
    for (int64_t panel = 0; panel * kWinogradPanel < channels; panel += kWinogradPanelsAtOnce) {
      product.channels = channels - panel * kWinogradPanel;
      auto output = winograd_multiply(isa_, product, input.point_stride, conv_.packed, conv_.out_channels, panel, sums);
      finish(output, y, x, panel * kWinogradPanel, result);
    }
    if (is_split()) split(y, x, tiles, result);
  }

  int64_t rows_below(int64_t y) const { return std::min(kTile, conv_.scale * grid_.height - y); }
  int64_t columns_behind(int64_t x, int64_t tiles) const {
    return std::min(kTile * tiles, conv_.scale * grid_.width - x);
  }

  void split(int64_t y, int64_t x, int64_t tiles, const float* result) const {
    const FeatureMap& map = conv_.target.split;
    for (int64_t i = 0; i < rows_below(y); ++i) {
      bf16_.split({result + i * result_row(), map.channels, columns_behind(x, tiles), map.channels, nullptr, 1.0f,
                   split_pixel(map.row(y + i), x, map), 2 * map.channels});
    }
  }

  void finish(WinogradOutput<Float32>& output, int64_t y, int64_t x, int64_t channel, float* result) const {
    const ConvTarget& target = conv_.target;
    output.rows = rows_below(y);
    output.columns = columns_behind(x, output.tiles);
    output.negative_slope = conv_.negative_slope;
    output.pixel_stride = has_result() ? result_channels() : conv_.out_channels;
    output.epilogue = WinogradEpilogue::kActivation;
    const int64_t offset = x * conv_.out_channels + channel;
    for (int64_t i = 0; i < output.rows; ++i) {
      output.out[i] = has_result() ? result + i * result_row() + channel : target.map.row(y + i) + offset;
      if (target.copy.data != nullptr) output.copy[i] = target.copy.row(y + i) + offset;
    }
    isa_.transform_output(output);
    if (target.planes.data == nullptr) return;
    for (int64_t i = 0; i < output.rows; ++i) {
      for (int64_t c = 0; c < std::min(kWinogradPanel, target.planes.channels - channel); ++c) {
        float* plane = target.planes.row(channel + c, y + i) + x;
        for (int64_t column = 0; column < output.columns; ++column)
          plane[column] = output.out[i][column * conv_.out_channels + c];
      }
    }
  }

  const UnitGrid& grid_;
  Conv conv_;
  const WinogradIsa<Float32>& isa_;
  const Bf16Isa& bf16_;
  int64_t in_channels_ = 0;
};

class UpsampleStage final : public Stage {
 public:
  UpsampleStage(const UnitGrid& grid, const Upsample& upsample, CpuIsa isa)
      : grid_(grid), scale_(upsample.scale), isa_(isa) {
    problem_.input = upsample.input;
    problem_.output = upsample.output;
    problem_.packed = upsample.packed;
    problem_.bias = upsample.bias;
    problem_.width = scale_ * grid.width;
    problem_.in_channels = upsample.in_channels;
    problem_.out_channels = upsample.out_channels;
    problem_.negative_slope = upsample.negative_slope;
  }

  int64_t scratch_floats() const override {
    return upsample_conv_scratch_floats(problem_, isa_, patches(grid_.max_columns()) + 1);
  }

  // The unit's own patches, and at the right and bottom borders of the picture the patch that is only half inside.
  void run(int64_t row, int64_t chunk, float* scratch) const override {
    const bool last_row = row + 1 == grid_.rows;
    const bool last_chunk = chunk + 1 == grid_.chunks;
    upsample_conv(problem_, isa_, patches(grid_.row_begin(row)),
                  last_row ? upsample_conv_num_patches(problem_.input.height) : patches(grid_.row_end(row)),
                  patches(grid_.column_begin(chunk)),
                  last_chunk ? upsample_conv_num_patches(problem_.width) : patches(grid_.column_end(chunk)), scratch);
  }

 private:
  // Two pixels of its input per patch.
  int64_t patches(int64_t pixels) const { return pixels * scale_ / 2; }

  const UnitGrid& grid_;
  int64_t scale_;
  CpuIsa isa_;
  UpsampleConvProblem problem_{};
};

class PlanesStage final : public Stage {
 public:
  PlanesStage(const UnitGrid& grid, const Planes<const float>& planes, const FeatureMap& map)
      : grid_(grid), planes_(planes), map_(map) {}

  int64_t scratch_floats() const override { return 0; }

  void run(int64_t row, int64_t chunk, float*) const override {
    const int64_t begin = grid_.column_begin(chunk), end = grid_.column_end(chunk);
    for (int64_t y = grid_.row_begin(row); y < grid_.row_end(row); ++y) {
      std::fill_n(map_.row(y) + begin * map_.channels, (end - begin) * map_.channels, 0.0f);
      for (int64_t c = 0; c < planes_.channels; ++c) {
        const float* plane = planes_.row(c, y);
        for (int64_t x = begin; x < end; ++x) map_.row(y)[x * map_.channels + c] = plane[x];
      }
    }
  }

 private:
  const UnitGrid& grid_;
  Planes<const float> planes_;
  FeatureMap map_;
};

class CopyStage final : public Stage {
 public:
  CopyStage(const UnitGrid& grid, const FeatureMap& from, const FeatureMap& to, const FeatureMap& copy)
      : grid_(grid), from_(from), to_(to), copy_(copy) {}

  int64_t scratch_floats() const override { return 0; }

  void run(int64_t row, int64_t chunk, float*) const override {
    for (int64_t y = grid_.row_begin(row); y < grid_.row_end(row); ++y) {
      for (int64_t x = grid_.column_begin(chunk); x < grid_.column_end(chunk); ++x) {
        const float* source = from_.row(y) + x * from_.channels;
        copy_pixel(source, to_.row(y) + x * to_.channels, to_.channels);
        if (copy_.data != nullptr) copy_pixel(source, copy_.row(y) + x * copy_.channels, copy_.channels);
      }
    }
  }

 private:
  // The padding of a pixel is written too: the memory may hold NaN, and NaN times a weight of zero is NaN.
  void copy_pixel(const float* source, float* target, int64_t channels) const {
    const int64_t common = std::min(from_.channels, channels);
    std::copy_n(source, common, target);
    std::fill(target + common, target + channels, 0.0f);
  }

  const UnitGrid& grid_;
  FeatureMap from_;
  FeatureMap to_;
  FeatureMap copy_;
};

}  // namespace

std::unique_ptr<Stage> make_conv_stage(const UnitGrid& grid, const Conv& conv, CpuIsa isa) {
  return std::make_unique<ConvStage>(grid, conv, isa);
}

std::unique_ptr<Stage> make_upsample_stage(const UnitGrid& grid, const Upsample& upsample, CpuIsa isa) {
  return std::make_unique<UpsampleStage>(grid, upsample, isa);
}

std::unique_ptr<Stage> make_import_stage(const UnitGrid& grid, const Planes<const float>& planes,
                                         const FeatureMap& map) {
  return std::make_unique<PlanesStage>(grid, planes, map);
}

std::unique_ptr<Stage> make_import_stage(const UnitGrid& grid, const FeatureMap& dense, const FeatureMap& map,
                                         const FeatureMap& copy) {
  return std::make_unique<CopyStage>(grid, dense, map, copy);
}

std::unique_ptr<Stage> make_export_stage(const UnitGrid& grid, const FeatureMap& map, const FeatureMap& dense) {
  return std::make_unique<CopyStage>(grid, map, dense, FeatureMap{});
}

}  // namespace srdgan
