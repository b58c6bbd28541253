#include "tests/cpp/simt/shared_memory.h"

#include <cstring>

namespace simt {
namespace {

constexpr int kWordBytes = 4;
constexpr size_t kAlignment = 128;
constexpr int kSeveralLanes = -2;

}  // namespace

SharedMemory::SharedMemory(size_t bytes)
    : pages_(bytes, kAlignment, "shared memory"), words_((bytes + kWordBytes - 1) / kWordBytes) {}

void SharedMemory::start_block(int poison) {
  pass_barrier();  // what earlier blocks did does not race with this one
  std::memset(pages_.data(), poison, pages_.size());
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
  if (before.who.warp != who.warp) return false;
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
  check_order(word.write, "wrote", offset, who, site);
  check_order(word.read, "read", offset, who, site);
  check_order(word.read_of_other_warp, "read", offset, who, site);
  word.write = access(who, site);
}

void SharedMemory::read(int32_t offset, int bytes, Who who, Site site) {
  for (int32_t at = offset; at < offset + bytes; at += kWordBytes) {
    Word& word = words_[at / kWordBytes];
    check_arrived(word, at, site);
    check_order(word.write, "wrote", at, who, site);
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

}  // namespace simt
