#include "csrc/session/thread_pool.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "csrc/session/failure.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace srdgan {

ThreadPool::ThreadPool(int64_t threads) : Workers(threads), process_(getpid()) {
  try {
    for (int64_t thread = 1; thread < threads; ++thread) threads_.emplace_back([this, thread] { work(thread); });
  } catch (const std::system_error&) {
    stop();
    throw Failure(StatusCode::kOutOfMemory, "threads cannot be started");
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

bool ThreadPool::is_of_this_process() const { return process_ == getpid(); }

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run_all() {
  {
    const std::lock_guard lock(mutex_);
    pending_ = static_cast<int64_t>(threads_.size());
    ++round_;
  }
  start_.notify_all();
  call_job(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return pending_ == 0; });
}

void ThreadPool::work(int64_t thread) {
  for (int64_t seen = 0;;) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stopping_ || round_ != seen; });
      if (stopping_) return;
      seen = round_;
    }
    call_job(thread);
    const std::lock_guard lock(mutex_);
    if (--pending_ == 0) done_.notify_one();
  }
}

int64_t ThreadPool::num_processors() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(CPU_COUNT(&allowed), 1);
#endif
  return std::max<int64_t>(std::thread::hardware_concurrency(), 1);
}

}  // namespace srdgan
