// A model as the kernels read it, from the bytes of its file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "csrc/kernels/cpu/l2h_weights.h"
#include "csrc/session/aligned_memory.h"
#include "csrc/session/workers.h"
#include "include/srdgan/session.h"

namespace srdgan {

constexpr int64_t kMaxMargin = 10'000;  // halo and border padding, as in srdgan_rt/checkpoint/load.py; a test compares

struct PackedModel {
  AlignedMemory<uint8_t> blob;
  L2HWeights weights;  // points into the blob
  int64_t unshuffle;   // pixels a side of the blocks that the network sees as one pixel: 1, 2 or 4
  int64_t halo;
  int64_t border_padding;

  // Of the result to the picture.
  int64_t scale() const { return weights.sizes.scale() / unshuffle; }
};

// Throws Failure unless it is a low-to-high network for RGB with the names of this project, and has ranges where the
// precision needs them. Halo and border padding are those of the options, if they state them, or the file's.
PackedModel pack_model(const uint8_t* file, size_t bytes, const SessionOptions& options, Workers& workers);

}  // namespace srdgan
