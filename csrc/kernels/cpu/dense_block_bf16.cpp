// The convolutions of a dense block with products of bfloat16. The block's input and output are floats, the features
// between them are rounded when they are made. A unit's window of them all is read by all later convolutions.
#include <algorithm>

#include "csrc/kernels/cpu/bf16_conv.h"
#include "csrc/kernels/cpu/dense_stage.h"

namespace srdgan {
namespace {

class Bf16DenseStage final : public DenseStage {
 public:
  Bf16DenseStage(const DenseWorkspace& workspace, const DenseWeights<Bfloat16>& weights, const DenseBlock& block,
                 CpuIsa isa, int index, int64_t shift)
      : DenseStage(workspace, block, index, shift), conv_(weights.convs[index]), isa_(bf16_isa(isa)) {}

  int64_t scratch_floats() const override { return kBf16BlockNumbers; }

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    isa_.begin();
    DenseStage::run(row, chunk, scratch);
    isa_.end();
  }

 private:
  int64_t columns(int64_t chunk) const { return grid_.column_end(chunk) - grid_.column_begin(chunk); }
  int64_t window_row(int64_t chunk) const { return columns(chunk) + 2; }
  int64_t stride() const { return bf16_depth(workspace_.depth()); }

  void transform(int64_t index, int64_t row, int64_t chunk) const override {
    const FeatureMap source = map(index);
    const int64_t pixels = window_row(chunk), channels = depth_before(index + 1) - depth_before(index);
    const bool pads = depth_before(index + 1) % kBf16Depth != 0;
    uint16_t* to = workspace_.window(slot(row), chunk) + depth_before(index);
    for (int64_t y = grid_.row_begin(row) - 1; y <= grid_.row_end(row); ++y, to += pixels * stride()) {
      const float* from = source_row(source, index, y) + (grid_.column_begin(chunk) - 1) * source.channels;
      if (index == 0) {
        isa_.convert({from, channels, pixels, channels, to, stride(), 1.0f, pads});
      } else {
        isa_.copy({reinterpret_cast<const uint16_t*>(from), channels, pixels, channels, to, stride(), pads});
      }
    }
  }

  void convolve(int64_t row, int64_t chunk, int64_t panel, float* sums) const override {
    const int64_t height = grid_.row_end(row) - grid_.row_begin(row);
    const int64_t row_pixels = window_row(chunk), end = height * row_pixels;
    Bf16Product product{};
    product.pixel_stride = stride();
    product.taps = 3;
    product.depth = bf16_depth(depth_before(index_ + 1));
    product.weight = conv_.weight + bf16_panel_begin(panel, product.depth);
    product.panels = std::min(out_channels() / kWinogradPanel - panel, kBf16PanelsAtOnce);
    product.sums = sums;
    const int64_t block = bf16_block_pixels(product.panels);
    for (int64_t q = 0; q < end; q += block) {
      const uint16_t* first = workspace_.window(slot(row), chunk) + q * stride();
      for (int i = 0; i < 3; ++i) product.rows[i] = first + i * row_pixels * stride();
      product.pixels = std::min(block, end - q);
      isa_.multiply(product);
      for (int64_t begin = q; begin < std::min(q + block, end);) {
        const int64_t y = begin / row_pixels, x = begin % row_pixels;
        const int64_t pixels = std::min(columns(chunk) - x, q + block - begin);
        const float* run = sums + (begin - q) * product.panels * kWinogradPanel;
        // Not those that are the two between rows.
        if (pixels > 0)
          finish(run, pixels, panel, product.panels, row, grid_.row_begin(row) + y, grid_.column_begin(chunk) + x);
        begin += std::min(row_pixels - x, q + block - begin);
      }
    }
  }

  void finish(const float* sums, int64_t pixels, int64_t panel, int64_t panels, int64_t row, int64_t y,
              int64_t x) const {
    const int64_t channels = panels * kWinogradPanel, stride = out_channels();
    const int64_t offset = x * stride + panel * kWinogradPanel;
    const float* bias = conv_.bias + panel * kWinogradPanel;
    if (is_last()) {
      const OutputRow to = output_row(row, y, offset);
      return isa_.finish({sums, pixels, channels, bias, epilogue(), block_.negative_slope, block_.residual_scale,
                          to.out, to.copy, to.inner, to.outer, stride});
    }
    const OutputRow to = output_row(row, y, offset / 2);  // two numbers in the place of a float
    for (float* out : {to.out, to.copy}) {
      if (out == nullptr) continue;
      isa_.finish_features(
          {sums, pixels, channels, bias, block_.negative_slope, nullptr, 0, reinterpret_cast<uint16_t*>(out), stride});
    }
  }

  PackedConv<Bfloat16> conv_;
  const Bf16Isa& isa_;
};

}  // namespace

std::unique_ptr<Stage> make_dense_stage(const DenseWorkspace& workspace, const DenseWeights<Bfloat16>& weights,
                                        const DenseBlock& block, CpuIsa isa, int index, int64_t shift) {
  return std::make_unique<Bf16DenseStage>(workspace, weights, block, isa, index, shift);
}

}  // namespace srdgan
