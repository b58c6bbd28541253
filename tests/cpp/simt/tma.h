// TMA on the CPU: tensor maps (csrc/kernels/cuda/tensor_map.h), and the pieces of a box.
#pragma once

#include "csrc/kernels/cuda/tensor_map.h"
#include "tests/cpp/simt/mbarrier.h"

namespace simt {

void bulk_copy(void* to, const void* from, int bytes, const void* barrier, Site site);
void tma_load(void* to, const srdgan::gpu::TensorMap& map, const int64_t (&first)[4], const void* barrier, Site site);

}  // namespace simt
