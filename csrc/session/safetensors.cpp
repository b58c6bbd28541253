#include "csrc/session/safetensors.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "csrc/session/failure.h"
#include "csrc/session/json.h"
#include "csrc/session/sha256.h"

namespace srdgan {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // the limit of the safetensors library
constexpr const char* kDigestKey = "sha256";  // srdgan_rt/checkpoint/digest.py

struct Type {
  const char* name;
  int64_t bytes;
  const char* torch_name;  // as the digest has it
};
constexpr Type kTypes[] = {{"F16", 2, "torch.float16"},
                           {"BF16", 2, "torch.bfloat16"},
                           {"F32", 4, "torch.float32"},
                           {"F64", 8, "torch.float64"}};

const Type& find_type(const std::string& name, const std::string& dtype) {
  for (const Type& type : kTypes) {
    if (dtype == type.name) return type;
  }
  throw Failure(StatusCode::kBadModel, name + " must be F16, BF16, F32 or F64, got " + dtype);
}

float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, rest = half & 0x7FFFu;
  if (rest >= 0x7C00) return from_bits(sign | 0x7F800000u | (rest & 0x3FFu) << 13);  // infinity, NaN
  if (rest >= 0x0400) return from_bits(sign | ((rest << 13) + (112u << 23)));
  const float small = static_cast<float>(rest) * 0x1p-24f;
  return sign == 0 ? small : -small;
}

template <typename Stored, typename Convert>
std::vector<float> convert_all(const SafeTensor& tensor, const Convert& convert) {
  std::vector<float> values(static_cast<size_t>(tensor.count()));
  const uint8_t* next = tensor.data;
  for (float& value : values) {
    Stored stored;
    std::memcpy(&stored, next, sizeof(stored));
    next += sizeof(stored);
    value = convert(stored);
  }
  return values;
}

// A tensor without its data pointer; begin is the offset of its bytes from the end of the header.
struct Entry {
  SafeTensor tensor;
  int64_t begin;
};

Entry read_entry(JsonReader& json, const std::string& name) {
  Entry entry{};
  std::vector<int64_t> offsets;
  bool has_shape = false;
  json.read_object([&](const std::string& key) {
    if (key == "dtype") {
      entry.tensor.dtype = json.read_string();
    } else if (key == "shape") {
      require_model(!has_shape, name + " has two shapes");
      has_shape = true;
      json.read_array([&] { entry.tensor.shape.push_back(json.read_size()); });
    } else if (key == "data_offsets") {
      json.read_array([&] { offsets.push_back(json.read_size()); });
    } else {
      throw Failure(StatusCode::kBadModel, name + " has an unknown property " + key);
    }
  });
  require_model(has_shape && offsets.size() == 2 && offsets[0] <= offsets[1],
                name + " must have a shape and two data_offsets, the smaller one first");
  entry.begin = offsets[0];
  entry.tensor.bytes = offsets[1] - offsets[0];
  // Divided, not multiplied: the product of sizes may overflow.
  int64_t left = entry.tensor.bytes / find_type(name, entry.tensor.dtype).bytes;
  bool fits = left * find_type(name, entry.tensor.dtype).bytes == entry.tensor.bytes;
  for (const int64_t size : entry.tensor.shape) {
    fits = fits && size > 0 && left % size == 0;
    if (fits) left /= size;
  }
  require_model(fits && left == 1, name + " has a shape that does not fit its " + std::to_string(entry.tensor.bytes) +
                                       " bytes, or is empty");
  return entry;
}

}  // namespace

int64_t SafeTensor::count() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

std::vector<float> SafeTensor::read_floats() const {
  if (dtype == "F16") return convert_all<uint16_t>(*this, from_half);
  if (dtype == "BF16")
    return convert_all<uint16_t>(*this, [](uint16_t v) { return from_bits(static_cast<uint32_t>(v) << 16); });
  if (dtype == "F32") return convert_all<float>(*this, [](float v) { return v; });
  return convert_all<double>(*this, [](double v) { return static_cast<float>(v); });
}

std::string digest_tensors(const std::map<std::string, SafeTensor>& tensors) {
  Sha256 sha;
  for (const auto& [name, tensor] : tensors) {
    std::string shape;
    for (const int64_t size : tensor.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    if (tensor.shape.size() == 1) shape += ",";  // Python's form of a tuple of one
    const std::string line = name + " " + find_type(name, tensor.dtype).torch_name + " (" + shape + ")\n";
    sha.add(line.data(), line.size());
    sha.add(tensor.data, static_cast<size_t>(tensor.bytes));
  }
  return sha.finish();
}

std::vector<uint8_t> read_file(const char* path) {
  const auto fail = [] { throw Failure(StatusCode::kBadModel, std::strerror(errno)); };
  struct stat info;
  if (stat(path, &info) != 0) fail();
  require_model(S_ISREG(info.st_mode), "is not a regular file");  // to open a named pipe would wait for its writer
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "rb"), std::fclose);
  if (file == nullptr) fail();
  std::vector<uint8_t> bytes(static_cast<size_t>(info.st_size));
  const size_t read = std::fread(bytes.data(), 1, bytes.size(), file.get());
  if (std::ferror(file.get()) != 0) fail();
  bytes.resize(read);
  return bytes;
}

SafeTensors read_safetensors(const uint8_t* file, size_t bytes) {
  uint64_t header_bytes = 0;
  const std::string size = kNoSafetensors + ("it has " + std::to_string(bytes) + " bytes");
  require_model(bytes >= kLengthBytes, size);
  for (size_t i = 0; i < kLengthBytes; ++i) header_bytes |= static_cast<uint64_t>(file[i]) << (8 * i);
  const auto* header = reinterpret_cast<const char*>(file + kLengthBytes);
  require_model(header_bytes <= std::min<uint64_t>(kMaxHeader, bytes - kLengthBytes) && header_bytes > 0,
                size + " and states a header of " + std::to_string(header_bytes));
  const uint8_t* data = file + kLengthBytes + header_bytes;
  const auto data_bytes = static_cast<int64_t>(bytes - kLengthBytes - header_bytes);

  SafeTensors result;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  JsonReader json(header, header + header_bytes);
  json.read_object([&](const std::string& name) {
    if (name == "__metadata__") {
      require_model(result.metadata.empty(), "the header has metadata twice");
      json.read_object([&](const std::string& key) { result.metadata[key] = json.read_string(); });
      return;
    }
    Entry entry = read_entry(json, name);
    require_model(entry.begin + entry.tensor.bytes <= data_bytes, name + " lies beyond the end of the file");
    ranges.emplace_back(entry.begin, entry.begin + entry.tensor.bytes);
    entry.tensor.data = data + entry.begin;
    require_model(result.tensors.emplace(name, std::move(entry.tensor)).second, name + " is in the file twice");
  });
  json.expect_end();
  std::sort(ranges.begin(), ranges.end());
  int64_t end = 0;
  for (const auto& range : ranges) {
    require_model(range.first == end, "tensors overlap or have gaps between them");
    end = range.second;
  }
  require_model(end == data_bytes, "damaged: the tensors have " + std::to_string(end) + " bytes, the file has " +
                                       std::to_string(data_bytes));
  const auto stated = result.metadata.find(kDigestKey);
  require_model(stated == result.metadata.end() || stated->second == digest_tensors(result.tensors),
                "damaged: the weights do not match their sha256");
  return result;
}

}  // namespace srdgan
