// What sessions do on several threads, with so little work that it is quick under ThreadSanitizer:
// -DSRDGAN_SANITIZE=thread. Strips of one picture, rows that arrive, cancelling, calls that meet in one session,
// sessions side by side.
#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "include/srdgan/session.h"
#include "tests/cpp/opened_session.h"

using namespace srdgan;

namespace {

constexpr int64_t kHeight = 90, kWidth = 12;

// A network, a picture, and what one thread makes of it.
struct Work {
  explicit Work(bool int8) : layers(sizes(int8)), file(model_file(layers.tensors)), ranges(ranges_file(layers)) {
    config.strip_rows = 1;
    config.row_streaming = true;
    expected = Opened(file, options(1)).enlarge(pixels, config);
  }
  static L2HSizes sizes(bool int8) {
    L2HSizes sizes = unshuffled_sizes(2);
    if (int8) sizes.products = Products::kInt8;
    return sizes;
  }
  SessionOptions options(int64_t threads) const {
    SessionOptions options = layers.sizes.products == Products::kInt8 ? int8_options(ranges) : SessionOptions{};
    options.threads = threads;
    options.halo = options.border_padding = 0;
    return options;
  }

  const RandomLayers layers;
  const std::vector<uint8_t> file, ranges, pixels = random_bytes(3 * kHeight * kWidth, 1);
  SessionConfig config = config_of(kHeight, kWidth);
  std::vector<uint8_t> expected;
};

Status process(Session& session, const Work& work, std::vector<uint8_t>& result) {
  result.resize(work.expected.size());
  return session.process(from_plane(work.pixels.data()), to_plane(result.data()));
}

// The whole picture, in pieces of a few rows.
Status stream(Session& session, const Work& work, std::vector<uint8_t>& result) {
  const int64_t row_bytes = 3 * kWidth, result_bytes = row_bytes * session.scale();
  result.resize(work.expected.size());
  int64_t pushed = 0, pulled = 0, count = 0;
  while (pulled < session.output_height()) {
    Status status;
    if (pushed < kHeight) {
      status = session.push_rows(from_plane(work.pixels.data() + pushed * row_bytes),
                                 std::min<int64_t>(7, kHeight - pushed), count);
      pushed += count;
    }
    if (!status.ok()) return status;
    status =
        session.pull_rows(to_plane(result.data() + pulled * result_bytes), session.output_height() - pulled, count);
    if (!status.ok()) return status;
    pulled += count;
  }
  return {};
}

void test_strips_and_rows(const Work& work, const SessionOptions& options) {
  Opened opened(work.file, options);
  opened.configure(work.config);
  std::vector<uint8_t> result;
  CHECK(process(opened.session, work, result).ok() && result == work.expected, "the picture differs");
  CHECK(stream(opened.session, work, result).ok() && result == work.expected, "the rows differ");
}

// A new thread for each job, as no host should do it.
void run_on_new_threads(int64_t count, const std::function<void(int64_t)>& job) {
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < count; ++i) threads.emplace_back([&job, i] { job(i); });
  for (std::thread& thread : threads) thread.join();
}

void test_cancel(const Work& work) {
  Opened opened(work.file, work.options(2));
  opened.configure(work.config);
  std::vector<uint8_t> result;
  int num_cancelled = 0;
  for (int round = 0; round < 6; ++round) {
    std::thread other([&] {
      for (int i = 0; i < round; ++i) std::this_thread::yield();
      opened.session.cancel();
    });
    const Status status = round % 2 == 0 ? process(opened.session, work, result) : stream(opened.session, work, result);
    other.join();
    CHECK(status.ok() || status.code == StatusCode::kCancelled, "%s", status.message);
    if (status.ok()) CHECK(process(opened.session, work, result).code == StatusCode::kCancelled, "a request is lost");
    num_cancelled += !status.ok();
  }
  CHECK(process(opened.session, work, result).ok() && result == work.expected, "after %d cancelled", num_cancelled);
}

void test_calls_that_meet(const Work& work) {
  Opened opened(work.file, work.options(2));
  opened.configure(work.config);
  std::atomic<int> num_done{0}, num_wrong{0};
  run_on_new_threads(3, [&](int64_t) {
    std::vector<uint8_t> result;
    for (int i = 0; i < 3; ++i) {
      const Status status = process(opened.session, work, result);
      if (status.ok()) ++num_done;
      if (status.ok() ? result != work.expected : status.code != StatusCode::kBusy) ++num_wrong;
    }
  });
  CHECK(num_done > 0 && num_wrong == 0, "%d wrong of %d", num_wrong.load(), num_done.load());
}

// Other threads may ask at any time, also while the memory that they ask for goes and comes.
void test_properties_meanwhile(const Work& work) {
  Opened opened(work.file, work.options(2));
  opened.configure(work.config);
  const int64_t bytes = opened.session.memory_bytes();
  std::atomic<bool> is_done{false};
  std::atomic<int> num_wrong{0};
  std::thread monitor([&] {
    const Session& session = opened.session;
    while (!is_done) {
      const int64_t height = session.output_height(), now = session.memory_bytes();
      if ((height != 0 && height != kHeight * session.scale()) || now < 0 || now > bytes) ++num_wrong;
      if (session.finished_rows() < 0 || session.latency_rows() < 0 || session.estimated_latency_ms() != 0) ++num_wrong;
    }
  });
  std::vector<uint8_t> result;
  for (int i = 0; i < 3; ++i) {
    CHECK(!opened.session.configure(config_of(0, 0)).ok() && opened.session.memory_bytes() < bytes, "released");
    opened.configure(work.config);
    CHECK(stream(opened.session, work, result).ok() && result == work.expected, "the rows differ");
  }
  is_done = true;
  monitor.join();
  CHECK(num_wrong == 0, "%d wrong", num_wrong.load());
}

void test_sessions_side_by_side(const Work& work) {
  std::atomic<int> num_right{0};
  run_on_new_threads(3, [&](int64_t) {
    Session session;
    std::vector<uint8_t> result;
    const bool is_right = session.open(work.file.data(), work.file.size(), work.options(2)).ok() &&
                          session.configure(work.config).ok() && process(session, work, result).ok() &&
                          result == work.expected;
    num_right += is_right;
  });
  CHECK(num_right == 3, "%d of 3", num_right.load());
}

}  // namespace

int main() {
  for (const bool int8 : {false, true}) {
    const Work work(int8);
    test_strips_and_rows(work, work.options(3));
    SessionOptions options = work.options(2);
    options.parallel_for = run_on_new_threads;
    test_strips_and_rows(work, options);
    if (int8) continue;
    test_cancel(work);
    test_calls_that_meet(work);
    test_properties_meanwhile(work);
    test_sessions_side_by_side(work);
  }
  return test_result();
}
