// A block that is being executed. For the execution's own files.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/cpp/guarded_pages.h"
#include "tests/cpp/simt/banks.h"
#include "tests/cpp/simt/cp_async.h"
#include "tests/cpp/simt/fault.h"
#include "tests/cpp/simt/kernel.h"
#include "tests/cpp/simt/mbarrier.h"
#include "tests/cpp/simt/ready_threads.h"
#include "tests/cpp/simt/shared_memory.h"
#include "tests/cpp/simt/wgmma.h"

namespace simt {

struct Thread {
  std::unique_ptr<GuardedPages> stack;
  void* stack_pointer;
  uint3 index;
  const char* waits_for;  // null while it can run
  Site site;
  bool ended;
  bool has_waited;  // for the kernel before
  Copies copies;
};

struct Warp {
  uint32_t arrived;
  const char* operation;
  Site site;
  void* arguments[kWarp];
  AccessLog accesses;
  WarpProducts products;
};

struct Block {
  // Nothing of it has run yet.
  void start(Kernel& kernel, uint64_t number, dim3 grid, dim3 size, size_t shared_bytes);
  // Runs it until all threads have ended, or wait for the kernel before, or there is a fault.
  void run();
  bool has_ended() const { return num_live == 0; }
  // The kernel before has ended.
  void pass_previous_kernel();

  Kernel* kernel;
  uint64_t number;
  uint3 index;
  dim3 grid, size;
  std::optional<SharedMemory> shared;
  std::vector<Thread> threads;  // num_threads of them or more: stacks are kept
  Warp warps[kMaxThreads / kWarp];
  Mbarriers mbarriers;
  ReadyThreads ready;
  int num_threads, num_live, num_at_barrier;
  Site barrier;
  int current;
  std::string fault;
};

// The block that runs; null while the host does.
inline Block* running = nullptr;

// The running thread waits for others, until one of them makes it ready.
void block_thread(const char* what, Site site);
void make_ready(int thread);

}  // namespace simt
