#include "tests/cpp/simt/scheduler.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/cpp/guarded_pages.h"
#include "tests/cpp/simt/bad_access.h"
#include "tests/cpp/simt/fiber.h"

namespace simt {
namespace {

constexpr size_t kStackBytes = 256 << 10;
constexpr size_t kMaxSharedBytes = 227 << 10;  // of sm_90 and sm_100, the largest
constexpr uint32_t kAllLanes = 0xffffffffu;

struct Thread {
  std::unique_ptr<GuardedPages> stack;
  void* stack_pointer;
  uint3 index;
  const char* waits_for;  // null while it can run
  Site site;
  bool ended;
  Copies copies;
};

struct Warp {
  uint32_t arrived;
  const char* operation;
  Site site;
  void* arguments[kWarp];
  AccessLog accesses;
};

// What is being executed: one kernel at a time.
struct Execution {
  bool running = false;
  const std::function<void()>* body;
  std::optional<SharedMemory> shared;
  std::vector<Thread> threads;  // those of the largest block so far; stacks are kept
  Warp warps[kMaxThreads / kWarp];
  ReadyThreads ready;
  int num_threads;
  int num_live;
  int num_at_barrier;
  Site barrier;
  int current;
  std::mt19937 random;
  void* host;
  std::string fault;
};
Execution state;

std::string text(const char* format, va_list arguments) {
  char buffer[1024];
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  return buffer;
}

std::string name(uint3 i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

[[noreturn]] void fail_deadlock() {
  const Thread* one = nullptr;
  for (int i = 0; i < state.num_threads; ++i) {
    Thread& thread = state.threads[i];
    if (thread.ended) continue;
    state.current = i;
    threadIdx = thread.index;
    if (one == nullptr) one = &thread;
    if (thread.site.line != one->site.line || thread.waits_for != one->waits_for) {
      fail(thread.site, "threads wait for each other: this one at %s, thread %s at %s, %s", thread.waits_for,
           name(one->index).c_str(), one->waits_for, name(one->site).c_str());
    }
  }
  fail(one->site, "waits at %s for threads that have ended", one->waits_for);
}

// Runs another thread, or the same if it is its turn, or the host if all have ended.
void run_next() {
  Thread& from = state.threads[state.current];
  void* to = state.host;
  if (!state.ready.is_empty()) {
    const int next = state.ready.next(order, state.random);
    if (next == state.current) return;
    state.current = next;
    threadIdx = state.threads[next].index;
    to = state.threads[next].stack_pointer;
  } else if (state.num_live > 0) {
    fail_deadlock();
  }
  simt_switch(&from.stack_pointer, to);
}

void flush_accesses() {
  for (Warp& warp : state.warps) warp.accesses.flush();
}

void open_barrier() {
  flush_accesses();
  state.shared->pass_barrier();
  state.num_at_barrier = 0;
  for (int i = 0; i < state.num_threads; ++i) {
    if (state.threads[i].ended) continue;
    state.threads[i].waits_for = nullptr;
    state.ready.add(i);
  }
}

void wait_for(const char* what, Site site) {
  Thread& thread = state.threads[state.current];
  thread.waits_for = what;
  thread.site = site;
  state.ready.remove(state.current);
}

void run_thread() {
  (*state.body)();
  Thread& thread = state.threads[state.current];
  thread.copies.check_finished();
  thread.ended = true;
  --state.num_live;
  wait_for("its end", {});
  if (state.num_live > 0 && state.num_at_barrier == state.num_live) open_barrier();
  run_next();
  __builtin_unreachable();
}

void run_block() {
  state.shared->start_block(poison());
  for (Warp& warp : state.warps) warp.arrived = 0;
  state.num_live = state.num_threads;
  state.num_at_barrier = 0;
  state.ready = {};
  for (int i = 0; i < state.num_threads; ++i) {
    Thread& thread = state.threads[i];
    thread.stack_pointer = new_fiber(thread.stack->data() + kStackBytes, run_thread);
    const unsigned j = static_cast<unsigned>(i);
    thread.index = {j % blockDim.x, j / blockDim.x % blockDim.y, j / blockDim.x / blockDim.y};
    thread.waits_for = nullptr;
    thread.site = {};
    thread.ended = false;
    thread.copies.clear();
    state.ready.add(i);
  }
  // The first switch leaves the host, not a thread.
  state.current = state.ready.next(order, state.random);
  threadIdx = state.threads[state.current].index;
  simt_switch(&state.host, state.threads[state.current].stack_pointer);
  flush_accesses();
}

}  // namespace

void fail(Site site, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const std::string what = text(format, arguments);
  va_end(arguments);
  const std::string place = site.line > 0 ? name(site) + ": " : "";
  if (!state.running) throw Fault(place + what);
  state.fault = place + "block " + name(blockIdx) + ", thread " + name(threadIdx) + ": " + what;
  void* abandoned;
  simt_switch(&abandoned, state.host);
  __builtin_unreachable();
}

int poison() { return order == Order::kRandom ? 0x7f : 0xff; }

int thread_in_block() { return state.current; }

SharedMemory& shared_memory() { return *state.shared; }

SharedMemory::Who this_lane() { return {state.current / kWarp, lane()}; }

SharedMemory::Who this_warp() { return {state.current / kWarp, SharedMemory::kAllLanes}; }

void log_access(AccessKind kind, Site site, int32_t offset, int bytes) {
  state.warps[state.current / kWarp].accesses.add(kind, site, lane(), offset, bytes);
}

Copies& copies() { return state.threads[state.current].copies; }

Site last_site() { return state.threads[state.current].site; }

void check_global(const void* address, size_t bytes, const char* operation, Site site) {
  state.threads[state.current].site = site;
  if (reinterpret_cast<uintptr_t>(address) % bytes != 0) {
    fail(site, "%s: the address %p must be aligned to %zu bytes", operation, address, bytes);
  }
}

void meet(const char* operation, Site site, void* arguments, void (*work)(void* const* lanes, Site site)) {
  const int warp_index = state.current / kWarp;
  Warp& warp = state.warps[warp_index];
  if (warp.arrived == 0) {
    warp.operation = operation;
    warp.site = site;
  } else if (warp.operation != operation || warp.site.line != site.line) {
    fail(site, "%s: another lane of the warp is at %s, %s", operation, warp.operation, name(warp.site).c_str());
  }
  warp.arguments[lane()] = arguments;
  warp.arrived |= 1u << lane();
  wait_for(operation, site);
  if (warp.arrived == kAllLanes) {
    work(warp.arguments, site);
    warp.arrived = 0;
    state.ready.set_lanes(warp_index, kAllLanes);
  }
  run_next();
}

void meet_block(Site site) {
  if (state.num_at_barrier == 0) {
    state.barrier = site;
  } else if (state.barrier.line != site.line) {
    fail(site, "__syncthreads: another thread of the block is at %s", name(state.barrier).c_str());
  }
  wait_for("__syncthreads", site);
  if (++state.num_at_barrier == state.num_live) open_barrier();
  run_next();
}

cudaError_t execute(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& body) {
  const uint64_t num_threads = uint64_t{block.x} * block.y * block.z;
  const uint64_t num_blocks = uint64_t{grid.x} * grid.y * grid.z;
  if (num_threads == 0 || num_threads > kMaxThreads || block.z > 64 || num_blocks == 0 || grid.x > 0x7fffffffu ||
      grid.y > 0xffffu || grid.z > 0xffffu) {
    return cudaErrorInvalidConfiguration;
  }
  if (shared_bytes > kMaxSharedBytes) return cudaErrorInvalidValue;

  state.shared.emplace(shared_bytes);
  state.body = &body;
  state.num_threads = static_cast<int>(num_threads);
  state.random.seed(1);
  state.fault.clear();
  while (state.threads.size() < num_threads) {
    state.threads.emplace_back();
    state.threads.back().stack = std::make_unique<GuardedPages>(kStackBytes, 16, "the thread's stack");
  }
  gridDim = grid;
  blockDim = block;
  std::vector<uint64_t> blocks(num_blocks);
  std::iota(blocks.begin(), blocks.end(), 0);
  if (order == Order::kBackward) std::reverse(blocks.begin(), blocks.end());
  if (order == Order::kRandom) std::shuffle(blocks.begin(), blocks.end(), state.random);

  const CatchBadAccesses catching;
  state.running = true;
  for (const uint64_t i : blocks) {
    blockIdx = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x % grid.y),
                static_cast<unsigned>(i / grid.x / grid.y)};
    run_block();
    if (state.fault.empty() && !state.shared->kept())
      state.fault = "block " + name(blockIdx) + ": wrote outside of shared memory";
    if (!state.fault.empty()) break;
  }
  state.running = false;
  if (!state.fault.empty()) throw Fault(state.fault);
  return cudaSuccess;
}

}  // namespace simt
