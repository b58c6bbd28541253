#include "csrc/session/ranges.h"

#include <cmath>
#include <map>
#include <string>

#include "csrc/session/failure.h"
#include "csrc/session/safetensors.h"

namespace srdgan {
namespace {

// As in srdgan_rt/checkpoint/ranges.py.
constexpr const char* kWeightsKey = "weights_sha256";
constexpr const char* kEnding = ".int8.safetensors";
constexpr const char* kCommand = "python -m training.calibrate_int8";

// Of the network's weights as floats, whatever type its file has.
std::string digest_network(const NamedTensors& network) {
  std::map<std::string, SafeTensor> floats;
  for (const auto& [name, tensor] : network) {
    SafeTensor& same = floats[name];
    same = {"F32", tensor.shape, reinterpret_cast<const uint8_t*>(tensor.data), 0};
    same.bytes = same.count() * static_cast<int64_t>(sizeof(float));
  }
  return digest_tensors(floats);
}

void add_block(const SafeTensors& file, const std::string& name, Ranges& ranges) {
  const auto found = file.tensors.find(name);
  require_model(found != file.tensors.end(), "holds something else than ranges: " + name + " is missing");
  std::vector<int64_t> shape = found->second.shape;
  shape.insert(shape.begin(), static_cast<int64_t>(file.tensors.size()));
  if (ranges.shape.empty()) ranges.shape = shape;
  require_model(shape == ranges.shape, name + " has another shape than the ranges before");
  for (const float value : found->second.read_floats()) {
    require_model(std::isfinite(value) && value >= 0.0f, name + " must be finite and at least 0");
    ranges.values.push_back(value);
  }
}

}  // namespace

std::vector<uint8_t> read_ranges_file(const char* model_path) {
  const std::string model(model_path);
  const size_t name_at = model.find_last_of('/') + 1;  // 0 where there is none
  const size_t ending = model.find_last_of('.');
  const bool has_ending = ending != std::string::npos && ending > name_at;
  const std::string path = model.substr(0, has_ending ? ending : model.size()) + kEnding;
  try {
    return read_file(path.c_str());
  } catch (const Failure& failure) {
    throw Failure(failure.code, "int8 needs activation ranges, in " + path.substr(name_at) +
                                    " beside it: " + failure.what() + "; " + kCommand + " measures them");
  }
}

Ranges read_ranges(const uint8_t* file, size_t bytes, const NamedTensors& network) {
  try {
    const SafeTensors read = read_safetensors(file, bytes);
    const auto stated = read.metadata.find(kWeightsKey);
    require_model(stated != read.metadata.end() && stated->second == digest_network(network),
                  std::string("they belong to other weights: make them anew with ") + kCommand);
    Ranges ranges;
    for (size_t block = 0; block < read.tensors.size(); ++block)
      add_block(read, "dense_block." + std::to_string(block), ranges);
    return ranges;
  } catch (const Failure& failure) {
    throw Failure(failure.code, std::string("ranges for int8: ") + failure.what());
  }
}

}  // namespace srdgan
