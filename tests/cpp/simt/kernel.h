// Executes kernels: block after block, each with one fiber a thread.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "tests/cpp/simt/global_memory.h"

namespace simt {

struct Block;

struct Launch {
  dim3 grid, block;
  size_t shared_bytes;
  bool starts_early;           // srdgan::gpu::Start::kEarly
  std::function<void()> body;  // calls the kernel; run for each thread

  // CUDA's error where a limit is not kept, or the test wants one.
  cudaError_t check() const;
};

// A launch that is being executed. Its functions throw Fault.
class Kernel {
 public:
  explicit Kernel(Launch launch);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // Runs some blocks as far as they come while the kernel before this one in the stream has not ended. For launches
  // that start early.
  void begin();
  // Runs all blocks to their ends. The kernel before this one has ended.
  void finish();

  // ---- For the execution of its blocks.
  bool is_ahead() const { return is_ahead_; }  // the kernel before this one has not ended
  bool starts_early() const { return launch_.starts_early; }
  bool forgets_to_wait() const;
  void run_body() const { launch_.body(); }
  std::mt19937& random() { return random_; }
  GlobalLog& global() { return global_; }

 private:
  std::unique_ptr<Block> start_block();
  void run(Block& block);
  void end_block(std::unique_ptr<Block> block);

  Launch launch_;
  int number_ = -1;  // among those that start early
  bool is_ahead_ = false;
  std::mt19937 random_{1};
  std::vector<uint64_t> blocks_;  // those that have not begun, the next one last
  std::vector<std::unique_ptr<Block>> begun_;
  GlobalLog global_;
};

// For tests of the waits: how many launches that start early there were, and the number of the one that does not wait
// for the kernel before it.
inline int num_early_launches = 0;
inline int forgetful_launch = -1;
// For tests of missing memory: the launch after so many others lacks it; -1: none does.
inline int launches_until_failure = -1;

}  // namespace simt
