#include "tests/cpp/simt/cp_async.h"

#include <cstdint>
#include <cstring>

#include "tests/cpp/simt/scheduler.h"

namespace simt {

void Copies::start(std::byte* to, const std::byte* from, bool inside, Site site) {
  check_shared(to, kCopyBytes, "cp.async", site);
  check_alignment(from, kCopyBytes, "cp.async", site);
  if (inside) {  // a source that must not be read is found at the line that names it
    const volatile std::byte* source = from;
    (void)source[0];
    (void)source[kCopyBytes - 1];
  }
  std::memset(to, poison(), kCopyBytes);
  open_.push_back({to, from, inside, site});
}

void Copies::commit() {
  groups_.push_back(std::move(open_));
  open_.clear();
}

void Copies::wait(size_t pending) {
  for (; groups_.size() > pending; groups_.pop_front()) {
    for (const Copy& copy : groups_.front()) {
      if (copy.inside) {
        std::memcpy(copy.to, copy.from, kCopyBytes);
      } else {
        std::memset(copy.to, 0, kCopyBytes);
      }
    }
  }
}

void Copies::check_finished() const {
  if (!open_.empty()) fail(open_.front().site, "cp.async: the thread ended without waiting for this copy");
  for (const auto& group : groups_) {
    if (!group.empty()) fail(group.front().site, "cp.async: the thread ended without waiting for this copy");
  }
}

void Copies::clear() {
  open_.clear();
  groups_.clear();
}

}  // namespace simt
