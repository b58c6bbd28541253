// Counts bank conflicts in shared memory: it has 32 banks of 4 bytes, each of which gives one word a pass.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tests/cpp/simt/fault.h"

namespace simt {

constexpr int kWarp = 32;

enum class AccessKind { kLdmatrix, kLoad, kStore, kCpAsync };

struct AccessCounts {
  int64_t bytes = 0;
  int64_t passes = 0;
  int64_t least_passes = 0;  // without conflicts
  // 1 without conflicts, and if there are no accesses.
  double passes_of_least() const {
    return least_passes > 0 ? static_cast<double>(passes) / static_cast<double>(least_passes) : 1.0;
  }
};

// What kernels have done since the test set this to {}.
struct Counts {
  AccessCounts accesses[4];
  int64_t products = 0;  // matrix instructions
  AccessCounts& operator[](AccessKind kind) { return accesses[static_cast<int>(kind)]; }
};
inline Counts counts;

// Adds one instruction's access to `counts`: lane i accesses `bytes` (4, 8 or 16) at offset[i]; -1 does not.
void count_access(AccessKind kind, int bytes, const std::array<int32_t, kWarp>& offsets);

// The accesses of a warp's lanes, which run one after the other. The k-th accesses of all lanes from one line are taken
// for one instruction.
class AccessLog {
 public:
  void add(AccessKind kind, Site site, int lane, int32_t offset, int bytes);
  // Counts what was added, and forgets it.
  void flush();

 private:
  struct Line {
    AccessKind kind;
    Site site;
    int bytes;
    std::array<size_t, kWarp> num_of_lane;
    std::vector<std::array<int32_t, kWarp>> instructions;
  };
  std::vector<Line> lines_;
};

}  // namespace simt
