#include "csrc/kernels/cuda/nearest_downsample.h"
#include "csrc/kernels/cuda/primitives.cuh"

namespace srdgan {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMaxBlocks = 65536;  // enough to fill any GPU; the loop in the kernel takes the rest

__device__ float to_float(float value) { return value; }
// A correctly rounded division whatever the compiler's flags: the CPU's and PyTorch's x / 255 to the last bit.
__device__ float to_float(uint8_t value) { return __fdiv_rn(static_cast<float>(value), 255.0f); }

__device__ float add_noise_of_sample(float value, const SensorNoise& noise, int64_t sample) {
  const uint64_t index = static_cast<uint64_t>(sample);
  const NormalValues normal = standard_normals(noise.seed, index / 4);
  // Selected, not indexed: an index that is not known to the compiler would put the four values into local memory.
  const float even = index & 2 ? normal.value[2] : normal.value[0], odd = index & 2 ? normal.value[3] : normal.value[1];
  return add_noise(value, noise, index & 1 ? odd : even);
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    nearest_downsample_kernel(const T* __restrict__ x, const NearestDownsampleCudaProblem p, float* __restrict__ output,
                              int64_t samples) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < samples; i += step) {
    const int64_t column = i % p.out_width;
    const int64_t row = i / p.out_width % p.out_height;
    const int64_t plane = i / p.out_width / p.out_height;
    const float value =
        to_float(x[plane / p.channels * p.stride[0] + plane % p.channels * p.stride[1] +
                   (p.factor * row + p.phase) * p.stride[2] + (p.factor * column + p.phase) * p.stride[3]]);
    output[i] = is_noisy(p.noise) ? add_noise_of_sample(value, p.noise, i) : value;
  }
}

template <typename T>
cudaError_t launch(const T* x, const NearestDownsampleCudaProblem& problem, float* output, cudaStream_t stream) {
  const int64_t samples = problem.batch * problem.channels * problem.out_height * problem.out_width;
  if (samples == 0) return cudaSuccess;
  const int64_t blocks = (samples + kThreads - 1) / kThreads;
  const unsigned grid = static_cast<unsigned>(blocks < kMaxBlocks ? blocks : kMaxBlocks);
  return gpu::launch(nearest_downsample_kernel<T>, grid, kThreads, 0, stream, x, problem, output, samples);
}

}  // namespace

cudaError_t launch_nearest_downsample(const float* x, const NearestDownsampleCudaProblem& problem, float* output,
                                      cudaStream_t stream) {
  return launch(x, problem, output, stream);
}

cudaError_t launch_nearest_downsample(const uint8_t* x, const NearestDownsampleCudaProblem& problem, float* output,
                                      cudaStream_t stream) {
  return launch(x, problem, output, stream);
}

}  // namespace srdgan
