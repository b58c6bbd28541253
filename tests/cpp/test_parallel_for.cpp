// A session on threads of the host application: same bits, no threads of its own, no deadlock with any number, no
// allocation; a host that breaks the contract gets an error.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "include/srdgan/session.h"
#include "include/srdgan/session_c.h"
#include "tests/cpp/counting_allocator.h"
#include "tests/cpp/opened_session.h"

using namespace srdgan;

namespace {

using Job = std::function<void(int64_t)>;

// A pool as applications have it: some threads that take indices from a common counter. The caller waits.
class ForeignPool {
 public:
  explicit ForeignPool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~ForeignPool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void run(int64_t count, const Job& job) {
    std::unique_lock lock(mutex_);
    job_ = &job;
    next_ = 0;
    count_ = pending_ = count;
    changed_.notify_all();
    changed_.wait(lock, [this] { return pending_ == 0; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || next_ < count_; });
      if (stopping_) return;
      const int64_t index = next_++;
      const Job* job = job_;
      lock.unlock();
      (*job)(index);
      lock.lock();
      if (--pending_ == 0) changed_.notify_all();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  const Job* job_ = nullptr;
  int64_t next_ = 0, count_ = 0, pending_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

void test_same_bits() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  const std::vector<uint8_t> pixels = random_bytes(3 * 150 * 40, 1);
  SessionConfig config = config_of(150, 40);
  config.strip_rows = 1;
  const std::vector<uint8_t> expected = Opened(file, {1, -1, -1, nullptr}).enlarge(pixels, config);
  for (const int pool_threads : {1, 3}) {
    ForeignPool pool(pool_threads);
    for (const int64_t jobs : {1, 2, 5}) {
      Opened opened(file, {jobs, -1, -1, [&](int64_t count, const Job& job) { pool.run(count, job); }});
      CHECK(opened.enlarge(pixels, config) == expected, "%d jobs on %d threads", static_cast<int>(jobs), pool_threads);
      std::vector<uint8_t> result(expected.size());
      const int64_t before = num_allocations;
      opened.process(from_plane(pixels.data()), to_plane(result.data()));
      CHECK(num_allocations == before, "%d allocations", static_cast<int>(num_allocations - before));
    }
  }
}

// No thread but the caller's: one call after another, in the reverse order.
void test_one_after_another() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  const std::vector<uint8_t> pixels = random_bytes(3 * 60 * 40, 2);
  const std::vector<uint8_t> expected = Opened(file, {1, -1, -1, nullptr}).enlarge(pixels, config_of(60, 40));
  const auto backwards = [](int64_t count, const Job& job) {
    for (int64_t i = count - 1; i >= 0; --i) job(i);
  };
  CHECK(Opened(file, {4, -1, -1, backwards}).enlarge(pixels, config_of(60, 40)) == expected, "differs");

  srdgan_session* session = srdgan_session_create();
  srdgan_options options = srdgan_default_options();
  int64_t num_jobs = 0;
  options.threads = 3;
  options.user = &num_jobs;
  options.parallel_for = [](void* user, int64_t count, srdgan_job job, void* data) {
    for (int64_t i = 0; i < count; ++i) job(data, i);
    *static_cast<int64_t*>(user) += count;
  };
  srdgan_config config = srdgan_default_config();
  config.width = 40;
  config.height = 60;
  std::vector<uint8_t> result(expected.size());
  const srdgan_const_image input = {{pixels.data()}, {0}};
  const srdgan_image output = {{result.data()}, {0}};
  srdgan_status status;
  CHECK(srdgan_session_open_memory(session, file.data(), file.size(), &options, &status) == SRDGAN_OK, "open");
  CHECK(srdgan_session_configure(session, &config, &status) == SRDGAN_OK, "configure");
  CHECK(srdgan_session_process(session, &input, &output, &status) == SRDGAN_OK, "process");
  CHECK(result == expected && num_jobs > 0 && num_jobs % 3 == 0, "C: %d jobs", static_cast<int>(num_jobs));
  srdgan_session_destroy(session);
}

void test_broken_hosts() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  std::vector<uint8_t> pixels(3 * 64), result(16 * 3 * 64);
  bool is_broken = false;
  std::function<void()> fault;
  Session session;
  const auto host = [&](int64_t count, const Job& job) {
    if (is_broken) return fault();
    for (int64_t i = 0; i < count; ++i) job(i);
  };
  CHECK(session.open(file.data(), file.size(), {2, -1, -1, host}).ok(), "open");
  CHECK(session.configure(config_of(8, 8)).ok(), "configure");
  const auto process = [&] { return session.process(from_plane(pixels.data()), to_plane(result.data())); };
  is_broken = true;
  fault = [] {};
  Status status = process();
  CHECK(status.code == StatusCode::kInvalidArgument && std::strstr(status.message, "once for each index") != nullptr,
        "%s", status.message);
  fault = [] { throw std::runtime_error("the pool is closed"); };
  status = process();
  CHECK(std::strcmp(status.message, "parallel_for threw an exception: the pool is closed") == 0, "%s", status.message);
  fault = [] { throw 7; };
  status = process();
  CHECK(std::strstr(status.message, "parallel_for threw") != nullptr, "%s", status.message);
  SessionConfig config = config_of(8, 8);
  config.row_streaming = true;
  int64_t count = 0;
  is_broken = false;
  CHECK(session.configure(config).ok(), "configure");
  is_broken = true;
  CHECK(session.push_rows(from_plane(pixels.data()), 8, count).code == StatusCode::kInvalidArgument, "push");
  is_broken = false;
  CHECK(process().ok(), "the session must work again, and no picture may be begun");
}

// Indices that are no one's memory or another one's; and a failure of the host is not blamed on the model.
void test_wrong_indices() {
  const std::vector<uint8_t> file = model_file(RandomLayers(net_sizes()).tensors);
  using Host = void (*)(int64_t count, const Job& job);
  const Host hosts[] = {
      [](int64_t count, const Job& job) {
        for (int64_t i = 1; i <= count; ++i) job(i);
      },
      [](int64_t count, const Job& job) {
        for (int64_t i = 0; i < count; ++i) job(0);
      },
      [](int64_t count, const Job& job) {
        for (int64_t i = 0; i < count; ++i) job(i - 1);
      },
      [](int64_t count, const Job& job) {
        for (int64_t i = 0; i <= count; ++i) job(i % count);
      },
  };
  for (const Host host : hosts) {
    Session session;
    CHECK(says(session.open(file.data(), file.size(), {2, -1, -1, host}), StatusCode::kInvalidArgument,
               "parallel_for must call its job once for each index"),
          "open");
    CHECK(session.scale() == 0, "no network may be left");
  }
  Session session;
  const auto closed = [](int64_t, const Job&) { throw std::runtime_error("the pool is closed"); };
  CHECK(says(session.open(file.data(), file.size(), {2, -1, -1, closed}), StatusCode::kInvalidArgument,
             "parallel_for threw an exception: the pool is closed"),
        "open");
}

}  // namespace

int main() {
  test_same_bits();
  test_one_after_another();
  test_broken_hosts();
  test_wrong_indices();
  return test_result();
}
