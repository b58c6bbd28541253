// Counts the allocations of a test program, of all its threads. To be included by its one source file.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {
std::atomic<int64_t> num_allocations{0};

void* count_and_allocate(size_t bytes, size_t alignment) {
  ++num_allocations;
  void* data = nullptr;
  if (posix_memalign(&data, std::max(alignment, sizeof(void*)), bytes) != 0) throw std::bad_alloc();
  return data;
}
}  // namespace

// Not inlined: where GCC sees free() beside operator new, it warns of a mismatch.
#define NOINLINE __attribute__((noinline))
NOINLINE void* operator new(size_t bytes) { return count_and_allocate(bytes, 16); }
NOINLINE void* operator new(size_t bytes, std::align_val_t alignment) {
  return count_and_allocate(bytes, static_cast<size_t>(alignment));
}
// Sanitizers bring forms of their own, which would not call the two above.
NOINLINE void* operator new[](size_t bytes) { return operator new(bytes); }
NOINLINE void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++num_allocations;
  return std::malloc(bytes);
}
NOINLINE void operator delete[](void* data) noexcept { std::free(data); }
NOINLINE void operator delete[](void* data, size_t) noexcept { std::free(data); }
NOINLINE void operator delete(void* data) noexcept { std::free(data); }
NOINLINE void operator delete(void* data, size_t) noexcept { std::free(data); }
NOINLINE void operator delete(void* data, std::align_val_t) noexcept { std::free(data); }
NOINLINE void operator delete(void* data, size_t, std::align_val_t) noexcept { std::free(data); }
