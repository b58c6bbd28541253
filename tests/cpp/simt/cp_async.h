// One thread's copies from global to shared memory that are on their way.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "tests/cpp/simt/fault.h"

namespace simt {

constexpr int kCopyBytes = 16;

// A copy is done as late as a kernel allows, when it is waited for. Until then its target is poison. Only while the
// kernel before has not ended, its source is read at once.
class Copies {
 public:
  void start(void* to, const void* from, bool inside, Site site);
  void commit();
  void wait(size_t pending);
  // At the thread's end: a fault if there is a copy that the thread has not waited for.
  void check_finished() const;
  void clear();

 private:
  struct Copy {
    void* to;
    const void* from;  // null for zeros
    Site site;
    std::byte bytes[kCopyBytes];
    bool is_read;  // `bytes` is the source
  };
  std::vector<Copy> open_;
  std::deque<std::vector<Copy>> groups_;
};

}  // namespace simt
