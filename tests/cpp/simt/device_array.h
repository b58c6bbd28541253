// A kernel's buffer in global memory, between pages that the kernel cannot access.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/cpp/guarded_pages.h"

namespace simt {

enum class Access { kRead, kReadWrite };

template <typename T>
class DeviceArray {
 public:
  // `count` elements that nothing was written to: each byte is 255, NaN in each floating-point type. The last element
  // ends at the guard if its end is a multiple of `alignment`, else up to alignment - 1 bytes before it.
  DeviceArray(std::string name, int64_t count, size_t alignment = 16)
      : start_(count), pages_(count * sizeof(T), alignment, std::move(name)) {
    if (count > 0) std::memset(static_cast<void*>(start_.data()), 0xff, count * sizeof(T));
    reset();
  }
  // The elements of `values`; with Access::kRead, writing is a fault of the kernel.
  DeviceArray(std::string name, const std::vector<T>& values, Access access = Access::kRead, size_t alignment = 16)
      : start_(values), pages_(values.size() * sizeof(T), alignment, std::move(name)) {
    reset();
    if (access == Access::kRead) pages_.make_read_only();
  }

  T* data() { return reinterpret_cast<T*>(pages_.data()); }
  int64_t size() const { return static_cast<int64_t>(start_.size()); }
  std::vector<T> values() { return {data(), data() + size()}; }
  // Makes the elements what they were at the beginning.
  void reset() {
    if (size() > 0) std::memcpy(static_cast<void*>(data()), start_.data(), pages_.size());
  }
  // Whether nothing was written to the bytes around the elements that can be accessed.
  bool kept() const { return pages_.kept(); }

 private:
  std::vector<T> start_;
  GuardedPages pages_;
};

}  // namespace simt
