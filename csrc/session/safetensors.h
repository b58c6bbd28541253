// Reads safetensors files: 8 bytes with the length of a JSON header, the header, and the tensors' bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace srdgan {

struct SafeTensor {
  std::string dtype;  // F16, BF16, F32 or F64
  std::vector<int64_t> shape;
  const uint8_t* data;
  int64_t bytes;

  int64_t count() const;
  // The values as float.
  std::vector<float> read_floats() const;
};

// Pointers into the file's bytes.
struct SafeTensors {
  std::map<std::string, SafeTensor> tensors;
  std::map<std::string, std::string> metadata;
};

std::vector<uint8_t> read_file(const char* path);

// The sha256 of names, types, shapes and bytes in hexadecimal (srdgan_rt/checkpoint/digest.py).
std::string digest_tensors(const std::map<std::string, SafeTensor>& tensors);

// Throws Failure unless the header is valid, the tensors fill the file without gaps, and their sha256 is the one of the
// metadata, if that states one. `file` must outlive the result.
SafeTensors read_safetensors(const uint8_t* file, size_t bytes);

}  // namespace srdgan
