// mbarriers, and the bulk copies that report to them (csrc/kernels/cuda/hopper.cuh). All of them belong to a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "tests/cpp/simt/fault.h"
#include "tests/cpp/simt/shared_memory.h"

namespace simt {

// A copy to shared memory in pieces of 16 bytes, by the engine that serves bulk copies and TMA.
struct BulkCopy {
  struct Piece {
    int32_t to;
    const void* from;  // null for zeros
  };
  std::vector<Piece> pieces;
  std::vector<std::byte> bytes;  // the source, where it was read at once
  int32_t barrier;
  Site site;
};

// A copy is done as late as possible: when no thread of the block can run any more. Until then its target is poison.
class Mbarriers {
 public:
  static constexpr int kBytes = 8;

  void clear();
  // What is on its way at the block's end is a fault.
  void check_finished() const;

  void init(const void* barrier, int count, Site site);
  void fence_init() { fenced_ = true; }
  void arrive(const void* barrier, int64_t expected_bytes, Site site);
  void wait(const void* barrier, int parity, Site site);
  void start(std::vector<BulkCopy::Piece> pieces, const void* barrier, Site site);

  // Does one copy; false if there is none.
  bool finish_copy();

 private:
  struct Barrier {
    int count;
    int pending;
    int64_t bytes;
    uint64_t phase;
    bool fenced;
    SharedMemory::Clock arrived, passed;  // what is done before the phase that goes on, and before the last one's end
  };
  struct Waiter {
    int thread;
    int32_t barrier;
    int parity;
  };
  Barrier& find(const void* barrier, const char* operation, Site site, int32_t* offset);
  void complete(int32_t offset, Barrier& barrier);

  std::map<int32_t, Barrier> barriers_;
  std::vector<Waiter> waiters_;
  std::vector<BulkCopy> copies_;
  bool fenced_ = false;
};

}  // namespace simt
