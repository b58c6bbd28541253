#include "tests/cpp/simt/kernel.h"

#include <algorithm>
#include <numeric>

#include "tests/cpp/simt/bad_access.h"
#include "tests/cpp/simt/block.h"
#include "tests/cpp/simt/scheduler.h"

namespace simt {
namespace {

constexpr size_t kMaxSharedBytes = 227 << 10;  // of sm_90 and sm_100, the largest
// Blocks that run ahead of the kernel before. They do the same as the others, so a few show what they do too early.
constexpr size_t kEarlyBlocks = 2;

// Blocks whose threads' stacks and shared memory can be used again.
std::vector<std::unique_ptr<Block>>& spare_blocks() {
  static auto& blocks = *new std::vector<std::unique_ptr<Block>>;
  return blocks;
}

}  // namespace

cudaError_t Launch::check() const {
  if (launches_until_failure >= 0 && launches_until_failure-- == 0) return cudaErrorMemoryAllocation;
  const uint64_t num_threads = uint64_t{block.x} * block.y * block.z;
  const uint64_t num_blocks = uint64_t{grid.x} * grid.y * grid.z;
  if (num_threads == 0 || num_threads > kMaxThreads || block.z > 64 || num_blocks == 0 || grid.x > 0x7fffffffu ||
      grid.y > 0xffffu || grid.z > 0xffffu) {
    return cudaErrorInvalidConfiguration;
  }
  return shared_bytes > kMaxSharedBytes ? cudaErrorInvalidValue : cudaSuccess;
}

Kernel::Kernel(Launch launch) : launch_(std::move(launch)) {
  if (launch_.starts_early) number_ = num_early_launches++;
  blocks_.resize(uint64_t{launch_.grid.x} * launch_.grid.y * launch_.grid.z);
  std::iota(blocks_.begin(), blocks_.end(), 0);
  if (order == Order::kRandom) std::shuffle(blocks_.begin(), blocks_.end(), random_);
  if (order != Order::kBackward) std::reverse(blocks_.begin(), blocks_.end());
}

Kernel::~Kernel() = default;

bool Kernel::forgets_to_wait() const { return number_ >= 0 && number_ == forgetful_launch; }

std::unique_ptr<Block> Kernel::start_block() {
  std::unique_ptr<Block> block;
  if (spare_blocks().empty()) {
    block = std::make_unique<Block>();
  } else {
    block = std::move(spare_blocks().back());
    spare_blocks().pop_back();
  }
  block->start(*this, blocks_.back(), launch_.grid, launch_.block, launch_.shared_bytes);
  blocks_.pop_back();
  return block;
}

void Kernel::run(Block& block) {
  block.run();
  if (!block.fault.empty()) throw Fault(block.fault);
}

void Kernel::end_block(std::unique_ptr<Block> block) { spare_blocks().push_back(std::move(block)); }

void Kernel::begin() {
  const CatchBadAccesses catching;
  is_ahead_ = true;
  while (!blocks_.empty() && begun_.size() < kEarlyBlocks) {
    begun_.push_back(start_block());
    run(*begun_.back());
  }
}

void Kernel::finish() {
  const CatchBadAccesses catching;
  is_ahead_ = false;
  for (auto& block : begun_) {
    if (!block->has_ended()) {
      block->pass_previous_kernel();
      run(*block);
    }
    end_block(std::move(block));
  }
  begun_.clear();
  while (!blocks_.empty()) {
    auto block = start_block();
    run(*block);
    end_block(std::move(block));
  }
  const std::string conflict = global_.find_conflict();
  if (!conflict.empty()) throw Fault(conflict);
}

}  // namespace simt
