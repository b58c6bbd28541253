// The convolutions of a dense block with products of bfloat16. The block's input and output are floats, the features
// between them are rounded when they are made, and stay in the window of their unit, which all later convolutions read.
// Only what lies around a unit is copied, from the windows of its neighbours.
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

  int64_t scratch_floats() const override { return kBf16SumsFloats; }

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    isa_.begin();
    DenseStage::run(row, chunk, scratch);
    isa_.end();
  }

 private:
  int64_t window_row(int64_t chunk) const { return grid_.column_end(chunk) - grid_.column_begin(chunk) + 2; }
  int64_t group_stride(int64_t chunk) const { return workspace_.window_pixels(chunk) * kBf16Depth; }
  // Of a feature's channels in a window.
  uint16_t* place(int64_t row, int64_t chunk, int64_t channel, int64_t y, int64_t x) const {
    const int64_t pixel = (y - grid_.row_begin(row) + 1) * window_row(chunk) + x - grid_.column_begin(chunk) + 1;
    return workspace_.window(slot(row), chunk) + channel / kBf16Depth * group_stride(chunk) + pixel * kBf16Depth +
           channel % kBf16Depth;
  }

  // Calls visit(channel, count, pads) for those of these channels of feature `index` that lie in one group.
  template <typename Visit>
  void for_each_group(int64_t index, int64_t begin, int64_t end, const Visit& visit) const {
    for (int64_t channel = begin; channel < end;) {
      const int64_t next = std::min(end, (channel / kBf16Depth + 1) * kBf16Depth);
      visit(channel, next - channel, next == depth_before(index + 1) && next % kBf16Depth != 0);
      channel = next;
    }
  }

  void transform(int64_t index, int64_t row, int64_t chunk) const override {
    const int64_t begin = grid_.column_begin(chunk), end = grid_.column_end(chunk);
    for (int64_t y = grid_.row_begin(row) - 1; y <= grid_.row_end(row); ++y) {
      if (index == 0) {
        round(row, chunk, y, begin - 1, end + 1);
      } else if (y < grid_.row_begin(row) || y >= grid_.row_end(row) || carried_row(index, y) != nullptr) {
        fetch(index, row, chunk, y, begin - 1, end + 1);
      } else {
        // The unit's own part is there already.
        fetch(index, row, chunk, y, begin - 1, begin);
        fetch(index, row, chunk, y, end, end + 1);
      }
    }
  }

  // Pixels [x, end) of a row of the block's input.
  void round(int64_t row, int64_t chunk, int64_t y, int64_t x, int64_t end) const {
    const int64_t channels = workspace_.features();
    const float* from = source_row(block_.x, 0, y) + x * channels;
    for_each_group(0, 0, channels, [&](int64_t channel, int64_t count, bool pads) {
      isa_.convert(
          {from + channel, channels, end - x, count, place(row, chunk, channel, y, x), kBf16Depth, 1.0f, pads});
    });
  }

  // The same of a growing feature: from the windows of the neighbours, or of an earlier strip. Zeros outside of the
  // picture.
  void fetch(int64_t index, int64_t row, int64_t chunk, int64_t y, int64_t x, int64_t end) const {
    const int64_t first = depth_before(index), growth = workspace_.growth();
    // from(channel): its number of the first pixel.
    const auto copy = [&](int64_t column, int64_t behind, int64_t stride, const auto& from) {
      if (column >= behind) return;
      for_each_group(index, first, first + growth, [&](int64_t channel, int64_t count, bool pads) {
        isa_.copy(
            {from(channel), stride, behind - column, count, place(row, chunk, channel, y, column), kBf16Depth, pads});
      });
    };
    if (const float* carried = carried_row(index, y)) {
      const auto* pixel = reinterpret_cast<const uint16_t*>(carried) + x * growth;
      return copy(x, end, growth, [&](int64_t channel) { return pixel + channel - first; });
    }
    static constexpr uint16_t kZeros[kBf16Depth] = {};
    const auto zeros = [](int64_t) { return kZeros; };
    if (y < 0 || y >= grid_.height) return copy(x, end, 0, zeros);
    copy(x, 0, 0, zeros);
    copy(grid_.width, end, 0, zeros);
    for (int64_t c = std::max<int64_t>(chunk - 1, 0); c < std::min(chunk + 2, grid_.chunks); ++c) {
      const int64_t begin = std::max(x, grid_.column_begin(c));
      copy(begin, std::min(end, grid_.column_end(c)), kBf16Depth,
           [&](int64_t channel) { return place(y / grid_.unit_rows, c, channel, y, begin); });
    }
  }

  void convolve(int64_t row, int64_t chunk, int64_t panel, float* sums) const override {
    Bf16Product product{};
    product.pixel_stride = kBf16Depth;
    product.group_stride = group_stride(chunk);
    product.depth = bf16_depth(depth_before(index_ + 1));
    product.weight = conv_.weight + bf16_panel_begin(panel, product.depth);
    product.panels = std::min(out_channels() / kWinogradPanel - panel, kBf16PanelsAtOnce);
    product.sums = sums;
    bf16_convolve_window(isa_, product, workspace_.window(slot(row), chunk), window_row(chunk),
                         grid_.row_end(row) - grid_.row_begin(row),
                         [&](const float* run, int64_t y, int64_t x, int64_t pixels) {
                           finish(run, pixels, panel, product.panels, row, chunk, grid_.row_begin(row) + y,
                                  grid_.column_begin(chunk) + x);
                         });
  }

  void finish(const float* sums, int64_t pixels, int64_t panel, int64_t panels, int64_t row, int64_t chunk, int64_t y,
              int64_t x) const {
    const int64_t channels = panels * kWinogradPanel, first = panel * kWinogradPanel;
    const float* bias = conv_.bias + first;
    if (is_last()) {
      const OutputRow to = output_row(row, y, x * out_channels() + first);
      return isa_.finish({sums, pixels, channels, bias, epilogue(), block_.negative_slope, block_.residual_scale,
                          to.out, to.copy, to.inner, to.outer, out_channels()});
    }
    Bf16Features to{};
    to.sums_stride = channels;
    to.pixels = pixels;
    to.negative_slope = block_.negative_slope;
    to.out_stride = kBf16Depth;
    const int64_t begin = depth_before(index_ + 1) + first;
    for_each_group(index_ + 1, begin, begin + channels, [&](int64_t channel, int64_t count, bool pads) {
      to.sums = sums + channel - begin;
      to.bias = bias + channel - begin;
      to.channels = count;
      to.pads = pads;
      to.out = place(row, chunk, channel, y, x);
      isa_.finish_features(to);
    });
    if (float* carries = carries_row(row, y, 0)) {
      to.sums = sums;
      to.bias = bias;
      to.channels = channels;
      to.pads = false;
      to.out = reinterpret_cast<uint16_t*>(carries) + x * out_channels() + first;
      to.out_stride = out_channels();
      isa_.finish_features(to);
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
