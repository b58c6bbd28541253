// A model as the kernels read it, from the bytes of its file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "csrc/kernels/cpu/l2h_weights.h"
#include "csrc/session/aligned_memory.h"
#include "csrc/session/workers.h"

namespace srdgan {

struct PackedModel {
  AlignedMemory<uint8_t> blob;
  L2HWeights weights;  // points into the blob
  int64_t halo;
  int64_t border_padding;
};

// Throws Failure unless it is a low-to-high network for RGB with the names of this project.
PackedModel pack_model(const uint8_t* file, size_t bytes, Workers& workers);

}  // namespace srdgan
