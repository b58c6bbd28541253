#include "tests/cpp/simt/host_device.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>

#include "tests/cpp/simt/stream.h"

namespace srdgan::gpu {

// An event's records are numbered; `stream` is where the last one was queued.
struct EventHandle {
  int64_t recorded = 0;
  int64_t done = 0;
  std::map<int64_t, CUstream_st*> streams;
};

struct GraphHandle {
  std::vector<std::shared_ptr<const simt::Launch>> kernels;
};

}  // namespace srdgan::gpu

namespace simt {

using srdgan::gpu::Event;
using srdgan::gpu::EventHandle;
using srdgan::gpu::Graph;
using srdgan::gpu::GraphHandle;

// A copy, a kernel, or, with an event, which record of it is waited for, or done.
struct HostDevice::Step {
  std::function<void()> copy;
  std::shared_ptr<const Launch> kernel;
  std::shared_ptr<EventHandle> waits_for, completes;
  int64_t record = 0;
};

namespace {

// Events outlive their destruction until no stream waits for them, as CUDA's do.
std::map<Event, std::shared_ptr<EventHandle>>& events() {
  static auto& all = *new std::map<Event, std::shared_ptr<EventHandle>>;
  return all;
}

}  // namespace

struct HostDevice::Stream : CUstream_st {
  Stream(HostDevice& device, size_t number) : device(device), number(number) {}
  void queue_kernel(Launch launch) override {
    Step step;
    step.kernel = std::make_shared<const Launch>(std::move(launch));
    device.queue(*this, std::move(step));
  }

