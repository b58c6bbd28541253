#include "tests/cpp/simt/scheduler.h"

#include <cstdarg>
#include <cstdio>
#include <memory>
#include <string>

#include "tests/cpp/simt/block.h"
#include "tests/cpp/simt/fiber.h"

namespace simt {
namespace {

constexpr size_t kStackBytes = 256 << 10;
constexpr uint32_t kAllLanes = 0xffffffffu;
constexpr const char* kWaitsForPrevious = "wait_for_previous_kernel";

void* host;  // its stack pointer, while a block runs

Thread& this_thread() { return running->threads[running->current]; }
Warp& warp_of_this_thread() { return running->warps[running->current / kWarp]; }

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
  for (int i = 0; i < running->num_threads; ++i) {
    Thread& thread = running->threads[i];
    if (thread.ended) continue;
    running->current = i;
    threadIdx = thread.index;
    if (one == nullptr) one = &thread;
    if (thread.site.line != one->site.line || thread.waits_for != one->waits_for) {
      fail(thread.site, "threads wait for each other: this one at %s, thread %s at %s, %s", thread.waits_for,
           name(one->index).c_str(), one->waits_for, name(one->site).c_str());
    }
  }
  fail(one->site, "waits at %s for threads that have ended", one->waits_for);
}

// Whether threads wait for the kernel before, which has not ended.
bool waits_for_previous() {
  if (!running->kernel->is_ahead()) return false;
  for (int i = 0; i < running->num_threads; ++i) {
    if (running->threads[i].waits_for == kWaitsForPrevious) return true;
  }
  return false;
}

// Runs another thread, or the same if it is its turn, or the host if none can run.
void run_next() {
  Thread& from = this_thread();
  void* to = host;
  while (running->ready.is_empty() && running->num_live > 0 && running->mbarriers.finish_copy()) {
  }
  if (!running->ready.is_empty()) {
    const int next = running->ready.next(order, running->kernel->random());
    if (next == running->current) return;
    running->current = next;
    threadIdx = running->threads[next].index;
    to = running->threads[next].stack_pointer;
  } else if (running->num_live > 0 && !waits_for_previous()) {
    fail_deadlock();
  }
  simt_switch(&from.stack_pointer, to);
}

void flush_accesses() {
  for (Warp& warp : running->warps) warp.accesses.flush();
}

void open_barrier() {
  flush_accesses();
  running->shared->pass_barrier();
  running->num_at_barrier = 0;
  for (int i = 0; i < running->num_threads; ++i) {
    if (!running->threads[i].ended) make_ready(i);
  }
}

void wait_for(const char* what, Site site) {
  Thread& thread = this_thread();
  thread.waits_for = what;
  thread.site = site;
  running->ready.remove(running->current);
}

void check_block_end() {
  constexpr int kWarpsOfGroup = 4;
  running->mbarriers.check_finished();
  for (int i = 0; i < kMaxThreads / kWarp; ++i) {
    if (running->warps[i].products.num_products() !=
        running->warps[i / kWarpsOfGroup * kWarpsOfGroup].products.num_products())
      fail({}, "wgmma: warp %d computed other products than the first one of its warpgroup", i);
  }
}

void run_thread() {
  running->kernel->run_body();
  Thread& thread = this_thread();
  thread.copies.check_finished();
  warp_of_this_thread().products.check_finished();
  if (running->kernel->starts_early() && !thread.has_waited) {
    // The next kernel waits for this one alone; it would not know of the one before.
    fail({}, "the thread ended without wait_for_previous_kernel()");
  }
  thread.ended = true;
  if (--running->num_live == 0) check_block_end();
  wait_for("its end", {});
  if (running->num_live > 0 && running->num_at_barrier == running->num_live) open_barrier();
  run_next();
  __builtin_unreachable();
}

}  // namespace

void fail(Site site, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const std::string what = text(format, arguments);
  va_end(arguments);
  const std::string place = site.line > 0 ? name(site) + ": " : "";
  if (running == nullptr) throw Fault(place + what);
  running->fault = place + "block " + name(blockIdx) + ", thread " + name(threadIdx) + ": " + what;
  void* abandoned;
  simt_switch(&abandoned, host);
  __builtin_unreachable();
}

int poison() { return order == Order::kRandom ? 0x7f : 0xff; }

int thread_in_block() { return running->current; }

void block_thread(const char* what, Site site) {
  wait_for(what, site);
  run_next();
}

