// primitives.cuh for the instructions that only Hopper has (sm_90a): mbarriers, bulk copies and TMA, wgmma. In code for
// other architectures they must not be reached: IS_HOPPER is 0 there.
#pragma once

#include "csrc/kernels/cuda/primitives.cuh"
#include "csrc/kernels/cuda/tensor_map.h"

#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define IS_HOPPER 1
#else
#define IS_HOPPER 0
#endif

namespace srdgan::gpu {

// ---- mbarriers: 8 bytes of shared memory, aligned. A phase ends when so many threads as it was made for have arrived,
// and all bytes that they announced have come. Phases are counted from 0.

using Mbarrier = uint64_t;

// One thread makes a barrier and calls fence_mbarrier_init(); the others use it after a __syncthreads().
__device__ __forceinline__ void mbarrier_init(Mbarrier* barrier, int arrivals KERNEL_SITE);
__device__ __forceinline__ void fence_mbarrier_init();
__device__ __forceinline__ void mbarrier_arrive(Mbarrier* barrier KERNEL_SITE);
__device__ __forceinline__ void mbarrier_arrive_expect(Mbarrier* barrier, int bytes KERNEL_SITE);
// Waits for the end of the last phase that is even (parity 0) or odd: if the phase that goes on is of the other kind,
// not at all.
__device__ __forceinline__ void mbarrier_wait(Mbarrier* barrier, int parity KERNEL_SITE);

// ---- Copies from global to shared memory by an engine of its own, started by one thread. Their end counts as bytes
// that have come to an mbarrier.

// Bytes, and both addresses, are multiples of 16.
__device__ __forceinline__ void bulk_copy(void* to_shared, const void* from_global, int bytes,
                                          Mbarrier* barrier KERNEL_SITE);
// The box of a tensor map whose first element is at these places of the four axes; elements outside of the array are
// zeros. to_shared: a multiple of 128, and for a swizzle of 32, 64 or 128 bytes of 256, 512 or 1,024: then the 16 bytes
// at an offset o are those of the box at o ^ (o >> 7 & 1, 3 or 7) << 4.
__device__ __forceinline__ void tma_load(void* to_shared, const TensorMap& map, int x0, int x1, int x2, int x3,
                                         Mbarrier* barrier KERNEL_SITE);

// ---- wgmma: products of a warpgroup, four warps side by side of which the first one's number is a multiple of four.
// All 128 threads call these together. Products run while the threads go on.

// Describes 8 rows x 16 bytes after another in shared memory (K-major). Without a swizzle: the rows of such a piece lie
// 16 bytes apart, its neighbour with the next 8 of K is leading_bytes away, that with the next 8 rows stride_bytes.
// With one: rows are swizzle_bytes apart, and leading_bytes does not count. start: in the first row of a pattern, which
// has 8 rows and begins at a multiple of its size.
__device__ __forceinline__ uint64_t matrix_descriptor(const void* start, int leading_bytes, int stride_bytes,
                                                      int swizzle_bytes KERNEL_SITE);

// Comes before the first product, and between any other access to the registers of a product and it.
__device__ __forceinline__ void wgmma_fence(ONLY_KERNEL_SITE);
// d (64x32) += a (64x16) b (16x32), of which each warp has 16 rows: a as for mma_m16n8k16, d[n].values as d there, for
// columns 8n to 8n + 7. b: descriptor of its 32 columns of 16 numbers. Before wgmma_wait, no register of it may be
// accessed but by products with the same sums, nor b be written.
template <typename T, typename Sums>
__device__ __forceinline__ void wgmma_m64n32k16(Sums (&d)[4], uint32_t (&a)[4], uint64_t b KERNEL_SITE);
// Ends a group of products.
__device__ __forceinline__ void wgmma_commit(ONLY_KERNEL_SITE);
// Waits until at most `pending` of the newest groups are unfinished.
template <int pending>
__device__ __forceinline__ void wgmma_wait(ONLY_KERNEL_SITE);

// Lets the async proxy (wgmma's reads of shared memory, bulk copies) see this thread's ordinary stores. Then a barrier
// must follow.
__device__ __forceinline__ void fence_async_proxy();

}  // namespace srdgan::gpu

#ifdef __CUDACC__
#include "csrc/kernels/cuda/hopper_ptx.cuh"
#else
#include "tests/cpp/simt/hopper.h"
#endif
