// Packs the layers of an L2H net into a blob (l2h_weights.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "csrc/kernels/cpu/l2h_weights.h"

namespace srdgan {

// Contiguous, in row-major order.
struct FloatTensor {
  const float* data;
  std::vector<int64_t> shape;
};

// By the names of a weight file: conv_first, body.N.rdbK.convJ, conv_body, conv_up1, conv_up2, conv_hr and conv_last,
// each with .weight (C_out, C_in, 3, 3) and .bias (C_out). The layers of a dense block are body.0.rdb1.convJ.
using NamedTensors = std::map<std::string, FloatTensor>;

class L2HPacker {
 public:
  // tensors: of this part of a net and no others; their data must live as long as this object. ranges: of int8 and of
  // nothing else, (num_dense_blocks, 37, features + 4 * growth), the largest magnitude of every transformed feature and
  // the deviations for the spread. Throws std::runtime_error where a tensor is missing, has a wrong shape or is not one
  // of this part.
  L2HPacker(L2HPart part, const NamedTensors& tensors, Products products, const FloatTensor* ranges);
  L2HPacker(const L2HPacker&) = delete;

  const L2HSizes& sizes() const { return sizes_; }
  // Prepares the jobs that fill l2h_blob_bytes(sizes()) bytes at `blob`. Returns their number: each of 0 .. n - 1 is to
  // be run once, in any order, on any thread.
  int64_t start(void* blob);
  void run(int64_t job) const { jobs_[static_cast<size_t>(job)](); }

 private:
  struct Layer {
    const float* weight;
    const float* bias;
    int64_t out_channels;
  };

  void find_sizes(const NamedTensors& tensors);
  void find_layers(const NamedTensors& tensors);
  void join_body(const Layer& body);

  static void pack_bias(const Layer& layer, const float* packed, int64_t padded);
  template <typename Precision>
  void pack_dense(const std::vector<DenseWeights<Precision>>& blocks);
  template <typename Precision>
  void pack_conv(const Layer& layer, const WinogradSegments& inputs, const PackedConv<Precision>& packed,
                 const float* levels = nullptr);
  void pack_upsample(const Layer& layer, const PackedUpsample& packed);
  void pack_split_tail(const L2HWeights& weights);

  L2HSizes sizes_;
  const float* ranges_;
  Layer first_{}, body_{}, hr_{}, last_{};
  std::vector<Layer> dense_, upsample_;
  std::vector<float> body_weight_, body_bias_;  // of conv_body and conv_first together
  std::vector<std::function<void()>> jobs_;
};

}  // namespace srdgan
