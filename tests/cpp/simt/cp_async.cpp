#include "tests/cpp/simt/cp_async.h"

#include <cstdint>
#include <cstring>

#include "tests/cpp/simt/scheduler.h"

namespace simt {

void Copies::start(void* to, const void* from, bool inside, Site site) {
  const int32_t offset = shared_memory().offset(to, kCopyBytes, "cp.async", site);
  check_global(from, kCopyBytes, "cp.async", site);
  if (inside) {  // read at once, too, so that a bad address is found at this line
    const auto* source = static_cast<const volatile std::byte*>(from);
    (void)source[0];
    (void)source[kCopyBytes - 1];
    log_global(GlobalAccess::kCopy, from, kCopyBytes, site);
  }
  log_access(AccessKind::kCpAsync, site, offset, kCopyBytes);
  shared_memory().start_copy(offset, kCopyBytes, this_lane(), site);
  std::memset(to, poison(), kCopyBytes);
  Copy copy{to, inside ? from : nullptr, site, {}, false};
  if (inside && is_ahead()) {
    copy.is_read = true;
    std::memcpy(copy.bytes, from, kCopyBytes);
  }
  open_.push_back(copy);
}

void Copies::commit() {
  groups_.push_back(std::move(open_));
  open_.clear();
}

void Copies::wait(size_t pending) {
  for (; groups_.size() > pending; groups_.pop_front()) {
    for (const Copy& copy : groups_.front()) {
      if (copy.from != nullptr) {
        std::memcpy(copy.to, copy.is_read ? copy.bytes : copy.from, kCopyBytes);
      } else {
        std::memset(copy.to, 0, kCopyBytes);
      }
      const int32_t offset = shared_memory().offset(copy.to, kCopyBytes, "cp.async", copy.site);
      shared_memory().finish_copy(offset, kCopyBytes, this_lane(), copy.site);
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
