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
  uint32_t ready[kMaxThreads / kWarp];  // lanes that can run
  uint32_t ready_warps;                 // warps that have such lanes
  int num_threads;
  int num_live;
  int num_at_barrier;
  Site barrier;
  int current;
  std::mt19937 random;
  void* host;
  std::string fault;
};
Execution x;

std::string text(const char* format, va_list arguments) {
  char buffer[1024];
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  return buffer;
}

std::string name(uint3 i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

void set_ready(int warp, uint32_t lanes) {
  x.ready[warp] = lanes;
  const uint32_t bit = 1u << warp;
  x.ready_warps = lanes != 0 ? x.ready_warps | bit : x.ready_warps & ~bit;
}

int first(uint32_t set) { return __builtin_ctz(set); }
int last(uint32_t set) { return 31 - __builtin_clz(set); }
int any(uint32_t set) {
  for (uint32_t skip = x.random() % __builtin_popcount(set); skip > 0; --skip) set &= set - 1;
  return first(set);
}

[[noreturn]] void fail_deadlock() {
  const Thread* one = nullptr;
  for (int i = 0; i < x.num_threads; ++i) {
    Thread& thread = x.threads[i];
    if (thread.ended) continue;
    x.current = i;
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
  Thread& from = x.threads[x.current];
  void* to = x.host;
  if (x.ready_warps != 0) {
    const auto choose = order == Order::kForward ? first : order == Order::kBackward ? last : any;
    const int warp = choose(x.ready_warps);
    const int next = kWarp * warp + choose(x.ready[warp]);
    if (next == x.current && !from.ended) return;
    x.current = next;
    threadIdx = x.threads[next].index;
    to = x.threads[next].stack_pointer;
  } else if (x.num_live > 0) {
    fail_deadlock();
  }
  simt_switch(&from.stack_pointer, to);
}

void flush_accesses() {
  for (Warp& warp : x.warps) warp.accesses.flush();
}

void open_barrier() {
  flush_accesses();
  x.shared->pass_barrier();
  x.num_at_barrier = 0;
  for (int i = 0; i < x.num_threads; ++i) {
    if (x.threads[i].ended) continue;
    x.threads[i].waits_for = nullptr;
    set_ready(i / kWarp, x.ready[i / kWarp] | 1u << i % kWarp);
  }
}

void wait_for(const char* what, Site site) {
  Thread& thread = x.threads[x.current];
  thread.waits_for = what;
  thread.site = site;
  const int warp = x.current / kWarp;
  set_ready(warp, x.ready[warp] & ~(1u << x.current % kWarp));
}

void run_thread() {
  (*x.body)();
  Thread& thread = x.threads[x.current];
  thread.copies.check_finished();
  thread.ended = true;
  --x.num_live;
  wait_for("its end", {});
  if (x.num_live > 0 && x.num_at_barrier == x.num_live) open_barrier();
  run_next();
  __builtin_unreachable();
}

void run_block() {
  x.shared->start_block(poison());
  for (Warp& warp : x.warps) warp.arrived = 0;
  x.num_live = x.num_threads;
  x.num_at_barrier = 0;
  x.ready_warps = 0;
  for (int warp = 0; warp * kWarp < x.num_threads; ++warp) {
    const int lanes = std::min(x.num_threads - warp * kWarp, kWarp);
    set_ready(warp, kAllLanes >> (kWarp - lanes));
  }
  for (int i = 0; i < x.num_threads; ++i) {
    Thread& thread = x.threads[i];
    thread.stack_pointer = new_fiber(thread.stack->data() + kStackBytes, run_thread);
    const unsigned j = static_cast<unsigned>(i);
    thread.index = {j % blockDim.x, j / blockDim.x % blockDim.y, j / blockDim.x / blockDim.y};
    thread.waits_for = nullptr;
    thread.site = {};
    thread.ended = false;
    thread.copies.clear();
  }
  // The first switch leaves the host, not a thread.
  const auto choose = order == Order::kForward ? first : order == Order::kBackward ? last : any;
  const int warp = choose(x.ready_warps);
  x.current = kWarp * warp + choose(x.ready[warp]);
  threadIdx = x.threads[x.current].index;
  simt_switch(&x.host, x.threads[x.current].stack_pointer);
  flush_accesses();
}

}  // namespace

void fail(Site site, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const std::string what = text(format, arguments);
  va_end(arguments);
  const std::string place = site.line > 0 ? name(site) + ": " : "";
  if (!x.running) throw Fault(place + what);
  x.fault = place + "block " + name(blockIdx) + ", thread " + name(threadIdx) + ": " + what;
  void* abandoned;
  simt_switch(&abandoned, x.host);
  __builtin_unreachable();
}

int poison() { return order == Order::kRandom ? 0x7f : 0xff; }

int thread_in_block() { return x.current; }

SharedMemory& shared_memory() { return *x.shared; }

SharedMemory::Who this_lane() { return {x.current / kWarp, lane()}; }

SharedMemory::Who this_warp() { return {x.current / kWarp, SharedMemory::kAllLanes}; }

void log_access(AccessKind kind, Site site, int32_t offset, int bytes) {
  x.warps[x.current / kWarp].accesses.add(kind, site, lane(), offset, bytes);
}

Copies& copies() { return x.threads[x.current].copies; }

Site last_site() { return x.threads[x.current].site; }

void check_global(const void* address, size_t bytes, const char* operation, Site site) {
  x.threads[x.current].site = site;
  if (reinterpret_cast<uintptr_t>(address) % bytes != 0) {
    fail(site, "%s: the address %p must be aligned to %zu bytes", operation, address, bytes);
  }
}

void meet(const char* operation, Site site, void* arguments, void (*work)(void* const* lanes, Site site)) {
  const int warp_index = x.current / kWarp;
  Warp& warp = x.warps[warp_index];
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
    set_ready(warp_index, kAllLanes);
  }
  run_next();
}

void meet_block(Site site) {
  if (x.num_at_barrier == 0) {
    x.barrier = site;
  } else if (x.barrier.line != site.line) {
    fail(site, "__syncthreads: another thread of the block is at %s", name(x.barrier).c_str());
  }
  wait_for("__syncthreads", site);
  if (++x.num_at_barrier == x.num_live) open_barrier();
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

  x.shared.emplace(shared_bytes);
  x.body = &body;
  x.num_threads = static_cast<int>(num_threads);
  x.random.seed(1);
  x.fault.clear();
  while (x.threads.size() < num_threads) {
    x.threads.emplace_back();
    x.threads.back().stack = std::make_unique<GuardedPages>(kStackBytes, 16, "the thread's stack");
  }
  gridDim = grid;
  blockDim = block;
  std::vector<uint64_t> blocks(num_blocks);
  std::iota(blocks.begin(), blocks.end(), 0);
  if (order == Order::kBackward) std::reverse(blocks.begin(), blocks.end());
  if (order == Order::kRandom) std::shuffle(blocks.begin(), blocks.end(), x.random);

  const CatchBadAccesses catching;
  x.running = true;
  for (const uint64_t i : blocks) {
    blockIdx = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x % grid.y),
                static_cast<unsigned>(i / grid.x / grid.y)};
    run_block();
    if (x.fault.empty() && !x.shared->kept()) x.fault = "block " + name(blockIdx) + ": wrote outside of shared memory";
    if (!x.fault.empty()) break;
  }
  x.running = false;
  if (!x.fault.empty()) throw Fault(x.fault);
  return cudaSuccess;
}

}  // namespace simt
