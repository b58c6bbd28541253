#include "include/srdgan/session.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "csrc/common/cpu_isa.h"
#include "csrc/session/failure.h"
#include "csrc/session/frame_runner.h"
#include "csrc/session/latency.h"
#include "csrc/session/packed_model.h"
#include "csrc/session/ranges.h"
#include "csrc/session/row_stream.h"
#include "csrc/session/safetensors.h"
#include "csrc/session/thread_pool.h"

namespace srdgan {
namespace {

constexpr int64_t kMaxThreads = 1024;

void check_options(const SessionOptions& options) {
  // The message names one limit: Python has None for the lowest value, which stands for the default.
  const auto check = [](const char* name, int64_t value, int64_t min, int64_t max) {
    if (value >= min && value <= max) return;
    const std::string rule =
        value < min ? " must be at least " + std::to_string(min) : " must be at most " + std::to_string(max);
    throw Failure(StatusCode::kInvalidArgument, name + rule + ", got " + std::to_string(value));
  };
  check("threads", options.threads, 0, kMaxThreads);
  check("halo", options.halo, -1, kMaxMargin);
  check("border_padding", options.border_padding, -1, kMaxMargin);
  require_choice("precision", options.precision, Precision::kAuto);
}

const char* describe(StatusCode code) {
  if (code == StatusCode::kCancelled) return "cancelled";
  return "the network's result is not finite: the weights or the float samples of the input are damaged or unfit";
}

// Whatever is thrown becomes a status.
template <typename Work>
Status guard(const Work& work) noexcept {
  try {
    return work();
  } catch (const Failure& failure) {
    return make_status(failure.code, failure.what());
  } catch (const std::bad_alloc&) {
    return make_status(StatusCode::kOutOfMemory, "not enough memory");
  } catch (const std::exception& error) {
    return make_status(StatusCode::kInvalidArgument, error.what());
  }
}

// As much of a path as leaves room for a reason.
std::string shorten(const std::string& path) {
  constexpr size_t kLength = 120;
  return path.size() <= kLength ? path : "..." + path.substr(path.size() - kLength);
}

// What Session's functions of these names return: as it was at the end of the last call, so that any thread can ask
// while another one is in a call.
struct Properties {
  std::atomic<int64_t> memory_bytes{0}, scale{0}, output_width{0}, output_height{0}, finished_rows{0}, latency_rows{0};
  std::atomic<double> estimated_latency_ms{0.0};
};

}  // namespace

class Session::Impl {
 public:
  // Runs work() unless another thread is in a call of this session.
  template <typename Work>
  Status exclusively(const Work& work) noexcept {
    if (busy_.exchange(true)) return make_status(StatusCode::kBusy, "another thread is in a call of this session");
    const Status status = guard(work);
    publish();
    busy_ = false;
    return status;
  }

  // Forgets the network, and what was configured and cancelled.
  void close() {
    release();
    model_.reset();
  }

  void open(const uint8_t* file, size_t bytes, const SessionOptions& options) {
    check_options(options);
    const int64_t threads = options.threads > 0 ? options.threads : ThreadPool::num_processors();
    if (options.parallel_for) {
      workers_.reset(new HostWorkers(options.parallel_for, threads));
    } else {
      workers_.reset(new ThreadPool(threads));
    }
    model_ = std::make_unique<PackedModel>(pack_model(file, bytes, options, *workers_));
  }

  void configure(const SessionConfig& config) {
    release();  // its memory can be used again
    require_argument(model_ != nullptr, "open() must come before configure()");
    check_process();
    require_argument(config.max_latency_ms >= 0.0 && std::isfinite(config.max_latency_ms),
                     "max_latency_ms must be a number of at least 0, got " + std::to_string(config.max_latency_ms));
    runner_ = std::make_unique<FrameRunner>(*model_, *workers_, config);
    if (config.row_streaming) rows_ = std::make_unique<RowStream>(*runner_, config);
    if (config.max_latency_ms > 0.0) check_latency(config);
  }

