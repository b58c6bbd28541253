#include "tests/cpp/simt/shared_memory.h"

#include <algorithm>
#include <cstring>

namespace simt {
namespace {

constexpr int kWordBytes = 4;
constexpr size_t kAlignment = 256;
constexpr int kWarpThreads = 32, kMaxThreads = 1024;
constexpr int kSeveralLanes = -2;

}  // namespace

SharedMemory::SharedMemory(size_t bytes)
    : pages_(bytes, kAlignment, "shared memory"), words_((bytes + kWordBytes - 1) / kWordBytes) {}

void SharedMemory::start_block(int poison) {
  pass_barrier();  // what earlier blocks did does not race with this one
  std::memset(pages_.data(), poison, pages_.size());
  fences_.clear();
  if (seen_.empty()) return;
  for (Word& word : words_) word = {};
  warp_time_ = {};
  seen_.clear();
}

void SharedMemory::pass_warp_barrier(int warp) {
  warp_now_[warp] = ++now_of_warps_;
  if (seen_.empty()) return;
  Clock all{};
  for (int i = 0; i < kWarpThreads; ++i) {
    const Clock& seen = seen_[warp * kWarpThreads + i];
    for (size_t w = 0; w < all.size(); ++w) all[w] = std::max(all[w], seen[w]);
  }
  std::fill_n(seen_.begin() + warp * kWarpThreads, kWarpThreads, all);
}

void SharedMemory::release(int thread, Clock& clock) {
  if (seen_.empty()) seen_.resize(kMaxThreads);
  const int warp = thread / kWarpThreads;
  for (size_t w = 0; w < clock.size(); ++w) clock[w] = std::max(clock[w], seen_[thread][w]);
  clock[warp] = std::max(clock[warp], ++warp_time_[warp]);
}

void SharedMemory::acquire(int thread, const Clock& clock) {
  if (seen_.empty()) seen_.resize(kMaxThreads);
  for (size_t w = 0; w < clock.size(); ++w) seen_[thread][w] = std::max(seen_[thread][w], clock[w]);
}

// By an mbarrier.
bool SharedMemory::has_acquired(const Access& before, Who who) const {
  if (seen_.empty()) return false;
  const auto has = [&](int lane) { return seen_[who.warp * kWarpThreads + lane][before.who.warp] > before.warp_time; };
  if (who.lane >= 0) return has(who.lane);
  for (int lane = 0; lane < kWarpThreads; ++lane) {
    if (!has(lane)) return false;
  }
  return true;
}

int32_t SharedMemory::offset(const void* address, size_t bytes, const char* operation, Site site) const {
  const ptrdiff_t offset = static_cast<const std::byte*>(address) - pages_.data();
  if (offset < 0 || offset + bytes > pages_.size()) {
    fail(site, "%s: byte %td is outside of the block's %zu bytes of shared memory", operation, offset, pages_.size());
  }
  if (offset % bytes != 0) fail(site, "%s: byte %td of shared memory must be aligned to %zu", operation, offset, bytes);
  return static_cast<int32_t>(offset);
}

bool SharedMemory::is_ordered(const Access& before, Who who) const {
  if (before.when < now_) return true;
  if (before.who.warp != who.warp) return has_acquired(before, who);
  // What a warp does as one is done when its lanes go on.
  return before.who.lane == kAllLanes || before.who.lane == who.lane || before.when_in_warp < warp_now_[who.warp];
}

void SharedMemory::check_order(const Access& before, const char* what, int32_t offset, Who who, Site site) const {
  if (is_ordered(before, who)) return;
  fail(site, "byte %d of shared memory: no barrier since warp %d %s it at %s:%d", offset, before.who.warp, what,
       before.site.file, before.site.line);
}

void SharedMemory::check_arrived(const Word& word, int32_t offset, Site site) const {
  if (!word.is_target) return;
  fail(site, "byte %d of shared memory: the copy from %s:%d has not been waited for", offset, word.write.site.file,
       word.write.site.line);
}

void SharedMemory::write_word(Word& word, int32_t offset, Who who, Site site) {
  if (word.num_async_reads > 0) {
    fail(site, "byte %d of shared memory: the product at %s still reads it", offset, name(word.async_read).c_str());
  }
  check_order(word.write, "wrote", offset, who, site);
  check_order(word.read, "read", offset, who, site);
  check_order(word.read_of_other_warp, "read", offset, who, site);
  word.write = access(who, site);
  word.is_copied = false;
}

void SharedMemory::read(int32_t offset, int bytes, Who who, Site site) {
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) {
    Word& word = words_[at / kWordBytes];
    check_arrived(word, at, site);
    if (!word.is_copied) check_order(word.write, "wrote", at, who, site);
    if (word.read.who.warp != who.warp) word.read_of_other_warp = word.read;
    const bool joins = !is_ordered(word.read, who) && word.read.who.warp == who.warp;
    word.read = access(joins ? Who{who.warp, kSeveralLanes} : who, site);
  }
}

void SharedMemory::write(int32_t offset, int bytes, Who who, Site site) {
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) {
    Word& word = words_[at / kWordBytes];
    check_arrived(word, at, site);
    write_word(word, at, who, site);
    word.stored = ++stores_;
  }
}

void SharedMemory::start_copy(int32_t offset, int bytes, Who who, Site site) {
  write(offset, bytes, who, site);
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) words_[at / kWordBytes].is_target = true;
}

void SharedMemory::finish_copy(int32_t offset, int bytes, Who who, Site site) {
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) {
    words_[at / kWordBytes].write = access(who, site);
    words_[at / kWordBytes].is_target = false;
  }
}

void SharedMemory::finish_bulk_copy(int32_t offset, int bytes) {
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) {
    Word& word = words_[at / kWordBytes];
    word.is_target = false;
    word.is_copied = true;
    word.stored = 0;
  }
}

void SharedMemory::fence_async_proxy(int thread) {
  fences_.resize(kMaxThreads);
  fences_[thread] = ++stores_;
}

void SharedMemory::start_async_read(int32_t offset, int bytes, Who who, Site site) {
  read(offset, bytes, who, site);
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) {
    Word& word = words_[at / kWordBytes];
    const int writer = word.write.who.warp * kWarpThreads + word.write.who.lane;
    if (word.stored > 0 && (fences_.empty() || word.write.who.lane < 0 || fences_[writer] < word.stored)) {
      fail(site, "byte %d of shared memory: no fence_async_proxy() since thread %d stored it at %s", at, writer,
           name(word.write.site).c_str());
    }
    ++word.num_async_reads;
    word.async_read = site;
  }
}

void SharedMemory::finish_async_read(int32_t offset, int bytes, Who who, Site site) {
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) --words_[at / kWordBytes].num_async_reads;
  read(offset, bytes, who, site);
}

}  // namespace simt
