// The threads of a block that can run, and the order in which they do.
#pragma once

#include <cstdint>
#include <random>

#include "tests/cpp/simt/banks.h"

namespace simt {

constexpr int kMaxThreads = 1024;

// Which thread runs first: blocks, warps and lanes from the first on, from the last on, or by repeatable chance.
// Results must not depend on it. A warp runs as far ahead of the others as it may, except in kRandom.
enum class Order { kForward, kBackward, kRandom };

class ReadyThreads {
 public:
  bool is_empty() const { return warps_ == 0; }
  // Bit i of `lanes` is lane i.
  void set_lanes(int warp, uint32_t lanes) {
    lanes_[warp] = lanes;
    warps_ = lanes != 0 ? warps_ | bit(warp) : warps_ & ~bit(warp);
  }
  void add(int thread) { set_lanes(thread / kWarp, lanes_[thread / kWarp] | bit(thread % kWarp)); }
  void remove(int thread) { set_lanes(thread / kWarp, lanes_[thread / kWarp] & ~bit(thread % kWarp)); }

  // The thread whose turn it is; there must be one.
  int next(Order order, std::mt19937& random) const {
    const int warp = choose(warps_, order, random);
    return kWarp * warp + choose(lanes_[warp], order, random);
  }

 private:
  static uint32_t bit(int i) { return uint32_t{1} << i; }

  static int choose(uint32_t set, Order order, std::mt19937& random) {
    if (order == Order::kBackward) return 31 - __builtin_clz(set);
    if (order == Order::kRandom) {
      for (uint32_t skip = random() % __builtin_popcount(set); skip > 0; --skip) set &= set - 1;
    }
    return __builtin_ctz(set);
  }

  uint32_t warps_ = 0;  // those that have lanes
  uint32_t lanes_[kMaxThreads / kWarp] = {};
};

}  // namespace simt
