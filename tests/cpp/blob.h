// Random parts of nets for tests, and memory for their blobs.
#pragma once

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "csrc/kernels/cpu/l2h_pack.h"
#include "tests/cpp/check.h"

// As long as it says, so that a sanitizer sees what is read beyond it.
struct Blob {
  explicit Blob(int64_t bytes) : bytes(bytes), memory(nullptr, std::free) {
    void* data = nullptr;
    if (posix_memalign(&data, srdgan::kL2HBlobAlignment, static_cast<size_t>(bytes)) != 0) std::abort();
    memory.reset(static_cast<uint8_t*>(data));
  }
  uint8_t* data() const { return memory.get(); }
  srdgan::L2HWeights read() const { return srdgan::read_l2h_blob(data(), bytes); }
  // The first bytes of it, or of it and then zeros.
  Blob copy(int64_t size) const {
    Blob other(size);
    std::memset(other.data(), 0, static_cast<size_t>(size));
    std::memcpy(other.data(), data(), static_cast<size_t>(std::min(size, bytes)));
    return other;
  }

  int64_t bytes;
  std::unique_ptr<uint8_t, void (*)(void*)> memory;
};

inline Blob pack(srdgan::L2HPart part, const srdgan::NamedTensors& tensors,
                 srdgan::Products products = srdgan::Products::kFloat32, const srdgan::FloatTensor* ranges = nullptr) {
  srdgan::L2HPacker packer(part, tensors, products, ranges);
  Blob blob(srdgan::l2h_blob_bytes(packer.sizes()));
  std::memset(blob.data(), 0xAB, static_cast<size_t>(blob.bytes));
  const int64_t jobs = packer.start(blob.data());
  for (int64_t job = jobs - 1; job >= 0; --job) packer.run(job);
  return blob;
}

// Random layers of these sizes, so small that a net of many neither fades nor grows.
class RandomLayers {
 public:
  explicit RandomLayers(const srdgan::L2HSizes& sizes) : sizes(sizes) {
    using namespace srdgan;
    const int64_t features = sizes.features, growth = sizes.growth;
    if (sizes.part == L2HPart::kNet) {
      add("conv_first", features, sizes.in_channels);
      add("conv_body", features, features);
    }
    for (int64_t block = 0; block < sizes.num_dense_blocks; ++block) {
      for (int64_t i = 0; i < kDenseConvs; ++i) {
        add("body." + std::to_string(block / 3) + ".rdb" + std::to_string(block % 3 + 1) + ".conv" +
                std::to_string(i + 1),
            i + 1 < kDenseConvs ? growth : features, features + i * growth);
      }
    }
    if (sizes.part == L2HPart::kNet || sizes.part == L2HPart::kTail) {
      for (int64_t i = 1; i <= sizes.num_upsamplings; ++i) add("conv_up" + std::to_string(i), features, features);
      add("conv_hr", features, features);
      add("conv_last", kImageChannels, features);
    }
    // Ranges that random features keep to, and their deviations.
    const int64_t channels = features + (kDenseConvs - 1) * growth;
    for (int64_t block = 0; block < sizes.num_dense_blocks; ++block) {
      range_values_.insert(range_values_.end(), static_cast<size_t>(Int8::kPoints * channels), 24.0f);
      range_values_.insert(range_values_.end(), static_cast<size_t>(channels), 0.5f);
    }
    ranges = {range_values_.data(), {sizes.num_dense_blocks, kInt8RangeRows, channels}};
  }
  RandomLayers(const RandomLayers&) = delete;

  Blob pack() const { return pack(sizes.products); }
  Blob pack(srdgan::Products products) const {
    return ::pack(sizes.part, tensors, products, multiplies_int8(products) ? &ranges : nullptr);
  }

  srdgan::L2HSizes sizes;
  srdgan::NamedTensors tensors;
  srdgan::FloatTensor ranges;

 private:
  void add(const std::string& name, int64_t out_channels, int64_t in_channels) {
    add_tensor(name + ".weight", {out_channels, in_channels, 3, 3},
               1.2f / std::sqrt(3.0f * static_cast<float>(in_channels)));
    add_tensor(name + ".bias", {out_channels}, 1.0f);
  }

  void add_tensor(const std::string& name, const std::vector<int64_t>& shape, float gain) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    values_.push_back(std::make_unique<std::vector<float>>(random_floats(count, seed_++)));
    for (float& value : *values_.back()) value *= gain;
    tensors[name] = {values_.back()->data(), shape};
  }

  uint32_t seed_ = 1;
  std::vector<std::unique_ptr<std::vector<float>>> values_;
  std::vector<float> range_values_;
};
