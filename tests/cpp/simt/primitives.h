// csrc/kernels/cuda/primitives.cuh for g++, which includes this file.
#pragma once

#include "tests/cpp/simt/kernel.h"
#include "tests/cpp/simt/matrix.h"
#include "tests/cpp/simt/scheduler.h"
#include "tests/cpp/simt/stream.h"

namespace srdgan::gpu {

inline float to_float(f16 x) { return simt::as_float(x); }
inline float to_float(bf16 x) { return simt::as_float(x); }
template <>
inline f16 from_float<f16>(float x) {
  return simt::to_f16(x);
}
template <>
inline bf16 from_float<bf16>(float x) {
  return simt::to_bf16(x);
}

template <typename T>
uint32_t pack(float low, float high) {
  return from_float<T>(low).bits | static_cast<uint32_t>(from_float<T>(high).bits) << 16;
}
template <typename T>
FloatPair unpack(uint32_t pair) {
  return {to_float(T{static_cast<uint16_t>(pair)}), to_float(T{static_cast<uint16_t>(pair >> 16)})};
}

template <typename T>
T* shared_memory() {
  return reinterpret_cast<T*>(simt::shared_memory().data());
}

template <typename T>
T load_shared(const T* from, simt::Site site) {
  const int32_t offset = simt::shared_memory().offset(from, sizeof(T), "load_shared", site);
  simt::shared_memory().read(offset, sizeof(T), simt::this_lane(), site);
  simt::log_access(simt::AccessKind::kLoad, site, offset, sizeof(T));
  return *from;
}
template <typename T>
void store_shared(T* to, T value, simt::Site site) {
  const int32_t offset = simt::shared_memory().offset(to, sizeof(T), "store_shared", site);
  simt::shared_memory().write(offset, sizeof(T), simt::this_lane(), site);
  simt::log_access(simt::AccessKind::kStore, site, offset, sizeof(T));
  *to = value;
}
template <typename T>
T load_global(const T* from, simt::Site site) {
  simt::check_global(from, sizeof(T), "load_global", site);
  simt::log_global(simt::GlobalAccess::kLoad, from, sizeof(T), site);
  return *from;
}
template <typename T>
void store_global(T* to, T value, simt::Site site) {
  simt::check_global(to, sizeof(T), "store_global", site);
  simt::log_global(simt::GlobalAccess::kStore, to, sizeof(T), site);
  *to = value;
}

inline void cp_async_16(void* to_shared, const void* from_global, bool inside, simt::Site site) {
  simt::copies().start(to_shared, from_global, inside, site);
}
inline void cp_async_commit() { simt::copies().commit(); }
template <int pending>
void cp_async_wait() {
  simt::copies().wait(pending);
}

inline void ldmatrix_x4(uint32_t (&r)[4], const void* row, simt::Site site) { simt::ldmatrix(r, row, 4, false, site); }
inline void ldmatrix_x4_trans(uint32_t (&r)[4], const void* row, simt::Site site) {
  simt::ldmatrix(r, row, 4, true, site);
}
inline void ldmatrix_x2(uint32_t (&r)[2], const void* row, simt::Site site) { simt::ldmatrix(r, row, 2, false, site); }
inline void ldmatrix_x2_trans(uint32_t (&r)[2], const void* row, simt::Site site) {
  simt::ldmatrix(r, row, 2, true, site);
}

template <>
inline void mma_m16n8k16<f16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, simt::Site site) {
  simt::mma_m16n8k16(simt::MatrixType::kF16, d, a, b0, b1, site);
}
template <>
inline void mma_m16n8k16<bf16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, simt::Site site) {
  simt::mma_m16n8k16(simt::MatrixType::kBf16, d, a, b0, b1, site);
}
inline void mma_m16n8k16_f16_sums(uint32_t (&d)[2], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, simt::Site site) {
  simt::mma_m16n8k16_f16_sums(d, a, b0, b1, site);
}
inline void mma_m16n8k32_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, simt::Site site) {
  simt::mma_m16n8k32_s8(d, a, b0, b1, site);
}

inline void wait_for_previous_kernel(simt::Site site) { simt::wait_for_previous_kernel(site); }
inline void allow_next_kernel(simt::Site site) { simt::allow_next_kernel(site); }

// The stream decides when; without one, now.
template <typename... Params, typename... Args>
cudaError_t launch(void (*kernel)(Params...), dim3 grid, dim3 block, size_t shared_bytes, const Turn& turn,
                   const Args&... args) {
  const simt::Launch work{grid, block, shared_bytes, turn.start == Start::kEarly, [=] { kernel(args...); }};
  const cudaError_t error = work.check();
  if (error != cudaSuccess) return error;
  if (turn.stream == nullptr) {
    simt::Kernel(work).finish();
  } else {
    turn.stream->queue_kernel(work);
  }
  return cudaSuccess;
}

}  // namespace srdgan::gpu
