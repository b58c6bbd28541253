// A session with a small random network, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "csrc/session/safetensors.h"
#include "include/srdgan/session.h"
#include "tests/cpp/blob.h"
#include "tests/cpp/check.h"
#include "tests/cpp/model_file.h"

namespace srdgan {

constexpr int64_t kScale = 4;

inline L2HSizes net_sizes(int64_t num_upsamplings = 2) {
  L2HSizes sizes;
  sizes.in_channels = 3;
  sizes.features = 8;
  sizes.growth = 4;
  sizes.num_dense_blocks = 3;
  sizes.num_upsamplings = num_upsamplings;
  return sizes;
}

// Of a net that sees blocks of pixels as one.
inline L2HSizes unshuffled_sizes(int64_t factor, int64_t num_upsamplings = 2) {
  L2HSizes sizes = net_sizes(num_upsamplings);
  sizes.in_channels = 3 * factor * factor;
  return sizes;
}

// A file of the layers' activation ranges, as srdgan_rt/checkpoint/ranges.py writes it.
inline std::vector<uint8_t> ranges_file(const RandomLayers& layers, const std::string& dtype = "F16") {
  std::map<std::string, SafeTensor> weights;
  for (const auto& [name, tensor] : layers.tensors) {
    weights[name] = {"F32", tensor.shape, reinterpret_cast<const uint8_t*>(tensor.data),
                     count_of(tensor) * static_cast<int64_t>(sizeof(float))};
  }
  NamedTensors blocks;
  const std::vector<int64_t>& shape = layers.ranges.shape;
  for (int64_t i = 0; i < shape[0]; ++i)
    blocks["dense_block." + std::to_string(i)] = {layers.ranges.data + i * shape[1] * shape[2], {shape[1], shape[2]}};
  return model_file(blocks, {{"weights_sha256", digest_tensors(weights)}}, dtype);
}

// The ranges must live until the session is opened.
inline SessionOptions int8_options(const std::vector<uint8_t>& ranges) {
  SessionOptions options;
  options.precision = Precision::kInt8;
  options.ranges = ranges.data();
  options.ranges_bytes = ranges.size();
  return options;
}

inline std::vector<uint8_t> random_bytes(int64_t count, uint32_t seed) {
  std::vector<uint8_t> bytes;
  for (const float value : random_floats(count, seed)) bytes.push_back(static_cast<uint8_t>(127.5f * (value + 1.0f)));
  return bytes;
}

inline ConstImage from_plane(const void* data, int64_t stride = 0) { return {{data}, {stride}}; }
inline Image to_plane(void* data, int64_t stride = 0) { return {{data}, {stride}}; }

struct Opened {
  explicit Opened(const std::vector<uint8_t>& file, const SessionOptions& options = {}) {
    const Status status = session.open(file.data(), file.size(), options);
    CHECK(status.ok(), "%s", status.message);
  }
  void configure(const SessionConfig& config) {
    const Status status = session.configure(config);
    CHECK(status.ok(), "%s", status.message);
  }
  void process(const ConstImage& input, const Image& output) {
    const Status status = session.process(input, output);
    CHECK(status.ok(), "%s", status.message);
  }
  std::vector<uint8_t> enlarge(const std::vector<uint8_t>& pixels, const SessionConfig& config) {
    configure(config);
    std::vector<uint8_t> result(3 * session.output_width() * session.output_height());
    process(from_plane(pixels.data()), to_plane(result.data()));
    return result;
  }
  Session session;
};

inline bool says(const Status& status, StatusCode code, const char* text) {
  if (status.code == code && std::strstr(status.message, text) != nullptr) return true;
  std::printf("got %d: %s\n", static_cast<int>(status.code), status.message);
  return false;
}

inline SessionConfig config_of(int64_t height, int64_t width) {
  SessionConfig config;
  config.width = width;
  config.height = height;
  return config;
}

}  // namespace srdgan
