// Random nets with pictures for the tests of csrc/cuda.
#pragma once

#include <algorithm>
#include <cstring>

#include "csrc/cuda/picture_runner.h"
#include "tests/cpp/cuda/random_net.h"
#include "tests/cpp/simt/bad_access.h"
#include "tests/cpp/simt/host_device.h"

namespace srdgan::gpu {

struct EngineCase {
  NetSizes sizes;
  EngineOptions options;
  RandomNet net;
  std::vector<unsigned char> packed;

  EngineCase(const NetSizes& sizes, const EngineOptions& options)
      : sizes(sizes),
        options(options),
        net(sizes.num_rrdbs, sizes.features, sizes.growth, sizes.num_upsamplings,
            kPictureChannels * sizes.unshuffle * sizes.unshuffle) {
    packed.resize(packed_net_bytes(net.layers()));
    pack_net(net.layers(), options.type, packed.data());
  }

  int64_t result_samples(const TileShape& shape) const {
    const TileShape enlarged = result_shape(sizes, shape);
    return enlarged.height * enlarged.width * kPictureChannels;
  }
  std::vector<unsigned char> empty_result(const TileShape& shape) const {
    return std::vector<unsigned char>(result_samples(shape) * options.result.sample_bytes(), 0xff);
  }
};

inline EngineOptions float16_options(TileFormat picture, TileFormat result) {
  return {ElementType::kFloat16, false, static_cast<float>(kSlope), picture, result};
}

constexpr TileFormat kBytes{SampleType::kUint8, Layout::kInterleaved};
constexpr TileFormat kWords{SampleType::kUint16, Layout::kInterleaved};
constexpr TileFormat kFloatPlanes{SampleType::kFloat32, Layout::kPlanar};

inline std::vector<uint8_t> random_bytes(int64_t count, uint32_t seed) {
  std::vector<uint8_t> bytes;
  for (const float value : random_floats(count, seed)) bytes.push_back(static_cast<uint8_t>(127 + 128 * value));
  return bytes;
}

// No stream eager, all of them, some of them, and chance.
inline std::vector<simt::Timing> all_timings() {
  return {{0, 0}, {~uint64_t{0}, 0}, {1, 0}, {2, 0}, {4, 0}, {7, 0}, {0, 1}, {0, 2}};
}

}  // namespace srdgan::gpu
