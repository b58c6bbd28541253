// A block's dynamic shared memory. Accesses through primitives are checked for their place, for alignment, and for
// races: two threads access the same word, one of them writes, and no barrier is between.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/cpp/guarded_pages.h"
#include "tests/cpp/simt/fault.h"

namespace simt {

class SharedMemory {
 public:
  // A lane of a warp, or the whole warp (kAllLanes), which accesses as one.
  struct Who {
    int warp;
    int lane;
  };
  static constexpr int kAllLanes = -1;
  // By warp: what it did before this time of its own is done.
  using Clock = std::array<uint32_t, 32>;

  explicit SharedMemory(size_t bytes);

  std::byte* data() const { return pages_.data(); }
  size_t size() const { return pages_.size(); }
  bool kept() const { return pages_.kept(); }

  // Nothing has been written to it: each byte has this value.
  void start_block(int poison);
  // What all threads did before is done for all threads.
  void pass_barrier() { ++now_; }
  // The same among the lanes of a warp.
  void pass_warp_barrier(int warp);
  // An mbarrier: what `thread`, its warp, and those it knows of did before is done for who acquires the clock.
  void release(int thread, Clock& clock);
  void acquire(int thread, const Clock& clock);

  // The offset of an address. A fault unless `bytes` bytes from there on are inside and it is a multiple of `bytes`.
  int32_t offset(const void* address, size_t bytes, const char* operation, Site site) const;
  // Notes an access, and fails if it races with an earlier one.
  void read(int32_t offset, int bytes, Who who, Site site);
  void write(int32_t offset, int bytes, Who who, Site site);
  // The same for the beginning and the end of a copy; nothing may access its target in between.
  void start_copy(int32_t offset, int bytes, Who who, Site site);
  void finish_copy(int32_t offset, int bytes, Who who, Site site);
  // The end of a copy by the engine, which an mbarrier tells of.
  void finish_bulk_copy(int32_t offset, int bytes);

  // Reads of the async proxy, which does not see ordinary stores before their thread's fence_async_proxy(). Nothing may
  // write what is read between start and finish.
  void fence_async_proxy(int thread);
  void start_async_read(int32_t offset, int bytes, Who who, Site site);
  void finish_async_read(int32_t offset, int bytes, Who who, Site site);

 private:
  struct Access {
    uint64_t when = 0;
    uint64_t when_in_warp = 0;
    uint32_t warp_time = 0;
    Who who{};
    Site site;
  };
  struct Word {
    Access write;
    Access read;
    Access read_of_other_warp;
    bool is_target = false;  // of a copy that is on its way
    bool is_copied = false;  // by the engine
    uint64_t stored = 0;     // when an ordinary store was the last to write it
    int num_async_reads = 0;
    Site async_read;
  };

  Access access(Who who, Site site) const { return {now_, warp_now_[who.warp], warp_time_[who.warp], who, site}; }
  bool has_acquired(const Access& before, Who who) const;
  bool is_ordered(const Access& before, Who who) const;
  void check_order(const Access& before, const char* what, int32_t offset, Who who, Site site) const;
  void check_arrived(const Word& word, int32_t offset, Site site) const;
  void write_word(Word& word, int32_t offset, Who who, Site site);

  GuardedPages pages_;
  std::vector<Word> words_;
  uint64_t now_ = 1;
  uint64_t now_of_warps_ = 1;
  uint64_t warp_now_[32] = {};
  Clock warp_time_{};
  std::vector<Clock> seen_;       // by thread; empty before the first mbarrier
  uint64_t stores_ = 0;           // and fences
  std::vector<uint64_t> fences_;  // by thread
};

}  // namespace simt
