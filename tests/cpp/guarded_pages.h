// Memory between pages that cannot be accessed.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <vector>

// `bytes` bytes whose end lies directly before a page without access, or so close to it as `alignment` allows; a page
// without access is also before them. What is left of their own pages is filled, and kept() tells whether it still is.
class GuardedPages {
 public:
  GuardedPages(size_t bytes, size_t alignment, std::string name) : bytes_(bytes), name_(std::move(name)) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    inner_bytes_ = std::max<size_t>((bytes + page - 1) / page, 1) * page;
    void* memory =
        mmap(nullptr, inner_bytes_ + 2 * kGuardBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    inner_ = static_cast<std::byte*>(memory) + kGuardBytes;
    if (mprotect(inner_, inner_bytes_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    data_ = inner_ + (inner_bytes_ - bytes) / alignment * alignment;
    std::memset(inner_, kFill, data_ - inner_);
    std::memset(data_ + bytes, kFill, inner_ + inner_bytes_ - (data_ + bytes));
    all().push_back(this);
  }
  ~GuardedPages() {
    all().erase(std::find(all().begin(), all().end(), this));
    munmap(inner_ - kGuardBytes, inner_bytes_ + 2 * kGuardBytes);
  }
  GuardedPages(const GuardedPages&) = delete;
  GuardedPages& operator=(const GuardedPages&) = delete;

  std::byte* data() const { return data_; }
  size_t size() const { return bytes_; }
  const std::string& name() const { return name_; }

  bool kept() const {
    const auto is_fill = [](std::byte b) { return b == std::byte{kFill}; };
    return std::all_of(inner_, data_, is_fill) && std::all_of(data_ + bytes_, inner_ + inner_bytes_, is_fill);
  }
  // From now on writing is a fault, too.
  void make_read_only() { mprotect(inner_, inner_bytes_, PROT_READ); }

  // The pages to which an address belongs, those without access included; null if there are none.
  static const GuardedPages* find(const void* address) {
    const auto* p = static_cast<const std::byte*>(address);
    for (const GuardedPages* pages : all()) {
      if (p >= pages->inner_ - kGuardBytes && p < pages->inner_ + pages->inner_bytes_ + kGuardBytes) return pages;
    }
    return nullptr;
  }

 private:
  // Far strays should still meet the guard: these pages cost nothing but addresses.
  static constexpr size_t kGuardBytes = 1 << 20;
  static constexpr unsigned char kFill = 0xa5;

  static std::vector<const GuardedPages*>& all() {
    // Never destroyed: pages in static objects may be destroyed at any time.
    static auto& pages = *new std::vector<const GuardedPages*>;
    return pages;
  }

  size_t bytes_, inner_bytes_;
  std::string name_;
  std::byte* inner_;
  std::byte* data_;
};
