// The convolutions of a dense block with products of bfloat16. Features stay floats; each unit's window of them is
// rounded once, and read by all later convolutions.
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
    Bf16Input input{};
    input.from_stride = input.channels = source.channels;
    input.pixels = window_row(chunk);
    input.to = workspace_.window(slot(row), chunk) + depth_before(index);
    input.to_stride = stride();
    input.scale = 1.0f;
    input.pads = depth_before(index + 1) % kBf16Depth != 0;
    for (int64_t y = grid_.row_begin(row) - 1; y <= grid_.row_end(row); ++y, input.to += input.pixels * stride()) {
      input.from = source_row(source, index, y) + (grid_.column_begin(chunk) - 1) * source.channels;
      isa_.convert(input);
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
    Bf16Output output{};
    output.channels = product.panels * kWinogradPanel;
    output.bias = conv_.bias + panel * kWinogradPanel;
    output.epilogue = epilogue();
    output.negative_slope = block_.negative_slope;
    output.scale = block_.residual_scale;
    output.pixel_stride = out_channels();
    const int64_t block = bf16_block_pixels(product.panels);
    for (int64_t q = 0; q < end; q += block) {
      const uint16_t* first = workspace_.window(slot(row), chunk) + q * stride();
      for (int i = 0; i < 3; ++i) product.rows[i] = first + i * row_pixels * stride();
      isa_.multiply(product);
      for (int64_t begin = q; begin < std::min(q + block, end);) {
        const int64_t y = begin / row_pixels, x = begin % row_pixels;
        output.sums = sums + (begin - q) * output.channels;
        output.pixels = std::min(columns(chunk) - x, q + block - begin);
        finish(output, row, grid_.row_begin(row) + y,
               (grid_.column_begin(chunk) + x) * output.pixel_stride + panel * kWinogradPanel);
        begin += std::min(row_pixels - x, q + block - begin);
      }
    }
  }

  // Nothing, if the pixels are the two between rows.
  void finish(Bf16Output& output, int64_t row, int64_t y, int64_t offset) const {
    if (output.pixels <= 0) return;
    const OutputRow to = output_row(row, y, offset);
    output.out = to.out;
    output.copy = to.copy;
    output.inner = to.inner;
    output.outer = to.outer;
    isa_.finish(output);
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
