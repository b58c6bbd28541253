// Memory that starts on a cache line.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>

#include "csrc/common/huge_pages.h"

namespace srdgan {

template <typename T>
class AlignedMemory {
 public:
  AlignedMemory() = default;
  // Contents are undefined. Throws std::bad_alloc.
  explicit AlignedMemory(int64_t count) : count_(count) {
    constexpr auto kMax = std::numeric_limits<int64_t>::max() / static_cast<int64_t>(sizeof(T)) - kLine;
    if (count < 0 || count > kMax) throw std::bad_alloc();
    const int64_t size = (bytes() / kLine + 1) * kLine;
    data_.reset(static_cast<T*>(std::aligned_alloc(kLine, static_cast<size_t>(size))));
    if (data_ == nullptr) throw std::bad_alloc();
    prefer_huge_pages(data_.get(), size);
  }

  T* data() const { return data_.get(); }
  int64_t bytes() const { return count_ * static_cast<int64_t>(sizeof(T)); }

  static constexpr int64_t kLine = 64;  // bytes

 private:
  struct Free {
    void operator()(T* data) const { std::free(data); }
  };
  int64_t count_ = 0;
  std::unique_ptr<T, Free> data_;
};

}  // namespace srdgan
