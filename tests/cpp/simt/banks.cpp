#include "tests/cpp/simt/banks.h"

#include <algorithm>

namespace simt {
namespace {

constexpr int kWordBytes = 4, kBanks = 32, kPassBytes = kWordBytes * kBanks;

// Passes of lanes that access at most kPassBytes together.
int num_passes(int bytes, const int32_t* offsets, int num_lanes) {
  int32_t words[kBanks][kWarp];  // of each bank, without repetition
  int num_words[kBanks] = {};
  for (int i = 0; i < num_lanes; ++i) {
    if (offsets[i] < 0) continue;
    for (int32_t word = offsets[i] / kWordBytes; word < (offsets[i] + bytes) / kWordBytes; ++word) {
      const int bank = word % kBanks;
      int32_t* end = words[bank] + num_words[bank];
      if (std::find(words[bank], end, word) != end) continue;
      *end = word;
      ++num_words[bank];
    }
  }
  return *std::max_element(num_words, num_words + kBanks);
}

}  // namespace

void count_access(AccessKind kind, int bytes, const std::array<int32_t, kWarp>& offsets) {
  AccessCounts& count = counts[kind];
  const int lanes = kPassBytes / bytes;
  for (int first = 0; first < kWarp; first += lanes) {
    const int32_t* phase = offsets.data() + first;
    const int64_t active = lanes - std::count(phase, phase + lanes, -1);
    if (active == 0) continue;
    count.bytes += active * bytes;
    count.passes += num_passes(bytes, phase, lanes);
    ++count.least_passes;
  }
}

void AccessLog::add(AccessKind kind, Site site, int lane, int32_t offset, int bytes) {
  auto line = std::find_if(lines_.begin(), lines_.end(), [&](const Line& each) {
    return each.site.line == site.line && each.kind == kind && each.bytes == bytes && each.site.file == site.file;
  });
  if (line == lines_.end()) line = lines_.insert(line, {kind, site, bytes, {}, {}});
  const size_t instruction = line->num_of_lane[lane]++;
  if (instruction == line->instructions.size()) line->instructions.emplace_back().fill(-1);
  line->instructions[instruction][lane] = offset;
}

void AccessLog::flush() {
  for (Line& line : lines_) {
    for (const auto& offsets : line.instructions) count_access(line.kind, line.bytes, offsets);
    line.num_of_lane.fill(0);
    line.instructions.clear();
  }
}

}  // namespace simt
