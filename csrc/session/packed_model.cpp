#include "csrc/session/packed_model.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "csrc/kernels/cpu/l2h_pack.h"
#include "csrc/session/failure.h"
#include "csrc/session/ranges.h"
#include "csrc/session/safetensors.h"

namespace srdgan {
namespace {

// As in srdgan_rt/models/spec.py; a test compares them.
constexpr int64_t kDefaultHalo = 32;  // in pixels that the network sees
constexpr size_t kMostDigits = 9;

int64_t read_pixels(const SafeTensors& file, const std::string& key, int64_t missing) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) return missing;
  const std::string& text = found->second;
  const bool is_number =
      !text.empty() && text.size() <= kMostDigits && text.find_first_not_of("0123456789") == std::string::npos;
  require_model(is_number, key + " in the metadata must be a whole number, got " + text.substr(0, 50));
  const int64_t pixels = std::stoll(text);
  require_model(pixels <= kMaxMargin, key + " in the metadata must be at most " + std::to_string(kMaxMargin) +
                                          ", got " + std::to_string(pixels));
  return pixels;
}

std::vector<float> read_weights(const std::string& name, const SafeTensor& tensor) {
  std::vector<float> values = tensor.read_floats();
  for (const float value : values) require_model(std::isfinite(value), "holds NaN or infinite weights: " + name);
  return values;
}

int64_t find_unshuffle(const L2HSizes& sizes) {
  for (const int64_t factor : {1, 2, 4}) {
    if (sizes.in_channels != kImageChannels * factor * factor) continue;
    require_model(sizes.scale() >= factor,
                  "the network must enlarge, this one has scale 1/" + std::to_string(factor / sizes.scale()));
    return factor;
  }
  throw Failure(StatusCode::kBadModel,
                "the network must take 3 channels, or 12 or 48 with pixel-unshuffle, this one takes " +
                    std::to_string(sizes.in_channels));
}

// Errors of the packer are errors of the model file.
template <typename Work>
auto check_network(const Work& work) {
  try {
    return work();
  } catch (const std::runtime_error& error) {
    throw Failure(StatusCode::kBadModel, std::string("does not fit the network: ") + error.what());
  }
}

AlignedMemory<uint8_t> pack(const NamedTensors& named, Products products, const FloatTensor* ranges, Workers& workers) {
  L2HPacker packer = check_network([&] { return L2HPacker(L2HPart::kNet, named, products, ranges); });
  AlignedMemory<uint8_t> blob(l2h_blob_bytes(packer.sizes()));
  const int64_t jobs = packer.start(blob.data());
  workers.for_each(0, jobs, [&](int64_t job) { packer.run(job); });
  return blob;
}

Products products_of(Precision precision) {
  if (precision == Precision::kInt8) return int8_products(process_isa());
  if (precision == Precision::kAuto) return fast_products(process_isa());
  return precision == Precision::kBf16 ? Products::kBfloat16 : Products::kFloat32;
}

}  // namespace

PackedModel pack_model(const uint8_t* file, size_t bytes, const SessionOptions& options, Workers& workers) {
  const SafeTensors read = read_safetensors(file, bytes);
  require_model(read.metadata.count("base_sha256") == 0,
                "holds only what differs from other weights: save the whole network (docs/session.md, Limits)");
  for (const char* name : {"conv_first.weight", "body.0.rdb1.conv1.weight"}) {
    require_model(read.tensors.count(name) > 0,
                  std::string("holds no network that enlarges, by the names of this project: ") + name + " is missing");
  }
  PackedModel model;
  std::vector<std::vector<float>> values;
  values.reserve(read.tensors.size());
  NamedTensors named;
  for (const auto& [name, tensor] : read.tensors) {
    values.push_back(read_weights(name, tensor));
    named[name] = {values.back().data(), tensor.shape};
  }
  const Products products = products_of(options.precision);
  const bool int8 = multiplies_int8(products);
  Ranges ranges;
  if (int8) ranges = read_ranges(static_cast<const uint8_t*>(options.ranges), options.ranges_bytes, named);
  const FloatTensor range_floats = ranges.tensor();
  model.blob = pack(named, products, int8 ? &range_floats : nullptr, workers);
  model.weights = check_network([&] { return read_l2h_blob(model.blob.data(), model.blob.bytes()); });
  model.unshuffle = find_unshuffle(model.weights.sizes);
  model.halo = read_pixels(read, "halo", model.unshuffle * kDefaultHalo);
  model.border_padding = read_pixels(read, "border_padding", 0);
  if (options.halo >= 0) model.halo = options.halo;
  if (options.border_padding >= 0) model.border_padding = options.border_padding;
  return model;
}

}  // namespace srdgan
