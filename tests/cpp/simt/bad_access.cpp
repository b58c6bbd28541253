#include "tests/cpp/simt/bad_access.h"

#include <cstddef>
#include <string>

#include "tests/cpp/guarded_pages.h"
#include "tests/cpp/simt/fault.h"
#include "tests/cpp/simt/scheduler.h"

namespace simt {
namespace {

void on_bad_access(int, siginfo_t* info, void*) {
  const Site last = last_site();
  const std::string place = last.line > 0 ? ", at or after " + name(last) : "";
  const auto* address = static_cast<const std::byte*>(info->si_addr);
  const GuardedPages* pages = GuardedPages::find(address);
  if (pages == nullptr) fail({}, "accesses %p, which is in no buffer%s", info->si_addr, place.c_str());
  const ptrdiff_t offset = address - pages->data();
  if (offset >= 0 && offset < static_cast<ptrdiff_t>(pages->size())) {
    fail({}, "writes byte %td of %s, which is read-only%s", offset, pages->name().c_str(), place.c_str());
  }
  fail({}, "accesses byte %td of %s, which has %zu bytes%s", offset, pages->name().c_str(), pages->size(),
       place.c_str());
}

}  // namespace

CatchBadAccesses::CatchBadAccesses() : stack_(64 << 10) {
  stack_t stack{};
  stack.ss_sp = stack_.data();
  stack.ss_size = stack_.size();
  sigaltstack(&stack, &old_stack_);
  struct sigaction action{};
  action.sa_sigaction = on_bad_access;
  // The handler does not return, hence the signal must not stay blocked.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, &old_segv_);
  sigaction(SIGBUS, &action, &old_bus_);
}

CatchBadAccesses::~CatchBadAccesses() {
  sigaction(SIGSEGV, &old_segv_, nullptr);
  sigaction(SIGBUS, &old_bus_, nullptr);
  sigaltstack(&old_stack_, nullptr);
}

}  // namespace simt
