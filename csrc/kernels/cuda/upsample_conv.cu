#include "csrc/kernels/cuda/primitives.cuh"
#include "csrc/kernels/cuda/upsample_conv.h"

namespace srdgan {
namespace {

// A block of 16 x 16 threads computes 64 pixels x 64 channels of one phase, each thread 4 x 4 of them.
constexpr int kSide = 16;
constexpr int kThreads = kSide * kSide;
constexpr int kPerThread = 4;
constexpr int kTile = kSide * kPerThread;
constexpr int kDepth = 16;  // input channels that are staged in shared memory at a time

// What a block stages of both factors.
struct Stage {
  float a[kDepth][kTile + 1];  // one column more, so that a column of stores meets different banks
  float b[kDepth][kTile];
};

constexpr int64_t kMaxGridY = 65535;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Output row 2y + phase reads small rows y + phase - 1 (tap 0) and y + phase (tap 1); this is the range of 3x3 taps
// that fall on each of the two.
__device__ int first_tap(int phase, int tap) { return tap == 0 ? 0 : phase + 1; }
__device__ int last_tap(int phase, int tap) { return tap == 0 ? phase : 2; }

__global__ void __launch_bounds__(kThreads)
    upsample_conv_phases_kernel(const float* __restrict__ weight, int64_t in_channels, int64_t out_channels,
                                float* __restrict__ phase_weights, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const int64_t n = i % out_channels;
  const int64_t k = i / out_channels % in_channels;
  // Bits: row phase, column phase, row tap, column tap.
  const int matrix = static_cast<int>(i / out_channels / in_channels);
  const int row_phase = matrix >> 3, column_phase = matrix >> 2 & 1, row_tap = matrix >> 1 & 1, column_tap = matrix & 1;
  const float* taps = weight + (n * in_channels + k) * 9;
  float sum = 0.0f;
  for (int y = first_tap(row_phase, row_tap); y <= last_tap(row_phase, row_tap); ++y) {
    for (int x = first_tap(column_phase, column_tap); x <= last_tap(column_phase, column_tap); ++x)
      sum += taps[3 * y + x];
  }
  phase_weights[i] = sum;
}

__global__ void __launch_bounds__(kThreads) upsample_conv_kernel(const UpsampleConvCudaProblem p, int64_t pixels) {
  auto& [a, b] = *gpu::shared_memory<Stage>();
  const int tx = threadIdx.x % kSide;  // channels
  const int ty = threadIdx.x / kSide;  // pixels
  const int64_t first_pixel = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t first_channel = static_cast<int64_t>(blockIdx.y) * kTile;
  const int phase = blockIdx.z;
  const int row_phase = phase >> 1;
  const int column_phase = phase & 1;

  // Staging pixel ty + 16 i is this thread's task in every round, hence its place is worked out once.
  int64_t image[kPerThread], row[kPerThread], column[kPerThread];
  for (int i = 0; i < kPerThread; ++i) {
    const int64_t pixel = first_pixel + ty + kSide * i;
    column[i] = pixel % p.width;
    row[i] = pixel / p.width % p.height;
    image[i] = pixel / p.width / p.height;
  }

  float sum[kPerThread][kPerThread] = {};
  for (int tap = 0; tap < 4; ++tap) {
    const int64_t row_offset = row_phase + (tap >> 1) - 1;
    const int64_t column_offset = column_phase + (tap & 1) - 1;
    const float* matrix = p.phase_weights + (4 * phase + tap) * p.in_channels * p.out_channels;
    for (int64_t k0 = 0; k0 < p.in_channels; k0 += kDepth) {
      for (int i = 0; i < kPerThread; ++i) {
        const int64_t y = row[i] + row_offset;
        const int64_t x = column[i] + column_offset;
        const int64_t k = k0 + tx;
        const bool inside = image[i] < p.batch && y >= 0 && y < p.height && x >= 0 && x < p.width && k < p.in_channels;
        a[tx][ty + kSide * i] = inside ? p.input[((image[i] * p.height + y) * p.width + x) * p.in_channels + k] : 0.0f;
      }
      for (int i = 0; i < kPerThread; ++i) {
        const int64_t k = k0 + ty;
        const int64_t n = first_channel + tx + kSide * i;
        b[ty][tx + kSide * i] = k < p.in_channels && n < p.out_channels ? matrix[k * p.out_channels + n] : 0.0f;
      }
      __syncthreads();
#pragma unroll
      for (int k = 0; k < kDepth; ++k) {
        float left[kPerThread], right[kPerThread];
        for (int i = 0; i < kPerThread; ++i) left[i] = a[k][ty + kSide * i];
        for (int j = 0; j < kPerThread; ++j) right[j] = b[k][tx + kSide * j];
        for (int i = 0; i < kPerThread; ++i) {
          for (int j = 0; j < kPerThread; ++j) sum[i][j] += left[i] * right[j];
        }
      }
      __syncthreads();
    }
  }

  for (int i = 0; i < kPerThread; ++i) {
    if (first_pixel + ty + kSide * i >= pixels) continue;
    const int64_t out_row = 2 * row[i] + row_phase;
    const int64_t out_column = 2 * column[i] + column_phase;
    float* out = p.output + ((image[i] * 2 * p.height + out_row) * 2 * p.width + out_column) * p.out_channels;
    for (int j = 0; j < kPerThread; ++j) {
      const int64_t n = first_channel + tx + kSide * j;
      if (n >= p.out_channels) continue;
      const float value = sum[i][j] + (p.bias != nullptr ? p.bias[n] : 0.0f);
      out[n] = value > 0.0f ? value : value * p.negative_slope;
    }
  }
}

}  // namespace

cudaError_t launch_upsample_conv_phases(const float* weight, int64_t in_channels, int64_t out_channels,
                                        float* phase_weights, cudaStream_t stream) {
  const int64_t count = kUpsampleConvPhaseMatrices * in_channels * out_channels;
  const unsigned blocks = static_cast<unsigned>(divide_up(count, kThreads));
  return gpu::launch(upsample_conv_phases_kernel, blocks, kThreads, 0, stream, weight, in_channels, out_channels,
                     phase_weights, count);
}

cudaError_t launch_upsample_conv(const UpsampleConvCudaProblem& problem, cudaStream_t stream) {
  const int64_t pixels = problem.batch * problem.height * problem.width;
  if (pixels == 0) return cudaSuccess;
  const int64_t channel_tiles = divide_up(problem.out_channels, kTile);
  if (channel_tiles > kMaxGridY) return cudaErrorInvalidConfiguration;
  const dim3 grid(static_cast<unsigned>(divide_up(pixels, kTile)), static_cast<unsigned>(channel_tiles), 4);
  return gpu::launch(upsample_conv_kernel, grid, kThreads, sizeof(Stage), stream, problem, pixels);
}

}  // namespace srdgan
