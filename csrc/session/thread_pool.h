// Threads of one session, which sleep between jobs.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "csrc/session/workers.h"

namespace srdgan {

class ThreadPool : public Workers {
 public:
  // threads: with the caller's own, which works too. Throws std::system_error if they cannot be started.
  explicit ThreadPool(int64_t threads);
  ~ThreadPool() override;

  // Whether this process started the threads.
  bool is_of_this_process() const override;

  // Processors that this process may use.
  static int64_t num_processors();

 private:
  void run_all() override;
  void work(int64_t thread);
  void stop();

  std::mutex mutex_;
  std::condition_variable start_, done_;
  int64_t round_ = 0;    // number of the job
  int64_t pending_ = 0;  // threads that have not finished it
  bool stopping_ = false;
  pid_t process_;
  std::vector<std::thread> threads_;
};

}  // namespace srdgan
