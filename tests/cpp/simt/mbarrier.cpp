#include "tests/cpp/simt/mbarrier.h"

#include <cstring>

#include "tests/cpp/simt/block.h"
#include "tests/cpp/simt/scheduler.h"

namespace simt {
namespace {

constexpr int kPieceBytes = 16;

}  // namespace

void Mbarriers::clear() { *this = {}; }

void Mbarriers::check_finished() const {
  if (!copies_.empty()) fail(copies_.front().site, "the block ended without waiting for this copy");
}

Mbarriers::Barrier& Mbarriers::find(const void* barrier, const char* operation, Site site, int32_t* offset) {
  *offset = shared_memory().offset(barrier, kBytes, operation, site);
  const auto found = barriers_.find(*offset);
  if (found == barriers_.end()) fail(site, "%s: no mbarrier was made here", operation);
  shared_memory().read(*offset, kBytes, this_lane(), site);  // after the thread that made it
  return found->second;
}

void Mbarriers::init(const void* barrier, int count, Site site) {
  const int32_t offset = shared_memory().offset(barrier, kBytes, "mbarrier_init", site);
  shared_memory().write(offset, kBytes, this_lane(), site);
  if (count < 1) fail(site, "mbarrier_init: %d arrivals", count);
  barriers_[offset] = {count, count, 0, 0, false, {}, {}};
  fenced_ = false;
}

void Mbarriers::complete(int32_t offset, Barrier& barrier) {
  if (barrier.pending > 0 || barrier.bytes != 0) return;
  ++barrier.phase;
  barrier.pending = barrier.count;
  barrier.passed = barrier.arrived;
  for (size_t i = 0; i < waiters_.size();) {
    const Waiter waiter = waiters_[i];
    if (waiter.barrier != offset || static_cast<int>(barrier.phase & 1) == waiter.parity) {
      ++i;
      continue;
    }
    shared_memory().acquire(waiter.thread, barrier.passed);
    make_ready(waiter.thread);
    waiters_.erase(waiters_.begin() + static_cast<ptrdiff_t>(i));
  }
}

void Mbarriers::arrive(const void* barrier, int64_t expected_bytes, Site site) {
  int32_t offset;
  Barrier& to = find(barrier, "mbarrier_arrive", site, &offset);
  shared_memory().release(thread_in_block(), to.arrived);
  to.bytes += expected_bytes;
  if (--to.pending < 0) fail(site, "mbarrier_arrive: more than the %d arrivals of a phase", to.count);
  complete(offset, to);
}

void Mbarriers::wait(const void* barrier, int parity, Site site) {
  int32_t offset;
  Barrier& from = find(barrier, "mbarrier_wait", site, &offset);
  if (static_cast<int>(from.phase & 1) != parity) {
    shared_memory().acquire(thread_in_block(), from.passed);
    return;
  }
  waiters_.push_back({thread_in_block(), offset, parity});
  block_thread("mbarrier_wait", site);
}

void Mbarriers::start(std::vector<BulkCopy::Piece> pieces, const void* barrier, Site site) {
  int32_t offset;
  Barrier& to = find(barrier, "bulk copy", site, &offset);
  if (fenced_) to.fenced = true;
  if (!to.fenced) fail(site, "bulk copy: no fence_mbarrier_init() since the mbarrier was made");
  BulkCopy copy{std::move(pieces), {}, offset, site};
  for (const BulkCopy::Piece& piece : copy.pieces) {
    shared_memory().start_copy(piece.to, kPieceBytes, this_lane(), site);
    std::memset(shared_memory().data() + piece.to, poison(), kPieceBytes);
    if (piece.from == nullptr) continue;
    const auto* source = static_cast<const volatile std::byte*>(piece.from);
    (void)source[0];
    (void)source[kPieceBytes - 1];
    log_global(GlobalAccess::kCopy, piece.from, kPieceBytes, site);
  }
  if (is_ahead()) {
    copy.bytes.resize(copy.pieces.size() * kPieceBytes);
    for (size_t i = 0; i < copy.pieces.size(); ++i) {
      if (copy.pieces[i].from != nullptr) std::memcpy(&copy.bytes[i * kPieceBytes], copy.pieces[i].from, kPieceBytes);
    }
  }
  copies_.push_back(std::move(copy));
}

bool Mbarriers::finish_copy() {
  if (copies_.empty()) return false;
  size_t i = 0;
  if (order == Order::kBackward) i = copies_.size() - 1;
  if (order == Order::kRandom) i = running->kernel->random()() % copies_.size();
  const BulkCopy copy = std::move(copies_[i]);
  copies_.erase(copies_.begin() + static_cast<ptrdiff_t>(i));
  for (size_t k = 0; k < copy.pieces.size(); ++k) {
    const BulkCopy::Piece& piece = copy.pieces[k];
    std::byte* to = shared_memory().data() + piece.to;
    if (piece.from == nullptr) {
      std::memset(to, 0, kPieceBytes);
    } else {
      std::memcpy(to, copy.bytes.empty() ? piece.from : &copy.bytes[k * kPieceBytes], kPieceBytes);
    }
    shared_memory().finish_bulk_copy(piece.to, kPieceBytes);
  }
  Barrier& barrier = barriers_.at(copy.barrier);
  barrier.bytes -= static_cast<int64_t>(copy.pieces.size()) * kPieceBytes;
  complete(copy.barrier, barrier);
  return true;
}

}  // namespace simt
