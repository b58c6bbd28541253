// The machine instructions that our kernels use, one function each. Each has two versions: primitives_ptx.cuh, compiled
// by nvcc, and tests/cpp/simt/primitives.h, compiled by g++, with which the tests execute kernels on a CPU
// (docs/design/simt.md). So a kernel's source is plain C++ for both: no inline assembly, no static __shared__ arrays,
// no
// <<<>>> outside of launch(). Of the CUDA language itself it may use the names in tests/cpp/simt/cuda_names.h.
//
// KERNEL_SITE is the caller's file and line, which the execution on a CPU names in its messages; nvcc does not see it.
// ONLY_KERNEL_SITE is the same for functions without other parameters.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "csrc/kernels/cuda/gpu.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define KERNEL_SITE
#define ONLY_KERNEL_SITE
namespace srdgan::gpu {
using f16 = __half;
using bf16 = __nv_bfloat16;
}  // namespace srdgan::gpu
#else
#include "tests/cpp/simt/cuda_names.h"
#define KERNEL_SITE , simt::Site site = simt::Site::here()
#define ONLY_KERNEL_SITE simt::Site site = simt::Site::here()
namespace srdgan::gpu {
using f16 = simt::f16;
using bf16 = simt::bf16;
}  // namespace srdgan::gpu
#endif

namespace srdgan::gpu {

// ---- 16-bit numbers. T is f16 or bf16; rounding is to nearest, ties to even; what is too large becomes infinite.

__device__ __forceinline__ float to_float(f16 x);
__device__ __forceinline__ float to_float(bf16 x);
template <typename T>
__device__ __forceinline__ T from_float(float x);

// Two numbers in a register, `low` in the lower half: the lower address in memory.
struct FloatPair {
  float low, high;
};
template <typename T>
__device__ __forceinline__ uint32_t pack(float low, float high);
template <typename T>
__device__ __forceinline__ FloatPair unpack(uint32_t pair);

// ---- Shared memory.

// The block's dynamic shared memory, aligned to 128 bytes: as many bytes as launch() was given.
template <typename T>
__device__ __forceinline__ T* shared_memory();

// One load or store of 4, 8 or 16 bytes (uint32_t, float, uint2, float2, uint4, float4), to whose size the address must
// be aligned. On a CPU these count bank conflicts; plain C++ accesses work, too, but are not counted.
template <typename T>
__device__ __forceinline__ T load_shared(const T* from KERNEL_SITE);
template <typename T>
__device__ __forceinline__ void store_shared(T* to, T value KERNEL_SITE);

// ---- Global memory. The same sizes and alignment. load_global may read through the cache for constants: no thread of
// this kernel may write there.

template <typename T>
__device__ __forceinline__ T load_global(const T* from KERNEL_SITE);
template <typename T>
__device__ __forceinline__ void store_global(T* to, T value KERNEL_SITE);

// ---- cp.async: copies from global to shared memory without registers.

// Starts a copy of 16 bytes, or of 16 zero bytes if not `inside`: then `from` is not read, but must be aligned all the
// same. Both addresses must be multiples of 16.
__device__ __forceinline__ void cp_async_16(void* to_shared, const void* from_global, bool inside KERNEL_SITE);
// Ends the calling thread's group of copies.
__device__ __forceinline__ void cp_async_commit();
// Waits until at most `pending` of the newest groups of the calling thread are unfinished. For the other threads'
// copies, a __syncthreads() must follow.
template <int pending>
__device__ __forceinline__ void cp_async_wait();

// ---- Matrices. All 32 lanes of a warp must call these together, from the same line.
//
// A fragment of 8x8 16-bit numbers is one register a lane: lane l has row l / 4, columns 2 (l % 4) and 2 (l % 4) + 1.

// Loads four 8x8 matrices. Lane l gives the address of row l % 8 (16 bytes, aligned to 16) of matrix l / 8; r[i] is the
// fragment of matrix i. For A of mma_m16n8k16, row-major: matrices in the order (rows 0-7, k 0-7), (rows 8-15, k 0-7),
// (rows 0-7, k 8-15), (rows 8-15, k 8-15): lane l gives row l % 16, columns 8 (l / 16).
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row KERNEL_SITE);
// Transposes each matrix: lane l gets rows 2 (l % 4) and 2 (l % 4) + 1 of column l / 4.
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row KERNEL_SITE);
// Two matrices; lanes 0-15 give the addresses, those of the others do not count.
__device__ __forceinline__ void ldmatrix_x2(uint32_t (&r)[2], const void* row KERNEL_SITE);
__device__ __forceinline__ void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row KERNEL_SITE);

// d (16x8) += a (16x16) b (16x8). T is f16 or bf16.
// Lane l, with g = l / 4 and t = l % 4, has
//   a[0]: row g,     columns 2t, 2t + 1        a[2]: row g,     columns 2t + 8, 2t + 9
//   a[1]: row g + 8, columns 2t, 2t + 1        a[3]: row g + 8, columns 2t + 8, 2t + 9
//   b0: column g, rows 2t, 2t + 1              b1: column g, rows 2t + 8, 2t + 9
//   d[0], d[1]: row g, columns 2t, 2t + 1      d[2], d[3]: row g + 8, columns 2t, 2t + 1
template <typename T>
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                             uint32_t b1 KERNEL_SITE);
// The same for f16 with sums in f16, rounded once a call: d[0] is row g, d[1] row g + 8, each columns 2t, 2t + 1.
__device__ __forceinline__ void mma_m16n8k16_f16_sums(uint32_t (&d)[2], const uint32_t (&a)[4], uint32_t b0,
                                                      uint32_t b1 KERNEL_SITE);
// d (16x8) += a (16x32) b (32x8) for int8. As mma_m16n8k16, with four bytes in each register:
//   a[0]: row g, columns 4t..4t + 3; a[1]: row g + 8; a[2], a[3]: the same rows, columns 4t + 16..4t + 19
//   b0: column g, rows 4t..4t + 3; b1: rows 4t + 16..4t + 19; d as there
__device__ __forceinline__ void mma_m16n8k32_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                                uint32_t b1 KERNEL_SITE);

// ---- Programmatic dependent launch (Start::kEarly in gpu.h): from sm_90 on; before, these do nothing.

// Waits until the kernel before this one in the stream has ended and its stores can be seen. What came before that one
// is only known to have ended if that one has waited, too.
__device__ __forceinline__ void wait_for_previous_kernel(ONLY_KERNEL_SITE);
// Allows the next kernel's blocks to start when all blocks have called this or ended. Comes behind
// wait_for_previous_kernel(): so no more than two kernels run at a time.
__device__ __forceinline__ void allow_next_kernel(ONLY_KERNEL_SITE);

// ---- Host code.

// When a kernel runs.
struct Turn {
  Turn(cudaStream_t stream, Start start = Start::kInTurn) : stream(stream), start(start) {}

  cudaStream_t stream;
  Start start;
};

// kernel<<<grid, block, shared_bytes, stream>>>(args...); raises the kernel's limit of shared memory where needed. On a
// CPU and without a stream it returns after the kernel was executed, and a fault of the kernel is thrown as
// simt::Fault.
template <typename... Params, typename... Args>
cudaError_t launch(void (*kernel)(Params...), dim3 grid, dim3 block, size_t shared_bytes, const Turn& turn,
                   const Args&... args);

}  // namespace srdgan::gpu

#ifdef __CUDACC__
#include "csrc/kernels/cuda/primitives_ptx.cuh"
#else
#include "tests/cpp/simt/primitives.h"
#endif