void make_ready(int thread) {
  running->threads[thread].waits_for = nullptr;
  running->ready.add(thread);
}

SharedMemory& shared_memory() { return *running->shared; }

SharedMemory::Who this_lane() { return {running->current / kWarp, lane()}; }

SharedMemory::Who this_warp() { return {running->current / kWarp, SharedMemory::kAllLanes}; }

void log_access(AccessKind kind, Site site, int32_t offset, int bytes) {
  warp_of_this_thread().accesses.add(kind, site, lane(), offset, bytes);
}

Copies& copies() { return this_thread().copies; }

bool is_ahead() { return running->kernel->is_ahead(); }

Site last_site() { return running == nullptr ? Site{} : this_thread().site; }

void check_global(const void* address, size_t bytes, const char* operation, Site site) {
  this_thread().site = site;
  if (reinterpret_cast<uintptr_t>(address) % bytes != 0) {
    fail(site, "%s: the address %p must be aligned to %zu bytes", operation, address, bytes);
  }
}

void log_global(GlobalAccess kind, const void* address, size_t bytes, Site site) {
  if (kind == GlobalAccess::kStore && running->kernel->starts_early() && !this_thread().has_waited) {
    fail(site, "stores before wait_for_previous_kernel()");
  }
  running->kernel->global().add(kind, address, bytes, running->number, site);
}

void meet(const char* operation, Site site, void* arguments, void (*work)(void* const* lanes, Site site)) {
  Warp& warp = warp_of_this_thread();
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
    running->ready.set_lanes(running->current / kWarp, kAllLanes);
  }
  run_next();
}

void meet_block(Site site) {
  if (running->num_at_barrier == 0) {
    running->barrier = site;
  } else if (running->barrier.line != site.line) {
    fail(site, "__syncthreads: another thread of the block is at %s", name(running->barrier).c_str());
  }
  wait_for("__syncthreads", site);
  if (++running->num_at_barrier == running->num_live) open_barrier();
  run_next();
}

void wait_for_previous_kernel(Site site) {
  this_thread().has_waited = true;
  if (!is_ahead() || running->kernel->forgets_to_wait()) return;
  block_thread(kWaitsForPrevious, site);
}

void allow_next_kernel(Site site) {
  // So that the next kernel's blocks begin when all before this one has ended.
  if (!this_thread().has_waited) fail(site, "allow_next_kernel() before wait_for_previous_kernel()");
}

void Block::start(Kernel& of_kernel, uint64_t of_number, dim3 of_grid, dim3 of_size, size_t shared_bytes) {
  kernel = &of_kernel;
  number = of_number;
  grid = of_grid;
  size = of_size;
  index = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
           static_cast<unsigned>(number / grid.x / grid.y)};
  if (!shared || shared->size() != shared_bytes) shared.emplace(shared_bytes);
  shared->start_block(poison());
  num_threads = num_live = static_cast<int>(size.x * size.y * size.z);
  num_at_barrier = 0;
  ready = {};
  mbarriers.clear();
  for (Warp& warp : warps) {
    warp.arrived = 0;
    warp.products.clear();
  }
  while (static_cast<int>(threads.size()) < num_threads) {
    threads.emplace_back();
    threads.back().stack = std::make_unique<GuardedPages>(kStackBytes, 16, "the thread's stack");
  }
  for (int i = 0; i < num_threads; ++i) {
    Thread& thread = threads[i];
    thread.stack_pointer = new_fiber(thread.stack->data() + kStackBytes, run_thread);
    const unsigned j = static_cast<unsigned>(i);
    thread.index = {j % size.x, j / size.x % size.y, j / size.x / size.y};
    thread.site = {};
    thread.ended = thread.has_waited = false;
    thread.copies.clear();
    thread.waits_for = nullptr;
    ready.add(i);
  }
}

void Block::run() {
  running = this;
  gridDim = grid;
  blockDim = size;
  blockIdx = index;
  current = ready.next(order, kernel->random());
  threadIdx = threads[current].index;
  simt_switch(&host, threads[current].stack_pointer);  // leaves the host, not a thread
  if (has_ended()) flush_accesses();
  running = nullptr;
  if (fault.empty() && !shared->kept()) fault = "block " + name(index) + ": wrote outside of shared memory";
}

void Block::pass_previous_kernel() {
  for (int i = 0; i < num_threads; ++i) {
    if (threads[i].waits_for != kWaitsForPrevious) continue;
    threads[i].waits_for = nullptr;
    ready.add(i);
  }
}

}  // namespace simt
