#include "csrc/cuda/engine_c.h"

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "csrc/cuda/open_device.h"
#include "csrc/cuda/picture_runner.h"

using namespace srdgan::gpu;

struct SrdganCudaEngine {
  std::unique_ptr<Device> device;
  std::unique_ptr<TileEngine> engine;
};

namespace {

thread_local std::string last_error;

template <typename Action>
int guard(Action action) {
  try {
    action();
    return SRDGAN_CUDA_OK;
  } catch (const std::bad_alloc&) {
    last_error = "out of memory";
    return SRDGAN_CUDA_NO_MEMORY;
  } catch (const std::exception& error) {
    last_error = error.what();
    return SRDGAN_CUDA_FAILED;
  }
}

SampleType sample_type(int32_t type) {
  switch (type) {
    case SRDGAN_CUDA_UINT8:
      return SampleType::kUint8;
    case SRDGAN_CUDA_UINT16:
      return SampleType::kUint16;
    case SRDGAN_CUDA_FLOAT32:
      return SampleType::kFloat32;
    default:
      throw std::invalid_argument("a type of samples must be 0..2, got " + std::to_string(type));
  }
}

TileFormat tile_format(int32_t type, int32_t is_planar) {
  return {sample_type(type), is_planar != 0 ? Layout::kPlanar : Layout::kInterleaved};
}

}  // namespace

const char* srdgan_cuda_error() { return last_error.c_str(); }

int srdgan_cuda_open(int device, const SrdganCudaNet* net, const void* packed, int64_t packed_bytes,
                     SrdganCudaEngine** engine) {
  return guard([&] {
    const NetSizes sizes{net->features, net->growth, net->num_rrdbs, net->num_upsamplings, net->unshuffle};
    sizes.check();
    const int64_t expected = packed_net_bytes(sizes.layers(nullptr, nullptr));
    if (packed_bytes != expected)
      throw std::invalid_argument("packed weights must have " + std::to_string(expected) + " bytes, got " +
                                  std::to_string(packed_bytes));
    const EngineOptions options{net->is_bfloat16 != 0 ? ElementType::kBFloat16 : ElementType::kFloat16,
                                net->half_sums != 0, net->negative_slope,
                                tile_format(net->picture_type, net->picture_is_planar),
                                tile_format(net->result_type, net->result_is_planar)};
    auto opened = std::make_unique<SrdganCudaEngine>();
    opened->device = open_device(device);
    opened->engine = std::make_unique<TileEngine>(*opened->device, sizes, options, packed);
    *engine = opened.release();
  });
}

void srdgan_cuda_close(SrdganCudaEngine* engine) { delete engine; }

int srdgan_cuda_device_bytes(SrdganCudaEngine* engine, int64_t height, int64_t width, int64_t* bytes) {
  return guard([&] { *bytes = engine->engine->device_bytes({height, width}); });
}

int srdgan_cuda_prepare(SrdganCudaEngine* engine, int64_t height, int64_t width) {
  return guard([&] {
    if (!engine->engine->prepare({height, width})) throw std::bad_alloc();
  });
}

int srdgan_cuda_begin(SrdganCudaEngine* engine, void** samples) {
  return guard([&] { *samples = engine->engine->begin(); });
}

int srdgan_cuda_submit_on_device(SrdganCudaEngine* engine, const void* picture, void* result, void* caller_stream) {
  return guard([&] { engine->engine->submit_on_device(picture, result, static_cast<cudaStream_t>(caller_stream)); });
}

int srdgan_cuda_run_picture(SrdganCudaEngine* engine, const void* samples, int64_t height, int64_t width, int64_t* side,
                            int64_t halo, int64_t border, void* result) {
  return guard([&] { *side = run_picture(*engine->engine, {*side, halo, border}, samples, {height, width}, result); });
}
