// The threads that a session's work runs on: its own (thread_pool.h), or those of the host application.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>

#include "include/srdgan/session.h"

namespace srdgan {

class Workers {
 public:
  explicit Workers(int64_t size) : size_(size) {}
  virtual ~Workers() = default;
  Workers(const Workers&) = delete;

  int64_t size() const { return size_; }
  // False in a child process after fork(), which has no copies of the threads.
  virtual bool is_of_this_process() const = 0;

  // Calls job(worker) once for each of 0 .. size() - 1, at the same time if threads are free, and returns when all have
  // returned. The first exception is thrown again. It allocates nothing.
  template <typename Job>
  void run(const Job& job) {
    run_erased([](const void* erased, int64_t worker) { (*static_cast<const Job*>(erased))(worker); }, &job);
  }
  // Calls job(i) once for each i of [begin, end).
  template <typename Job>
  void for_each(int64_t begin, int64_t end, const Job& job) {
    run([&](int64_t worker) {
      for (int64_t i = begin + worker; i < end; i += size()) job(i);
    });
  }

 protected:
  // Calls call_job(worker) for each of 0 .. size() - 1.
  virtual void run_all() = 0;
  void call_job(int64_t worker) noexcept;

 private:
  using Call = void (*)(const void* job, int64_t worker);
  void run_erased(Call call, const void* job);

  const int64_t size_;
  Call call_ = nullptr;
  const void* job_ = nullptr;
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

// The host application's threads.
class HostWorkers : public Workers {
 public:
  HostWorkers(const ParallelFor& parallel_for, int64_t size)
      : Workers(size), parallel_for_(parallel_for), was_called_(new std::atomic<bool>[static_cast<size_t>(size)]) {}

  bool is_of_this_process() const override { return true; }

 private:
  void run_all() override;

  const ParallelFor parallel_for_;
  const std::unique_ptr<std::atomic<bool>[]> was_called_;  // each index of the running job
  std::atomic<int64_t> num_calls_{0};
  std::atomic<bool> is_wrong_{false};  // whether an index does not exist, or was called twice
};

// In a child process after fork(), to wait for threads that were not copied would never end: the object is leaked
// there.
struct DeleteWorkers {
  void operator()(Workers* workers) const {
    if (workers->is_of_this_process()) delete workers;
  }
};
using WorkersPtr = std::unique_ptr<Workers, DeleteWorkers>;

}  // namespace srdgan
