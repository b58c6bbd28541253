// safetensors files of random networks, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "csrc/kernels/cpu/l2h_pack.h"

// Of values that a half can hold exactly: those of `round_to_half`.
inline uint16_t to_half(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint32_t sign = bits >> 16 & 0x8000u, rest = bits & 0x7FFFFFFFu;
  if (rest == 0) return static_cast<uint16_t>(sign);
  return static_cast<uint16_t>(sign | ((rest - (112u << 23)) >> 13));
}

// The same tensors with their values cut to ten bits of mantissa; tiny ones become 0.
struct RoundedTensors {
  std::vector<std::unique_ptr<std::vector<float>>> values;
  srdgan::NamedTensors tensors;
};

inline int64_t count_of(const srdgan::FloatTensor& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) count *= size;
  return count;
}

inline RoundedTensors round_to_half(const srdgan::NamedTensors& tensors) {
  RoundedTensors rounded;
  for (const auto& [name, tensor] : tensors) {
    rounded.values.push_back(std::make_unique<std::vector<float>>(tensor.data, tensor.data + count_of(tensor)));
    for (float& value : *rounded.values.back()) {
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      bits = (bits & 0x7FFFFFFFu) < (113u << 23) ? 0 : bits & ~0x1FFFu;
      std::memcpy(&value, &bits, sizeof(bits));
    }
    rounded.tensors[name] = {rounded.values.back()->data(), tensor.shape};
  }
  return rounded;
}

// dtype: F32 or F16.
inline std::vector<uint8_t> model_file(const srdgan::NamedTensors& tensors,
                                       const std::map<std::string, std::string>& metadata = {},
                                       const std::string& dtype = "F32") {
  std::string header = "{\"__metadata__\":{", data;
  for (const auto& [key, value] : metadata)
    header += (header.back() == '{' ? "\"" : ",\"") + key + "\":\"" + value + "\"";
  header += "}";
  for (const auto& [name, tensor] : tensors) {
    const size_t begin = data.size();
    for (int64_t i = 0; i < count_of(tensor); ++i) {
      const uint16_t half = dtype == "F16" ? to_half(tensor.data[i]) : uint16_t{0};
      data.append(
          dtype == "F16" ? reinterpret_cast<const char*>(&half) : reinterpret_cast<const char*>(tensor.data + i),
          dtype == "F16" ? sizeof(half) : sizeof(float));
    }
    std::string escaped;
    for (const char c : name) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
    header += ",\"" + escaped + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[";
    for (size_t i = 0; i < tensor.shape.size(); ++i) header += (i == 0 ? "" : ",") + std::to_string(tensor.shape[i]);
    header += "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  std::vector<uint8_t> file;
  for (int i = 0; i < 8; ++i) file.push_back(static_cast<uint8_t>(static_cast<uint64_t>(header.size()) >> (8 * i)));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}
