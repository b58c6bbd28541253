#pragma once

#include <signal.h>

#include <vector>

namespace simt {

// As long as it lives, an access to a page without access is a fault of the kernel that is being executed: beyond the
// end of a buffer, of shared memory, or of a thread's stack.
class CatchBadAccesses {
 public:
  CatchBadAccesses();
  ~CatchBadAccesses();
  CatchBadAccesses(const CatchBadAccesses&) = delete;
  CatchBadAccesses& operator=(const CatchBadAccesses&) = delete;

 private:
  std::vector<char> stack_;  // the thread's own may have no room left
  stack_t old_stack_;
  struct sigaction old_segv_, old_bus_;
};

}  // namespace simt
