// A kernel's accesses to global memory through primitives. Blocks cannot wait for each other, so that what one stores,
// no other one may read or store. load_global may use a cache that does not see the kernel's stores, not even those of
// the same thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/cpp/simt/fault.h"

namespace simt {

enum class GlobalAccess { kLoad, kCopy, kStore };

class GlobalLog {
 public:
  void clear() { accesses_.clear(); }
  void add(GlobalAccess kind, const void* address, size_t bytes, uint64_t block, Site site);
  // The first conflict between accesses, in words; empty if there is none.
  std::string find_conflict() const;

 private:
  struct Access {
    uintptr_t address;
    uint64_t block;
    Site site;
    int bytes;
    GlobalAccess kind;
  };
  static bool conflict(const Access& store, const Access& other);
  static std::string describe(const Access& store, const Access& other, uintptr_t address);

  std::vector<Access> accesses_;
};

}  // namespace simt
