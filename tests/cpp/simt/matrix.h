// The matrix instructions; csrc/kernels/cuda/primitives.cuh says what each does.
#pragma once

#include <cstdint>

#include "tests/cpp/simt/fault.h"

namespace simt {

// num is 2 or 4.
void ldmatrix(uint32_t* r, const void* row, int num, bool transposed, Site site);

enum class MatrixType { kF16, kBf16 };
void mma_m16n8k16(MatrixType type, float* d, const uint32_t* a, uint32_t b0, uint32_t b1, Site site);
void mma_m16n8k16_f16_sums(uint32_t* d, const uint32_t* a, uint32_t b0, uint32_t b1, Site site);
void mma_m16n8k32_s8(int32_t* d, const uint32_t* a, uint32_t b0, uint32_t b1, Site site);

}  // namespace simt