  Status process(const ConstImage& input, const Image& output) {
    require_argument(runner_ != nullptr, "configure() must come before process()");
    check_process();
    require_argument(rows_ == nullptr || !rows_->is_within_picture(),
                     "process() must not come between the rows of a picture: push and pull the others first");
    if (rows_ != nullptr) rows_->restart();
    return finish(runner_->run(input, output, cancelled_));
  }

  Status push_rows(const ConstImage& rows, int64_t count, int64_t& taken) {
    check_row_streaming();
    return finish(rows_->push(rows, count, taken, cancelled_));
  }

  Status pull_rows(const Image& rows, int64_t count, int64_t& written) {
    check_row_streaming();
    return finish(rows_->pull(rows, count, written, cancelled_));
  }

  void cancel() { cancelled_ = true; }

  Status restart_rows() {
    check_row_streaming();
    rows_->restart();
    return {};
  }

  const Properties& properties() const { return properties_; }

 private:
  void publish() {
    properties_.memory_bytes = (model_ != nullptr ? model_->blob.bytes() : 0) +
                               (runner_ != nullptr ? runner_->memory_bytes() : 0) +
                               (rows_ != nullptr ? rows_->memory_bytes() : 0);
    properties_.scale = model_ != nullptr ? model_->scale() : 0;
    properties_.output_width = runner_ != nullptr ? runner_->output_width() : 0;
    properties_.output_height = runner_ != nullptr ? runner_->output_height() : 0;
    properties_.finished_rows = rows_ != nullptr ? rows_->num_ready() : 0;
    properties_.latency_rows = rows_ != nullptr ? rows_->latency_rows() : 0;
    properties_.estimated_latency_ms = estimated_ms_;
  }

  Status finish(StatusCode code) {
    if (cancelled_.exchange(false)) code = StatusCode::kCancelled;  // also where all was computed when it came
    if (code == StatusCode::kOk) return {};
    if (rows_ != nullptr) rows_->restart();
    return make_status(code, describe(code));
  }

  void release() {
    rows_.reset();
    runner_.reset();
    estimated_ms_ = 0.0;
    cancelled_ = false;
  }

  void check_latency(const SessionConfig& config) {
    const double milliseconds = estimate_latency(*model_, *workers_, config, *runner_);
    if (milliseconds > config.max_latency_ms) release();
    estimated_ms_ = milliseconds;
    if (runner_ != nullptr) return;
    char text[160];
    std::snprintf(text, sizeof(text), "a picture will take about %.1f ms here, longer than the limit of %.6g ms",
                  milliseconds, config.max_latency_ms);
    throw Failure(StatusCode::kTooSlow, text);
  }

  void check_row_streaming() const {
    require_argument(rows_ != nullptr, "configure() with row_streaming must come before push_rows() and pull_rows()");
    check_process();
  }

  void check_process() const {
    require_argument(workers_->is_of_this_process(),
                     "this session belongs to another process: open one after the fork");
  }

