// Threads of one session, which sleep between jobs.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace srdgan {

class ThreadPool {
 public:
  // threads: with the caller's own, which works too. Throws std::system_error if they cannot be started.
  explicit ThreadPool(int64_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int64_t size() const { return static_cast<int64_t>(threads_.size()) + 1; }
  // Whether this process started the threads.
  bool is_of_this_process() const;

  // Calls job(thread) once on each thread, for 0 .. size() - 1, and returns when all have returned. The first exception
  // is thrown again. It allocates nothing.
  template <typename Job>
  void run(const Job& job) {
    run_erased([](const void* erased, int64_t thread) { (*static_cast<const Job*>(erased))(thread); }, &job);
  }
  // Calls job(i) once for each i of [begin, end).
  template <typename Job>
  void for_each(int64_t begin, int64_t end, const Job& job) {
    run([&](int64_t thread) {
      for (int64_t i = begin + thread; i < end; i += size()) job(i);
    });
  }

  // Processors that this process may use.
  static int64_t num_processors();

 private:
  using Call = void (*)(const void* job, int64_t thread);
  void run_erased(Call call, const void* job);
  void work(int64_t thread);
  void call_job(int64_t thread) noexcept;
  void stop();

  std::mutex mutex_;
  std::condition_variable start_, done_;
  Call call_ = nullptr;
  const void* job_ = nullptr;
  int64_t round_ = 0;    // number of the job
  int64_t pending_ = 0;  // threads that have not finished it
  bool stopping_ = false;
  std::exception_ptr error_;
  pid_t process_;
  std::vector<std::thread> threads_;
};

// A fork copies no threads. There, to wait for them would never end, so the pool stays as it is.
struct DeleteThreadPool {
  void operator()(ThreadPool* pool) const {
    if (pool->is_of_this_process()) delete pool;
  }
};
using ThreadPoolPtr = std::unique_ptr<ThreadPool, DeleteThreadPool>;

}  // namespace srdgan
