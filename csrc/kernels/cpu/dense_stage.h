// What the convolutions of a dense block have in common, whatever their products are of (dense_block.h): which units
// they transform and compute, and where rows of features come from and go to.
#pragma once

#include <algorithm>
#include <cstdint>

#include "csrc/kernels/cpu/dense_block.h"

namespace srdgan {

class DenseStage : public Stage {
 public:
  DenseStage(const DenseWorkspace& workspace, const DenseBlock& block, int index, int64_t shift)
      : workspace_(workspace),
        grid_(workspace.grid()),
        block_(block),
        index_(index),
        origin_((shift % workspace.ring() + workspace.ring()) % workspace.ring()) {}

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    // Features that an earlier strip computed have not been transformed in this strip. The last convolution must not do
    // it, because it overwrites the input while its neighbours still read it: the one before it does that row too.
    if (index_ > 0 && !is_last() && row < block_.begin[index_ - 1]) {
      for (int64_t i = 0; i < index_; ++i) transform(i, row, chunk);
    }
    if (index_ == kDenseConvs - 2 && row == block_.begin[index_] && block_.begin[index_ + 1] < row) {
      for (int64_t i = 0; i <= index_; ++i) transform(i, row - 1, chunk);
    }
    transform(index_, row, chunk);
    if (is_last() && row + 1 == block_.end && row + 1 < grid_.rows) carry_x(row, chunk);
    const int64_t panels = out_channels() / kWinogradPanel;
    for (int64_t panel = 0; panel < panels; panel += kWinogradPanelsAtOnce) convolve(row, chunk, panel, scratch);
  }

 protected:
  // Prepares feature `index` (0: the block's input, i: output of convolution i - 1) of a unit for products.
  virtual void transform(int64_t index, int64_t row, int64_t chunk) const = 0;
  // Computes kWinogradPanelsAtOnce panels of this convolution, or what is left of them, from `panel` on.
  virtual void convolve(int64_t row, int64_t chunk, int64_t panel, float* scratch) const = 0;

  bool is_last() const { return index_ == kDenseConvs - 1; }
  int64_t out_channels() const { return is_last() ? workspace_.features() : workspace_.growth(); }
  int64_t depth_before(int64_t index) const {
    return index == 0 ? 0 : workspace_.features() + (index - 1) * workspace_.growth();
  }
  int64_t slot(int64_t row) const { return (row + origin_) % workspace_.ring(); }
  FeatureMap map(int64_t index) const { return index == 0 ? block_.x : workspace_.growth_map(index - 1, origin_); }

  // A row of feature `index` of an earlier strip, or null if it is of this one.
  const float* carried_row(int64_t index, int64_t y) const {
    const bool is_x = index == 0;
    if (y < 0 || y >= grid_.row_begin(block_.begin[is_x ? kDenseConvs - 1 : index - 1])) return nullptr;
    return (is_x ? block_.carried_x : block_.carried_growth[index - 1]).row(y);
  }
  const float* source_row(const FeatureMap& source, int64_t index, int64_t y) const {
    const float* carried = carried_row(index, y);
    return carried != nullptr ? carried : source.row_or_zeros(y);
  }

  WinogradEpilogue epilogue() const {
    if (!is_last()) return WinogradEpilogue::kActivation;
    return block_.ends_rrdb ? WinogradEpilogue::kDoubleResidual : WinogradEpilogue::kResidual;
  }

  // Where a row of a growing feature goes, too, if the next strip needs it, else null.
  float* carries_row(int64_t row, int64_t y, int64_t offset) const {
    const bool carries = block_.end < grid_.rows && row >= block_.end - 1;
    return carries ? block_.carries_growth[index_].row(y) + offset : nullptr;
  }

  // Where a row of the output goes, and what the epilogue reads: pointers to the same numbers of their rows, or null.
  struct OutputRow {
    float* out;
    float* copy;
    const float* inner;
    const float* outer;
  };
  OutputRow output_row(int64_t row, int64_t y, int64_t offset) const {
    if (!is_last()) return {map(index_ + 1).row(y) + offset, carries_row(row, y, offset), nullptr, nullptr};
    float* out = block_.x.row(y) + offset;
    if (!block_.ends_rrdb) return {out, nullptr, out, nullptr};
    return {out, block_.copy.row(y) + offset, out, block_.outer.row(y) + offset};
  }

  const DenseWorkspace& workspace_;
  const UnitGrid& grid_;
  DenseBlock block_;
  int64_t index_;

 private:
  // The last row of this unit's input, before the output takes its place.
  void carry_x(int64_t row, int64_t chunk) const {
    const int64_t y = grid_.row_end(row) - 1;
    const int64_t begin = grid_.column_begin(chunk);
    const int64_t end = grid_.column_end(chunk);
    const int64_t channels = block_.x.channels;
    std::copy_n(block_.x.row(y) + begin * channels, (end - begin) * channels,
                block_.carries_x.row(y) + begin * channels);
  }

  int64_t origin_;
};

}  // namespace srdgan