  HostDevice& device;
  size_t number;
  std::deque<Step> steps;
  std::unique_ptr<Kernel> begun;    // the first step's, where it has started early
  std::deque<Step> before_capture;  // steps that are no part of the graph that is being recorded
};

HostDevice::HostDevice(Timing timing, int64_t memory_bytes, const srdgan::gpu::Gpu& gpu)
    : memory_bytes(memory_bytes), timing_(timing), gpu_(gpu), random_state_(timing.seed) {}

HostDevice::~HostDevice() = default;

void HostDevice::require_no_capture(const char* what) {
  if (capturing_ != nullptr) throw OrderFault(std::string(what) + " while a graph is recorded");
}

void* HostDevice::add_memory(int64_t bytes, const char* name) {
  require_no_capture("memory is allocated");
  ++num_allocations;
  auto pages = std::make_unique<GuardedPages>(static_cast<size_t>(bytes), 16, name);
  std::memset(pages->data(), 0xff, static_cast<size_t>(bytes));  // NaN in each type
  void* memory = pages->data();
  memory_[memory] = std::move(pages);
  return memory;
}

void HostDevice::remove_memory(void* memory) {
  if (capturing_ != nullptr) fault = "memory is freed while a graph is recorded";
  for (const auto& stream : streams_) {
    if (stream != nullptr && !stream->steps.empty()) fault = "memory is freed while work is queued";
  }
  if (!memory_.at(memory)->kept()) fault = "memory beside a buffer was written";
  memory_.erase(memory);
}

void* HostDevice::allocate(int64_t bytes) {
  if (num_failures_left > 0) {
    --num_failures_left;
    return nullptr;
  }
  if (bytes > free_bytes()) return nullptr;
  used_bytes += bytes;
  return add_memory(bytes, "device memory");
}

void HostDevice::free(void* memory) {
  used_bytes -= static_cast<int64_t>(memory_.at(memory)->size());
  remove_memory(memory);
}

void* HostDevice::allocate_pinned(int64_t bytes) { return add_memory(bytes, "pinned memory"); }
void HostDevice::free_pinned(void* memory) { remove_memory(memory); }

cudaStream_t HostDevice::create_stream() {
  streams_.push_back(std::make_unique<Stream>(*this, streams_.size()));
  return streams_.back().get();
}

void HostDevice::destroy(cudaStream_t stream) {
  auto& owner = streams_.at(static_cast<Stream*>(stream)->number);
  if (!owner->steps.empty()) fault = "a stream is destroyed before its work is done";
  owner.reset();
}

Event HostDevice::create_event() {
  auto event = std::make_shared<EventHandle>();
  events()[event.get()] = event;
  return event.get();
}

void HostDevice::destroy(Event event) { events().erase(event); }

void HostDevice::check_range(const void* memory, int64_t bytes) {
  if (takes_any_memory) return;
  const auto* begin = static_cast<const std::byte*>(memory);
  for (const auto& [start, pages] : memory_) {
    if (begin >= pages->data() && begin + bytes <= pages->data() + pages->size()) return;
  }
  throw OrderFault("a copy needs memory of the device or pinned memory");
}

void HostDevice::copy(void* to, const void* from, int64_t bytes, cudaStream_t stream) {
  check_range(to, bytes);
  check_range(from, bytes);
  const auto work = [=] {
    check_range(to, bytes);  // it may have been freed
    check_range(from, bytes);
    std::memcpy(to, from, static_cast<size_t>(bytes));
  };
  Step step;
  step.copy = work;
  queue(*static_cast<Stream*>(stream), std::move(step));
}

void HostDevice::record(Event event, cudaStream_t stream) {
  event->streams[++event->recorded] = stream;
  if (stream == nullptr) {  // whose work is always done
    event->done = event->recorded;
    return;
  }
  queue(*static_cast<Stream*>(stream), {{}, {}, {}, events().at(event), event->recorded});
}

void HostDevice::wait(cudaStream_t stream, Event event) {
  if (event->recorded == 0) return;
  if (stream == nullptr) return finish(event, event->recorded);
  queue(*static_cast<Stream*>(stream), {{}, {}, events().at(event), {}, event->recorded});
}

void HostDevice::synchronize(Event event) {
  require_no_capture("the host waits");
  if (event->recorded > 0) finish(event, event->recorded);
}

void HostDevice::begin_capture(cudaStream_t stream) {
  require_no_capture("another graph is begun");
  ++num_captures;
  capturing_ = static_cast<Stream*>(stream);
  capturing_->steps.swap(capturing_->before_capture);
}

Graph HostDevice::end_capture(cudaStream_t stream) {
  if (capturing_ != stream) throw OrderFault("no graph of this stream is recorded");
  auto* graph = new GraphHandle;
  for (Step& step : capturing_->steps) {
    if (step.kernel == nullptr) throw OrderFault("only kernels belong into a graph");
    graph->kernels.push_back(std::move(step.kernel));
  }
  capturing_->steps = std::move(capturing_->before_capture);
  capturing_->before_capture.clear();
  capturing_ = nullptr;
  return graph;
}

void HostDevice::launch(Graph graph, cudaStream_t stream) {
  ++num_graph_launches;
  for (const auto& kernel : graph->kernels) queue(*static_cast<Stream*>(stream), {{}, kernel, {}, {}});
}

void HostDevice::destroy(Graph graph) { delete graph; }

void HostDevice::queue(Stream& stream, Step step) {
  stream.steps.push_back(std::move(step));
  run_eager();
}

bool HostDevice::is_ready(const Stream& stream) const {
  if (stream.steps.empty() || &stream == capturing_) return false;
  const Step& step = stream.steps.front();
  return step.waits_for == nullptr || step.waits_for->done >= step.record;
}

// Runs a stream's first step, or what that waits for.
void HostDevice::run_first(Stream& stream) {
  if (!is_ready(stream)) {  // others may run meanwhile, but nothing behind this step
    const auto event = stream.steps.front().waits_for;
    finish(event.get(), stream.steps.front().record);
    return;
  }
  const Step step = std::move(stream.steps.front());
  stream.steps.pop_front();
  if (step.completes != nullptr) step.completes->done = step.record;
  if (step.copy) step.copy();
  if (step.kernel != nullptr) run_kernel(stream, *step.kernel);
}

// The kernel behind it begins before it ends, where it may.
void HostDevice::run_kernel(Stream& stream, const Launch& launch) {
  ++num_kernels;
  const auto kernel = stream.begun != nullptr ? std::move(stream.begun) : std::make_unique<Kernel>(launch);
  const Launch* next = stream.steps.empty() ? nullptr : stream.steps.front().kernel.get();
  if (next != nullptr && next->starts_early) {
    ++num_early_kernels;
    stream.begun = std::make_unique<Kernel>(*next);
    stream.begun->begin();
  }
  kernel->finish();
}

void HostDevice::run_eager() {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const auto& stream : streams_) {
      if (stream == nullptr || !is_ready(*stream)) continue;
      bool runs = timing_.eager_streams >> stream->number & 1;
      if (timing_.seed != 0) {
        random_state_ = random_state_ * 1664525u + 1013904223u;
        runs = random_state_ >> 31;
      }
      if (runs) {
        run_first(*stream);
        changed = true;
      }
    }
  }
}

void HostDevice::finish(Event event, int64_t record) {
  while (event->done < record) {
    auto& stream = *static_cast<Stream*>(event->streams.at(record));
    if (stream.steps.empty()) throw OrderFault("an event waits for itself");
    run_first(stream);
    run_eager();
  }
}

}  // namespace simt
