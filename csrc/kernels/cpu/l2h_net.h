// The L2H net (srdgan_rt/models/l2h.py), or a part of it, as one wavefront: from the picture to the result without a
// barrier, a concatenation or a whole map of full resolution.
//
// A tall picture can come in strips. Each stage then computes as far as the rows that are there reach, and goes on
// where it stopped: what the next strip needs stays in the memory. The arithmetic is that of the whole picture, bit for
// bit.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "csrc/common/wavefront.h"
#include "csrc/kernels/cpu/conv_stage.h"
#include "csrc/kernels/cpu/dense_block.h"
#include "csrc/kernels/cpu/unit_grid.h"

namespace srdgan {

constexpr float kResidualScale = 0.2f;
constexpr int64_t kBlocksPerRrdb = 3;
constexpr int64_t kImageChannels = 3;

// upsample_conv_pack's weights, and the bias.
struct PackedUpsample {
  const float* weight;
  const float* bias;
};

struct L2HParameters {
  int64_t features;  // not padded
  int64_t growth;
  float negative_slope;
  bool has_rrdbs;  // a shortcut around every three dense blocks
  bool int8;       // which of the two has the dense blocks
  std::vector<DenseWeights<Float32>> dense;
  std::vector<DenseWeights<Int8>> dense_int8;
  // From here on: only for the parts that have them.
  PackedConv<Float32> first;
  // Reads the features and the picture: with conv_first's weights beside its own, its result is the sum of both, which
  // is the shortcut around all blocks, and conv_first's result need not be kept for it.
  PackedConv<Float32> body;
  std::vector<PackedUpsample> upsample;
  PackedConv<Float32> hr;
  PackedConv<Float32> last;
};

enum class L2HPart {
  kBlocks,  // features -> features: the dense blocks
  kTail,    // features -> result: enlargements, conv_hr, conv_last
  kNet,     // picture -> result
};

// What one call reads and writes; which of them, the part says.
struct L2HData {
  Planes<const float> picture;
  FeatureMap features_in;  // dense
  FeatureMap features_out;
  Planes<float> result;
};

class L2HRun {
 public:
  // strip_rows: rows of the picture per call but the last; the picture's height, or more, to do all in one call. Only a
  // whole net (kNet) can come in strips, of at least min_strip_rows(). threads: what work is arranged for; any number
  // can do it.
  L2HRun(L2HParameters parameters, L2HPart part, int64_t height, int64_t width, int64_t strip_rows, int64_t threads,
         CpuIsa isa);

  // Strips are multiples of this.
  static int64_t strip_unit(int64_t height, int64_t width, bool int8);
  static int64_t min_strip_rows(int64_t height, int64_t width, bool int8);

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

  // Whether every thread has a chunk of each row; else rows are theirs in turn.
  bool shares_rows() const { return grid_.chunks >= threads_; }
  // A stage starts this many rows behind the stage before it: one where rows are shared, so that little is between the
  // first use of what it makes and the last, and more of that stays in the caches. Else no thread should wait for the
  // row beside its own.
  int64_t skew() const { return shares_rows() ? 1 : 2; }
  // Rows of units for which a block's features are kept. The first convolution starts a row when the last one is done
  // with the row that stood there, 4 * skew rows behind, and with the row after that. Where rows are taken in turn,
  // that one is in work just then: with two more rows nobody waits for it, and it is the same thread's turn when a
  // row's memory is used again.
  int64_t ring() const { return (kDenseConvs - 1) * skew() + (shares_rows() ? 2 : 4); }
  int64_t num_blocks() const { return static_cast<int64_t>(parameters_.dense.size() + parameters_.dense_int8.size()); }
  int64_t num_stages() const;
  // First row of units that a stage cannot compute yet.
  int64_t reach(int64_t stage, int64_t known) const;
  Layout lay_out(float* state) const;

  L2HParameters parameters_;
  L2HPart part_;
  int64_t threads_;
  UnitGrid grid_;
  CpuIsa isa_;
  DenseWorkspace workspace_;
  int64_t strip_rows_;
  int64_t state_floats_;
};

}  // namespace srdgan
