#include "csrc/kernels/cuda/tensor_map.h"

#include <cudaTypedefs.h>

#include <cstring>

namespace srdgan::gpu {
namespace {

// The driver's function, found at run time: the library is not linked to the driver.
cudaError_t find_encoder(PFN_cuTensorMapEncodeTiled_v12000* encoder) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
#if CUDART_VERSION >= 12050
  const cudaError_t error =
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found);
#else
  const cudaError_t error = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &function, cudaEnableDefault, &found);
#endif
  if (error != cudaSuccess) return error;
  if (found != cudaDriverEntryPointSuccess || function == nullptr) return cudaErrorNotSupported;
  *encoder = reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function);
  return cudaSuccess;
}

CUtensorMapSwizzle swizzle_mode(int bytes) {
  switch (bytes) {
    case 32:
      return CU_TENSOR_MAP_SWIZZLE_32B;
    case 64:
      return CU_TENSOR_MAP_SWIZZLE_64B;
    case 128:
      return CU_TENSOR_MAP_SWIZZLE_128B;
    default:
      return CU_TENSOR_MAP_SWIZZLE_NONE;
  }
}

}  // namespace

cudaError_t encode_tensor_map(const TensorBox& box, TensorMap* map) {
  static_assert(sizeof(TensorMap) == sizeof(CUtensorMap));
  constexpr cuuint32_t kAxes = 4;
  PFN_cuTensorMapEncodeTiled_v12000 encode = nullptr;
  const cudaError_t error = find_encoder(&encode);
  if (error != cudaSuccess) return error;
  cuuint64_t sizes[kAxes], strides[kAxes - 1];
  cuuint32_t box_sizes[kAxes], steps[kAxes];
  for (cuuint32_t i = 0; i < kAxes; ++i) {
    sizes[i] = static_cast<cuuint64_t>(box.sizes[i]);
    box_sizes[i] = static_cast<cuuint32_t>(box.box[i]);
    steps[i] = 1;
    if (i > 0) strides[i - 1] = static_cast<cuuint64_t>(box.stride_bytes[i - 1]);
  }
  CUtensorMap encoded;
  // The bits are copied as they are, so both types are copied as 16-bit integers; outside are zeros.
  const CUresult result =
      encode(&encoded, CU_TENSOR_MAP_DATA_TYPE_UINT16, kAxes, const_cast<void*>(box.data), sizes, strides, box_sizes,
             steps, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle_mode(box.swizzle_bytes), CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) return cudaErrorInvalidValue;
  std::memcpy(map->bytes, &encoded, sizeof encoded);
  return cudaSuccess;
}

}  // namespace srdgan::gpu
