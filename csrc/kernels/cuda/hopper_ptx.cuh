// hopper.cuh for nvcc, which includes this file: PTX, sm_90a.
#pragma once

namespace srdgan::gpu {

__device__ __forceinline__ void mbarrier_init(Mbarrier* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void fence_mbarrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ __forceinline__ void mbarrier_arrive(Mbarrier* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}
__device__ __forceinline__ void mbarrier_arrive_expect(Mbarrier* barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes)
               : "memory");
}
__device__ __forceinline__ void mbarrier_wait(Mbarrier* barrier, int parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

__device__ __forceinline__ void bulk_copy(void* to_shared, const void* from_global, int bytes, Mbarrier* barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   shared_address(to_shared)),
               "l"(__cvta_generic_to_global(from_global)), "r"(bytes), "r"(shared_address(barrier))
               : "memory");
}
__device__ __forceinline__ void tma_load(void* to_shared, const TensorMap& map, int x0, int x1, int x2, int x3,
                                         Mbarrier* barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];" ::
          "r"(shared_address(to_shared)),
      "l"(&map), "r"(x0), "r"(x1), "r"(x2), "r"(x3), "r"(shared_address(barrier))
      : "memory");
}

__device__ __forceinline__ uint64_t matrix_descriptor(const void* start, int leading_bytes, int stride_bytes,
                                                      int swizzle_bytes) {
  const uint64_t swizzle = swizzle_bytes == 128 ? 1 : swizzle_bytes == 64 ? 2 : swizzle_bytes == 32 ? 3 : 0;
  return (shared_address(start) >> 4 & 0x3fff) | static_cast<uint64_t>(leading_bytes >> 4) << 16 |
         static_cast<uint64_t>(stride_bytes >> 4) << 32 | swizzle << 62;
}

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int pending>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

#define SRDGAN_WGMMA(type)                                                                                            \
  asm volatile(                                                                                                       \
      "wgmma.mma_async.sync.aligned.m64n32k16.f32." type "." type                                                     \
      " {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, %18, %19}, %20, 1, 1, 1, " \
      "0;"                                                                                                            \
      : "+f"(d[0].values[0]), "+f"(d[0].values[1]), "+f"(d[0].values[2]), "+f"(d[0].values[3]), "+f"(d[1].values[0]), \
        "+f"(d[1].values[1]), "+f"(d[1].values[2]), "+f"(d[1].values[3]), "+f"(d[2].values[0]), "+f"(d[2].values[1]), \
        "+f"(d[2].values[2]), "+f"(d[2].values[3]), "+f"(d[3].values[0]), "+f"(d[3].values[1]), "+f"(d[3].values[2]), \
        "+f"(d[3].values[3])                                                                                          \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))

template <typename T, typename Sums>
__device__ __forceinline__ void wgmma_m64n32k16(Sums (&d)[4], uint32_t (&a)[4], uint64_t b) {
  if constexpr (sizeof(T) == 2 && __is_same(T, f16)) {
    SRDGAN_WGMMA("f16");
  } else {
    SRDGAN_WGMMA("bf16");
  }
}
#undef SRDGAN_WGMMA

__device__ __forceinline__ void fence_async_proxy() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

}  // namespace srdgan::gpu
