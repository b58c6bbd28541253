// The backend as C functions, for srdgan_rt/runtime/engines/cuda_library.py, which calls them through ctypes.
//
// Each returns a status; srdgan_cuda_error() has the reason of the calling thread's last failure. An engine is used by
// one thread at a time.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SRDGAN_CUDA_API __attribute__((visibility("default")))

enum { SRDGAN_CUDA_OK = 0, SRDGAN_CUDA_NO_MEMORY = 1, SRDGAN_CUDA_FAILED = 2 };

enum { SRDGAN_CUDA_UINT8 = 0, SRDGAN_CUDA_UINT16 = 1, SRDGAN_CUDA_FLOAT32 = 2 };

typedef struct SrdganCudaEngine SrdganCudaEngine;

// csrc/kernels/cuda/net_sizes.h and csrc/cuda/tile_engine.h explain the fields.
typedef struct {
  int64_t features, growth, num_rrdbs, num_upsamplings, unshuffle;
  int32_t is_bfloat16, half_sums;
  int32_t picture_type, picture_is_planar, result_type, result_is_planar;
  float negative_slope;
} SrdganCudaNet;

SRDGAN_CUDA_API const char* srdgan_cuda_error(void);

// packed: of the op l2h_net_cuda_pack, on the host; copied.
SRDGAN_CUDA_API int srdgan_cuda_open(int device, const SrdganCudaNet* net, const void* packed, int64_t packed_bytes,
                                     SrdganCudaEngine** engine);
SRDGAN_CUDA_API void srdgan_cuda_close(SrdganCudaEngine* engine);

// See TileEngine, whose functions these are.
SRDGAN_CUDA_API int srdgan_cuda_device_bytes(SrdganCudaEngine* engine, int64_t height, int64_t width, int64_t* bytes);
SRDGAN_CUDA_API int srdgan_cuda_prepare(SrdganCudaEngine* engine, int64_t height, int64_t width);
SRDGAN_CUDA_API int srdgan_cuda_begin(SrdganCudaEngine* engine, void** samples);
SRDGAN_CUDA_API int srdgan_cuda_submit_on_device(SrdganCudaEngine* engine, const void* picture, void* result,
                                                 void* caller_stream);

// See run_picture. side: of the windows; what was used is stored there.
SRDGAN_CUDA_API int srdgan_cuda_run_picture(SrdganCudaEngine* engine, const void* samples, int64_t height,
                                            int64_t width, int64_t* side, int64_t halo, int64_t border, void* result);

#ifdef __cplusplus
}
#endif
