#include "tests/cpp/simt/global_memory.h"

#include <algorithm>

#include "tests/cpp/guarded_pages.h"

namespace simt {
namespace {

constexpr uintptr_t kWordBytes = 4;  // the smallest access of a primitive

}  // namespace

void GlobalLog::add(GlobalAccess kind, const void* address, size_t bytes, uint64_t block, Site site) {
  accesses_.push_back({reinterpret_cast<uintptr_t>(address), block, site, static_cast<int>(bytes), kind});
}

bool GlobalLog::conflict(const Access& store, const Access& other) {
  return other.kind == GlobalAccess::kLoad || other.block != store.block;
}

std::string GlobalLog::describe(const Access& store, const Access& other, uintptr_t address) {
  const auto* byte = reinterpret_cast<const std::byte*>(address);
  const GuardedPages* pages = GuardedPages::find(byte);
  const std::string place =
      pages == nullptr ? "memory" : "byte " + std::to_string(byte - pages->data()) + " of " + pages->name();
  const std::string what = other.kind == GlobalAccess::kStore  ? ": two blocks store "
                           : other.kind == GlobalAccess::kCopy ? ": a block copies what another one stores, "
                                                               : ": load_global reads what the kernel stores, ";
  return name(other.site) + what + place + ", " + name(store.site);
}

std::string GlobalLog::find_conflict() const {
  struct Word {
    uintptr_t address;
    const Access* store;
  };
  const auto is_before = [](const Word& a, const Word& b) { return a.address < b.address; };
  std::vector<Word> stored;
  for (const Access& access : accesses_) {
    if (access.kind != GlobalAccess::kStore) continue;
    for (int i = 0; i < access.bytes; i += kWordBytes) stored.push_back({access.address + i, &access});
  }
  std::stable_sort(stored.begin(), stored.end(), is_before);
  for (const Access& access : accesses_) {
    const uintptr_t end = access.address + access.bytes;
    auto word = std::lower_bound(stored.begin(), stored.end(), Word{access.address, nullptr}, is_before);
    for (; word != stored.end() && word->address < end; ++word) {
      if (conflict(*word->store, access)) return describe(*word->store, access, word->address);
    }
  }
  return "";
}

}  // namespace simt
