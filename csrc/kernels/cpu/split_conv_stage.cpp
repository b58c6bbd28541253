// The layers behind the dense blocks with products of bfloat16, on split maps.
#include <algorithm>

#include "csrc/kernels/cpu/bf16_conv.h"
#include "csrc/kernels/cpu/conv_stage.h"

namespace srdgan {
namespace {

class SplitConvStage final : public Stage {
 public:
  SplitConvStage(const UnitGrid& grid, const SplitConv& conv, CpuIsa isa)
      : grid_(grid), conv_(conv), isa_(bf16_isa(isa)) {}

  int64_t scratch_floats() const override { return kBf16BlockNumbers; }

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    isa_.begin();
    const int64_t begin = conv_.scale * grid_.column_begin(chunk), end = conv_.scale * grid_.column_end(chunk);
    const int64_t panels = conv_.layer.panels();
    for (int64_t panel = 0; panel < panels; panel += kBf16PanelsAtOnce) {
      Bf16Product product{};
      product.taps = conv_.upsamples ? 2 : 3;
      product.pixel_stride = 2 * conv_.source.channels;
      product.group_stride = 2 * kBf16Depth;
      product.depth = conv_.layer.depth();
      product.split = true;
      product.panels = std::min(panels - panel, kBf16PanelsAtOnce);
      product.sums = scratch;
      // Blocks of columns from top to bottom: what a row reads is still in the first-level cache for the next one. The
      // last block begins earlier, where the unit is wide enough.
      const int64_t block = bf16_block_pixels(product.panels);
      for (int64_t x = begin; x < end; x += block) {
        const int64_t first = std::max(begin, std::min(x, end - block));
        for (int64_t y = conv_.scale * grid_.row_begin(row); y < conv_.scale * grid_.row_end(row); ++y)
          convolve(product, panel, y, first, x, std::min(block, end - x));
      }
    }
    isa_.end();
  }

 private:
  // A block of outputs from column `first` on, of which `pixels` from column x on are kept.
  void convolve(Bf16Product& product, int64_t panel, int64_t y, int64_t first, int64_t x, int64_t pixels) const {
    const int64_t taps = product.taps * product.taps, depth = product.depth;
    const float* sums = product.sums + (x - first) * product.panels * kWinogradPanel;
    product.pixels = x + pixels - first;
    product.weight = conv_.packed.weight + bf16_panel_begin(panel, depth, taps);
    if (!conv_.upsamples) {
      set_rows(product, y - 1, first - 1);
      isa_.multiply(product);
      return finish(product, sums, panel, y, x, 1, pixels);
    }
    for (int64_t i = 0; i < 2; ++i) {
      for (int64_t j = 0; j < 2; ++j, product.weight += conv_.layer.packed_size(taps)) {
        set_rows(product, y + i - 1, first + j - 1);
        isa_.multiply(product);
        finish(product, sums, panel, 2 * y + i, 2 * x + j, 2, pixels);
      }
    }
  }

  void set_rows(Bf16Product& product, int64_t y, int64_t x) const {
    for (int64_t i = 0; i < product.taps; ++i)
      product.rows[i] = split_pixel(conv_.source.row_or_zeros(y + i), x, conv_.source);
  }

  // Every step-th pixel of a row from column x on.
  void finish(const Bf16Product& product, const float* sums, int64_t panel, int64_t y, int64_t x, int64_t step,
              int64_t pixels) const {
    const int64_t channel = panel * kWinogradPanel, columns = product.panels * kWinogradPanel;
    const float* bias = conv_.packed.bias + channel;
    if (conv_.planes.data != nullptr) {
      for (int64_t c = channel; c < std::min(conv_.planes.channels, channel + columns); ++c) {
        float* plane = conv_.planes.row(c, y) + x;
        for (int64_t i = 0; i < pixels; ++i) plane[i] = sums[i * columns + c - channel] + bias[c - channel];
      }
      return;
    }
    isa_.split({sums, columns, pixels, columns, bias, conv_.negative_slope,
                split_pixel(conv_.target.row(y), x, conv_.target) + 2 * channel, 2 * step * conv_.target.channels});
  }

  const UnitGrid& grid_;
  SplitConv conv_;
  const Bf16Isa& isa_;
};

class SplitStage final : public Stage {
 public:
  SplitStage(const UnitGrid& grid, const FeatureMap& floats, const FeatureMap& split, CpuIsa isa)
      : grid_(grid), floats_(floats), split_(split), isa_(bf16_isa(isa)) {}

  // A pixel with channels that pad.
  int64_t scratch_floats() const override { return split_.channels; }

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    const int64_t common = std::min(floats_.channels, split_.channels), stride = 2 * split_.channels;
    std::fill_n(scratch, split_.channels, 0.0f);
    for (int64_t y = grid_.row_begin(row); y < grid_.row_end(row); ++y) {
      for (int64_t x = grid_.column_begin(chunk); x < grid_.column_end(chunk); ++x) {
        std::copy_n(floats_.row(y) + x * floats_.channels, common, scratch);
        isa_.split({scratch, 0, 1, split_.channels, nullptr, 1.0f, split_pixel(split_.row(y), x, split_), stride});
      }
    }
  }

 private:
  const UnitGrid& grid_;
  FeatureMap floats_;
  FeatureMap split_;
  const Bf16Isa& isa_;
};

}  // namespace

std::unique_ptr<Stage> make_split_conv_stage(const UnitGrid& grid, const SplitConv& conv, CpuIsa isa) {
  return std::make_unique<SplitConvStage>(grid, conv, isa);
}

std::unique_ptr<Stage> make_split_stage(const UnitGrid& grid, const FeatureMap& floats, const FeatureMap& split,
                                        CpuIsa isa) {
  return std::make_unique<SplitStage>(grid, floats, split, isa);
}

}  // namespace srdgan
