// Counts of bank conflicts.
#include <cstring>

#include "csrc/kernels/cuda/primitives.cuh"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/run.h"

using namespace srdgan::gpu;
using simt::DeviceArray;

namespace {

template <typename T>
__global__ void stride_kernel(float* out, int stride) {
  auto* shared = shared_memory<T>();
  store_shared(shared + threadIdx.x * stride, T{});
  __syncthreads();
  const T value = load_shared(shared + 3 * stride);
  std::memcpy(out + threadIdx.x, &value, sizeof *out);
}

template <typename T>
void check_passes(int stride, double expected) {
  DeviceArray<float> out("the output", 32);
  simt::counts = {};
  launch(stride_kernel<T>, 1, 32, 32 * stride * sizeof(T), nullptr, out.data(), stride);
  const double passes = simt::counts[simt::AccessKind::kStore].passes_of_least();
  CHECK(passes == expected, "stores of %zu bytes, every %d: %g passes of one", sizeof(T), stride, passes);
  CHECK(simt::counts[simt::AccessKind::kStore].bytes == static_cast<int64_t>(32 * sizeof(T)), "bytes");
  CHECK(simt::counts[simt::AccessKind::kLoad].passes_of_least() == 1.0, "all lanes read the same word");
}

void check_banks() {
  check_passes<float>(1, 1.0);
  check_passes<float>(2, 2.0);
  check_passes<float>(33, 1.0);
  check_passes<float>(32, 32.0);
  check_passes<float2>(1, 1.0);
  check_passes<float2>(2, 2.0);
  check_passes<float4>(1, 1.0);
  check_passes<float4>(2, 2.0);
  check_passes<float4>(8, 8.0);
}

}  // namespace

int main() {
  check_banks();
  return test_result();
}
