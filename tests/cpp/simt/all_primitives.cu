// Calls each function of primitives.cuh, so that nvcc assembles all of their instructions for all architectures. This
// kernel is only compiled.
#include "csrc/kernels/cuda/primitives.cuh"

using namespace srdgan::gpu;

namespace {

template <typename T>
__device__ void move(const void* global, void* shared, void* out) {
  const int thread = threadIdx.x;
  store_shared(static_cast<T*>(shared) + thread, load_global(static_cast<const T*>(global) + thread));
  __syncwarp();
  store_global(static_cast<T*>(out) + thread, load_shared(static_cast<const T*>(shared) + (thread ^ 1)));
}

template <typename T>
__device__ float multiply(const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  float d[4] = {};
  mma_m16n8k16<T>(d, a, b[0], b[1]);
  const FloatPair pair = unpack<T>(pack<T>(d[0], d[1]));
  return pair.low + pair.high + to_float(from_float<T>(d[2]));
}

}  // namespace

__global__ void all_primitives(const uint4* global, uint4* out) {
  wait_for_previous_kernel();
  uint4* shared = shared_memory<uint4>();
  cp_async_16(shared + threadIdx.x, global + threadIdx.x, threadIdx.x < 20);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads();

  uint32_t a[4], b[2], half_sums[2] = {};
  int32_t sums[4] = {};
  ldmatrix_x4(a, shared + threadIdx.x);
  ldmatrix_x2(b, shared + threadIdx.x);
  mma_m16n8k16_f16_sums(half_sums, a, b[0], b[1]);
  ldmatrix_x4_trans(a, shared + threadIdx.x);
  ldmatrix_x2_trans(b, shared + threadIdx.x);
  mma_m16n8k32_s8(sums, a, b[0], b[1]);
  const float value = multiply<f16>(a, b) + multiply<bf16>(a, b) + half_sums[0] + half_sums[1] + sums[0] + sums[3];
  allow_next_kernel();

  move<uint32_t>(global, shared, out);
  move<float2>(global, shared, out);
  move<float4>(global, shared, out);
  store_global(reinterpret_cast<float*>(out) + threadIdx.x, value);
}

cudaError_t launch_all_primitives(const uint4* global, uint4* out, cudaStream_t stream) {
  return launch(all_primitives, 1, 32, 64 << 10, stream, global, out);
}