  Properties properties_;
  std::atomic<bool> busy_{false}, cancelled_{false};
  WorkersPtr workers_;
  std::unique_ptr<PackedModel> model_;
  std::unique_ptr<FrameRunner> runner_;
  std::unique_ptr<RowStream> rows_;
  double estimated_ms_ = 0.0;
};

namespace {
Status report_empty() {
  return make_status(StatusCode::kInvalidArgument, "the session is empty: it was moved from, or memory was missing");
}

bool ask_isa(bool (*has)(CpuIsa)) {
  try {
    return has(process_isa());
  } catch (const std::exception&) {  // SRDGAN_RT_CPU_ISA is wrong; configure() returns the message
    return false;
  }
}
}  // namespace

bool Session::has_fast_int8() noexcept { return ask_isa(cpu_has_fast_int8); }
bool Session::has_fast_bf16() noexcept { return ask_isa(cpu_has_fast_bf16); }

Session::Session() noexcept : impl_(new (std::nothrow) Impl) {}
Session::~Session() { delete impl_; }
Session::Session(Session&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
Session& Session::operator=(Session&& other) noexcept {
  Session taken(std::move(other));
  std::swap(impl_, taken.impl_);
  return *this;
}

Status Session::open(const char* path, const SessionOptions& options) noexcept {
  if (impl_ == nullptr) return report_empty();
  return impl_->exclusively([&] {
    impl_->close();
    require_argument(path != nullptr, "path must not be null");
    try {
      const std::vector<uint8_t> file = read_file(path);
      std::vector<uint8_t> ranges;
      SessionOptions complete = options;
      if (options.precision == Precision::kInt8 && options.ranges == nullptr) {
        ranges = read_ranges_file(path);
        complete.ranges = ranges.data();
        complete.ranges_bytes = ranges.size();
      }
      impl_->open(file.data(), file.size(), complete);
    } catch (const Failure& failure) {
      if (failure.code != StatusCode::kBadModel) throw;
      throw Failure(failure.code, shorten(path) + ": " + failure.what());
    }
    return Status{};
  });
}

Status Session::open(const void* file, size_t bytes, const SessionOptions& options) noexcept {
  if (impl_ == nullptr) return report_empty();
  return impl_->exclusively([&] {
    impl_->close();
    require_argument(file != nullptr, "file must not be null");
    require_argument(options.precision != Precision::kInt8 || options.ranges != nullptr,
                     "int8 needs activation ranges: for a model in memory, ranges must not be null");
    impl_->open(static_cast<const uint8_t*>(file), bytes, options);
    return Status{};
  });
}

Status Session::configure(const SessionConfig& config) noexcept {
  if (impl_ == nullptr) return report_empty();
  return impl_->exclusively([&] {
    impl_->configure(config);
    return Status{};
  });
}

Status Session::process(const ConstImage& input, const Image& output) noexcept {
  if (impl_ == nullptr) return report_empty();
  return impl_->exclusively([&] { return impl_->process(input, output); });
}

Status Session::push_rows(const ConstImage& rows, int64_t count, int64_t& taken) noexcept {
  taken = 0;
  if (impl_ == nullptr) return report_empty();
  return impl_->exclusively([&] { return impl_->push_rows(rows, count, taken); });
}

Status Session::pull_rows(const Image& rows, int64_t count, int64_t& written) noexcept {
  written = 0;
  if (impl_ == nullptr) return report_empty();
  return impl_->exclusively([&] { return impl_->pull_rows(rows, count, written); });
}

Status Session::restart_rows() noexcept {
  if (impl_ == nullptr) return report_empty();
  return impl_->exclusively([&] { return impl_->restart_rows(); });
}

void Session::cancel() noexcept {
  if (impl_ != nullptr) impl_->cancel();
}

int64_t Session::finished_rows() const noexcept {
  return impl_ != nullptr ? impl_->properties().finished_rows.load() : 0;
}
int64_t Session::latency_rows() const noexcept {
  return impl_ != nullptr ? impl_->properties().latency_rows.load() : 0;
}
double Session::estimated_latency_ms() const noexcept {
  return impl_ != nullptr ? impl_->properties().estimated_latency_ms.load() : 0.0;
}
int64_t Session::memory_bytes() const noexcept {
  return impl_ != nullptr ? impl_->properties().memory_bytes.load() : 0;
}
int64_t Session::scale() const noexcept { return impl_ != nullptr ? impl_->properties().scale.load() : 0; }
int64_t Session::output_width() const noexcept {
  return impl_ != nullptr ? impl_->properties().output_width.load() : 0;
}
int64_t Session::output_height() const noexcept {
  return impl_ != nullptr ? impl_->properties().output_height.load() : 0;
}

}  // namespace srdgan
