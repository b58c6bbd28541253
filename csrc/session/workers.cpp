#include "csrc/session/workers.h"

#include "csrc/session/failure.h"

namespace srdgan {

void Workers::run_erased(Call call, const void* job) {
  call_ = call;
  job_ = job;
  error_ = nullptr;
  run_all();
  if (error_ != nullptr) std::rethrow_exception(error_);
}

void Workers::call_job(int64_t worker) noexcept {
  try {
    call_(job_, worker);
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (error_ == nullptr) error_ = std::current_exception();
  }
}

void HostWorkers::run_all() {
  num_calls_ = 0;
  parallel_for_(size(), [this](int64_t worker) {  // small enough for std::function to allocate nothing
    call_job(worker);
    ++num_calls_;
  });
  require_argument(num_calls_ == size(), "parallel_for must call its job once for each index, and wait for all calls");
}

}  // namespace srdgan
