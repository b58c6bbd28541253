// The names of the CUDA language that our kernels use, for g++. __shared__ is left out on purpose: only memory from
// gpu::shared_memory is checked.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "tests/cpp/simt/scheduler.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

using std::max;
using std::min;

inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fmaf(a, b, c); }
inline float __saturatef(float a) { return a > 0.0f ? std::min(a, 1.0f) : 0.0f; }
inline int __float2int_rn(float a) { return static_cast<int>(std::nearbyint(a)); }
inline unsigned __float2uint_rn(float a) { return static_cast<unsigned>(std::max(std::nearbyint(a), 0.0f)); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(uint64_t{a} * b >> 32); }
inline unsigned __float_as_uint(float a) {
  unsigned bits;
  std::memcpy(&bits, &a, sizeof bits);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float a;
  std::memcpy(&a, &bits, sizeof a);
  return a;
}
template <typename T>
T __ldg(const T* from) {
  return *from;
}

inline void __syncthreads(simt::Site site = simt::Site::here()) { simt::meet_block(site); }
inline void __syncwarp(simt::Site site = simt::Site::here()) {
  simt::meet("__syncwarp", site, nullptr,
             [](void* const*, simt::Site) { simt::shared_memory().pass_warp_barrier(simt::this_warp().warp); });
}

namespace simt {

// Lane i gets the value of lane source(i).
template <typename T>
T shuffle(const char* operation, unsigned mask, T value, int source, Site site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  if (mask != 0xffffffffu) fail(site, "%s: the mask must name all lanes, got %#x", operation, mask);
  struct Lane {
    T value;
    T result;
    int source;
  } arguments{value, value, source};
  meet(operation, site, &arguments, [](void* const* lanes, Site) {
    for (int i = 0; i < kWarp; ++i) {
      auto* to = static_cast<Lane*>(lanes[i]);
      to->result = static_cast<const Lane*>(lanes[to->source])->value;
    }
  });
  return arguments.result;
}

}  // namespace simt

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, simt::Site site = simt::Site::here()) {
  return simt::shuffle("__shfl_sync", mask, value, source & (simt::kWarp - 1), site);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits, simt::Site site = simt::Site::here()) {
  return simt::shuffle("__shfl_xor_sync", mask, value, simt::lane() ^ (bits & (simt::kWarp - 1)), site);
}
// Lanes without a source keep their own value.
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, simt::Site site = simt::Site::here()) {
  const unsigned source = simt::lane() + distance;
  return simt::shuffle("__shfl_down_sync", mask, value, source < simt::kWarp ? static_cast<int>(source) : simt::lane(),
                       site);
}
