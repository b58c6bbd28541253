// csrc/kernels/cuda/hopper.cuh for g++, which includes this file.
#pragma once

#include "tests/cpp/simt/block.h"
#include "tests/cpp/simt/tma.h"
#include "tests/cpp/simt/wgmma.h"

#define __grid_constant__
#pragma GCC diagnostic ignored "-Wpsabi"  // old compilers passed what is aligned to 64 bytes in another way

namespace srdgan::gpu {

inline void mbarrier_init(Mbarrier* barrier, int arrivals, simt::Site site) {
  simt::running->mbarriers.init(barrier, arrivals, site);
}
inline void fence_mbarrier_init() { simt::running->mbarriers.fence_init(); }
inline void mbarrier_arrive(Mbarrier* barrier, simt::Site site) { simt::running->mbarriers.arrive(barrier, 0, site); }
inline void mbarrier_arrive_expect(Mbarrier* barrier, int bytes, simt::Site site) {
  simt::running->mbarriers.arrive(barrier, bytes, site);
}
inline void mbarrier_wait(Mbarrier* barrier, int parity, simt::Site site) {
  simt::running->mbarriers.wait(barrier, parity, site);
}

inline void bulk_copy(void* to_shared, const void* from_global, int bytes, Mbarrier* barrier, simt::Site site) {
  simt::bulk_copy(to_shared, from_global, bytes, barrier, site);
}
inline void tma_load(void* to_shared, const TensorMap& map, int x0, int x1, int x2, int x3, Mbarrier* barrier,
                     simt::Site site) {
  simt::tma_load(to_shared, map, {x0, x1, x2, x3}, barrier, site);
}

inline uint64_t matrix_descriptor(const void* start, int leading_bytes, int stride_bytes, int swizzle_bytes,
                                  simt::Site site) {
  return simt::matrix_descriptor(start, leading_bytes, stride_bytes, swizzle_bytes, site);
}
inline void wgmma_fence(simt::Site site) { simt::wgmma_fence(site); }
template <typename T, typename Sums>
void wgmma_m64n32k16(Sums (&d)[4], uint32_t (&a)[4], uint64_t b, simt::Site site) {
  static_assert(sizeof d == simt::kProductSums * sizeof(float), "the sums lie side by side");
  constexpr bool is_f16 = std::is_same_v<T, f16>;
  simt::wgmma(is_f16 ? simt::MatrixType::kF16 : simt::MatrixType::kBf16, d[0].values, a, b, site);
}
inline void wgmma_commit(simt::Site site) { simt::wgmma_commit(site); }
template <int pending>
void wgmma_wait(simt::Site site) {
  simt::wgmma_wait(pending, site);
}

inline void fence_async_proxy() { simt::shared_memory().fence_async_proxy(simt::thread_in_block()); }

}  // namespace srdgan::gpu
