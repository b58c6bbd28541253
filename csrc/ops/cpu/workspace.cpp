#include "csrc/ops/cpu/workspace.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "csrc/common/huge_pages.h"
#include "csrc/ops/checks.h"

namespace srdgan {
namespace {

constexpr int64_t kLineBytes = Workspace::kLine * static_cast<int64_t>(sizeof(float));

struct Block {
  float* data;
  int64_t floats;
};

// Free blocks, in the order in which they were returned. Never destroyed: a thread may still work while the process
// ends.
struct Kept {
  std::mutex mutex;
  std::vector<Block> blocks;
  int64_t floats = 0;

  void remove(std::vector<Block>::iterator block) {
    floats -= block->floats;
    blocks.erase(block);
  }
};

Kept& kept() {
  static Kept& kept = *new Kept;
  return kept;
}

// The smallest block that is large enough, unless most of it would be unused.
Block take(int64_t floats) {
  Kept& from = kept();
  const std::lock_guard lock(from.mutex);
  auto best = from.blocks.end();
  for (auto block = from.blocks.begin(); block != from.blocks.end(); ++block) {
    const bool fits = block->floats >= floats && block->floats <= 2 * floats;
    if (fits && (best == from.blocks.end() || block->floats < best->floats)) best = block;
  }
  if (best == from.blocks.end()) return {};
  const Block block = *best;
  from.remove(best);
  return block;
}

}  // namespace

Workspace::Workspace(int64_t floats) {
  Block block = take(floats);
  if (block.data == nullptr) {
    block.floats = std::max((floats + kLine - 1) / kLine, int64_t{1}) * kLine;
    const int64_t bytes = block.floats * static_cast<int64_t>(sizeof(float));
    block.data = static_cast<float*>(std::aligned_alloc(kLineBytes, static_cast<size_t>(bytes)));
    STD_TORCH_CHECK(block.data != nullptr, "not enough memory: ", bytes, " bytes");
    prefer_huge_pages(block.data, bytes);
  }
  floats_ = block.floats;
  data_ = block.data;
}

Workspace::~Workspace() {
  Kept& to = kept();
  const std::lock_guard lock(to.mutex);
  to.blocks.push_back({data_, floats_});
  to.floats += floats_;
  while (to.floats > kKept / static_cast<int64_t>(sizeof(float))) {
    std::free(to.blocks.front().data);
    to.remove(to.blocks.begin());
  }
}

float* Workspace::align(float* p) {
  const auto address = reinterpret_cast<uintptr_t>(p);
  return reinterpret_cast<float*>((address + kLineBytes - 1) / kLineBytes * kLineBytes);
}

}  // namespace srdgan
