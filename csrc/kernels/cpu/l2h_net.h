// The L2H net (srdgan_rt/models/l2h.py), or a part of it, as one wavefront: from the picture to the result without a
// barrier, without concatenation, and without a whole map at full resolution.
//
// A tall picture can be computed in strips. Each stage then computes as far as the known rows reach and goes on there
// with the next strip; what that needs stays in memory. Results are bit-identical to those of the whole picture.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "csrc/common/wavefront.h"
#include "csrc/kernels/cpu/conv_stage.h"
#include "csrc/kernels/cpu/dense_block.h"
#include "csrc/kernels/cpu/l2h_weights.h"
#include "csrc/kernels/cpu/unit_grid.h"

namespace srdgan {

constexpr float kResidualScale = 0.2f;

// Input and output of one call: a picture or features, and a result or features, as the part of the net asks.
struct L2HData {
  Planes<const float> picture;
  FeatureMap features_in;  // dense
  FeatureMap features_out;
  Planes<float> result;
};

class L2HRun {
 public:
  // weights: their blob must live as long as this object. negative_slope: of every LeakyReLU. strip_rows: rows of the
  // picture per call but the last; the height of the picture, or more, to do all in one call. Only a whole net (kNet)
  // can come in strips, of at least min_strip_rows(). threads: what work is arranged for; any number can do it.
  L2HRun(L2HWeights weights, float negative_slope, int64_t height, int64_t width, int64_t strip_rows, int64_t threads,
         CpuIsa isa);

  // Strips are multiples of this.
  static int64_t strip_unit(int64_t height, int64_t width, Products products);
  static int64_t min_strip_rows(int64_t height, int64_t width, Products products);
  // The least number of rows that strips can have and that is at least `rows`, or the height.
  static int64_t round_strip_rows(int64_t height, int64_t width, Products products, int64_t rows);

  // Floats of memory for the maps, all that is kept from strip to strip; they do not depend on `threads`.
  int64_t state_floats() const { return state_floats_; }
  // Floats of memory for the time of one plan.
  int64_t workspace_floats() const { return num_blocks() > 0 ? workspace_.floats() : 0; }
  // Makes a state with any contents fit for plan(): once, before the first strip.
  void clear_borders(float* state) const;

  // Rows of the result that are finished when `rows` rows of the picture are known (all earlier ones included).
  int64_t finished_rows(int64_t rows) const;

  // Work for the rows from known_before to known_now, to be done while this object and what `data` points to live, and
  // before the next plan. workspace: with any contents.
  std::unique_ptr<Wavefront> plan(float* state, float* workspace, const L2HData& data, int64_t known_before,
                                  int64_t known_now);

 private:
  struct Layout;

  // Whether every thread has a chunk of each row; else threads take rows in turn.
  bool shares_rows() const { return grid_.chunks >= threads_; }
  // A stage starts this many rows behind the stage before it. One where threads share rows, so that features are used
  // soon after they are made and stay in the caches. Else two, so that no thread waits for the row beside its own.
  int64_t skew() const { return shares_rows() ? 1 : 2; }
  // Rows of units for which a block's features are kept. The first convolution starts a row when the last one is done
  // with the row that stood there, 4 * skew rows behind, and with the row after that. Where rows are taken in turn,
  // that one is in work just then: with two more rows nobody waits for it, and it is the same thread's turn when a
  // row's memory is used again.
  int64_t ring() const { return (kDenseConvs - 1) * skew() + (shares_rows() ? 2 : 4); }
  int64_t num_blocks() const { return weights_.sizes.num_dense_blocks; }
  bool is_tail() const { return weights_.sizes.part == L2HPart::kTail; }
  bool is_net() const { return weights_.sizes.part == L2HPart::kNet; }
  bool splits_tail() const { return (is_net() || is_tail()) && has_split_tail(weights_.sizes.products); }
  bool has_rrdbs() const { return is_net() || weights_.sizes.part == L2HPart::kTrunk; }
  int64_t num_stages() const;
  // First row of units that a stage cannot compute yet.
  int64_t reach(int64_t stage, int64_t known) const;
  Layout lay_out(float* state) const;

  L2HWeights weights_;
  float negative_slope_;
  int64_t threads_;
  UnitGrid grid_;
  CpuIsa isa_;
  DenseWorkspace workspace_;
  int64_t strip_rows_;
  int64_t state_floats_;
};

}  // namespace srdgan
