#include "csrc/session/workers.h"

#include <string>

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
  is_wrong_ = false;
  for (int64_t i = 0; i < size(); ++i) was_called_[static_cast<size_t>(i)] = false;
  const auto call = [this](int64_t worker) {  // small enough for std::function to allocate nothing
    if (worker < 0 || worker >= size() || was_called_[static_cast<size_t>(worker)].exchange(true)) {
      is_wrong_ = true;  // two calls with one index would share its memory
      return;
    }
    call_job(worker);
    ++num_calls_;
  };
  try {
    parallel_for_(size(), call);
  } catch (const std::exception& error) {
    throw Failure(StatusCode::kInvalidArgument, std::string("parallel_for threw an exception: ") + error.what());
  } catch (...) {
    throw Failure(StatusCode::kInvalidArgument, "parallel_for threw an exception");
  }
  require_argument(!is_wrong_ && num_calls_ == size(),
                   "parallel_for must call its job once for each index, and wait for all calls");
}

}  // namespace srdgan
