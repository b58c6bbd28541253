// A wavefront of toy stages against one loop after the other: every unit once, in time, whoever computes it.
#include <algorithm>
#include <memory>
#include <string>
#include <thread>

#include "csrc/common/wavefront.h"
#include "tests/cpp/check.h"

using namespace srdgan;

namespace {

using Values = std::vector<uint64_t>;

struct Chain {
  int64_t rows;
  int64_t chunks;
  int64_t stages;
  int64_t ring;  // rows that each stage's result is kept for; `rows` or more for all
  int64_t skew = 1;
  // Rows that are known with each strip; the last strip knows all. A stage reaches one row less than the one before.
  std::vector<int64_t> strips = {};

  int64_t reach(int64_t stage, int64_t known) const {
    return known >= rows ? rows : std::max<int64_t>(known - 1 - stage, 0);
  }
};

// What unit (stage, row, chunk) makes of its neighbours; get(row, chunk) reads the stage before.
template <typename Get>
uint64_t derive(const Chain& chain, int64_t stage, int64_t row, int64_t chunk, const Get& get) {
  uint64_t value = static_cast<uint64_t>((stage * chain.rows + row) * chain.chunks + chunk + 1);
  for (int64_t r = row - 1; r <= row + 1; ++r) {
    for (int64_t c = chunk - 1; c <= chunk + 1; ++c) {
      const bool inside = stage > 0 && r >= 0 && r < chain.rows && c >= 0 && c < chain.chunks;
      value = value * 6364136223846793005u + (inside ? get(r, c) : 1442695040888963407u);
      value ^= value >> 29;
    }
  }
  return value;
}

// Of all stages, without any ring.
std::vector<Values> in_turn(const Chain& chain) {
  std::vector<Values> values(chain.stages, Values(chain.rows * chain.chunks));
  for (int64_t stage = 0; stage < chain.stages; ++stage) {
    for (int64_t row = 0; row < chain.rows; ++row) {
      for (int64_t chunk = 0; chunk < chain.chunks; ++chunk) {
        values[stage][row * chain.chunks + chunk] = derive(
            chain, stage, row, chunk, [&](int64_t r, int64_t c) { return values[stage - 1][r * chain.chunks + c]; });
      }
    }
  }
  return values;
}

// The stages' results: plain memory, so that a race is one, and how often each unit was computed.
struct Buffers {
  explicit Buffers(const Chain& chain)
      : ring(chain.stages, Values(std::min(chain.ring, chain.rows) * chain.chunks)),
        last(chain.rows * chain.chunks),
        times(chain.stages * chain.rows * chain.chunks) {}
  std::vector<Values> ring;
  Values last;  // the last stage's, whole
  std::vector<int> times;
};

class ToyStage final : public Stage {
 public:
  ToyStage(const Chain& chain, Buffers& buffers, int64_t index) : chain_(chain), buffers_(buffers), index_(index) {}

  int64_t scratch_floats() const override { return 1 + index_; }

  void run(int64_t row, int64_t chunk, float* scratch) const override {
    const auto mark = static_cast<float>((index_ * chain_.rows + row) * chain_.chunks + chunk);
    std::fill_n(scratch, scratch_floats(), mark);
    uint64_t value = derive(chain_, index_, row, chunk, [&](int64_t r, int64_t c) { return at(index_ - 1, r, c); });
    // Some units take longer.
    volatile uint64_t idle = 0;
    for (uint64_t i = 0; i < value % 7 * 40; ++i) idle = idle + i;
    for (int64_t i = 0; i < scratch_floats(); ++i) {
      if (scratch[i] != mark) value = 0;  // someone else has written there
    }
    const bool last = index_ + 1 == chain_.stages;  // nobody reads it, and nobody waits to write where it was
    (last ? buffers_.last[row * chain_.chunks + chunk] : at(index_, row, chunk)) = value;
    ++buffers_.times[(index_ * chain_.rows + row) * chain_.chunks + chunk];
  }

 private:
  uint64_t& at(int64_t stage, int64_t row, int64_t chunk) const {
    return buffers_.ring[stage][row % std::min(chain_.ring, chain_.rows) * chain_.chunks + chunk];
  }

  const Chain& chain_;
  Buffers& buffers_;
  int64_t index_;
};

void work(Wavefront& wavefront, int64_t threads) {
  std::vector<std::thread> pool;
  for (int64_t i = 0; i < threads; ++i) {
    pool.emplace_back([&wavefront, i] {
      std::vector<float> scratch(wavefront.scratch_floats());
      wavefront.work(i, scratch.data());
    });
  }
  for (std::thread& thread : pool) thread.join();
}

// threads: that work. planned: that the wavefront was told.
void check_chain(const Chain& chain, int64_t threads, int64_t planned, const std::vector<Values>& truth) {
  Buffers buffers(chain);
  std::vector<int64_t> known = chain.strips;
  known.push_back(chain.rows);
  int64_t before = 0, units = 0;
  bool ordered = true;
  for (int64_t now : known) {
    Wavefront wavefront(chain.rows, chain.chunks, planned);
    for (int64_t stage = 0; stage < chain.stages; ++stage) {
      std::vector<Wavefront::Reuse> reuses;
      if (chain.ring < chain.rows && stage + 1 < chain.stages) reuses.push_back({stage + 1, -chain.ring});
      wavefront.add(std::make_unique<ToyStage>(chain, buffers, stage), before == 0 ? 0 : chain.reach(stage, before),
                    chain.reach(stage, now), stage * chain.skew, std::move(reuses), -stage);
    }
    wavefront.prepare();
    ordered &= wavefront.well_ordered();
    CHECK(wavefront.scratch_floats() == chain.stages, "scratch memory of the largest stage");
    units += wavefront.num_units();
    before = now;
    if (ordered) work(wavefront, threads);
  }
  const std::string what = std::to_string(chain.rows) + " rows, " + std::to_string(chain.chunks) + " chunks, " +
                           std::to_string(chain.stages) + " stages, ring of " + std::to_string(chain.ring) + ", " +
                           std::to_string(known.size()) + " strips, " + std::to_string(threads) + " threads of " +
                           std::to_string(planned);
  CHECK(ordered, "%s: a unit waits for a later one", what.c_str());
  CHECK(units == chain.stages * chain.rows * chain.chunks, "%s: %ld units", what.c_str(), static_cast<long>(units));
  CHECK(std::all_of(buffers.times.begin(), buffers.times.end(), [](int n) { return n == 1; }),
        "%s: not every unit once", what.c_str());
  CHECK(buffers.last == truth.back(), "%s: other results", what.c_str());
}

// well_ordered() sees what would block.
void check_order() {
  const Chain chain{12, 2, 2, 12};
  Buffers buffers(chain);
  const auto ordered = [&](int64_t offset, std::vector<Wavefront::Reuse> reuses) {
    Wavefront wavefront(chain.rows, chain.chunks, 1);
    wavefront.add(std::make_unique<ToyStage>(chain, buffers, 0), 0, chain.rows, 0, std::move(reuses));
    wavefront.add(std::make_unique<ToyStage>(chain, buffers, 1), 0, chain.rows, offset);
    wavefront.prepare();
    return wavefront.well_ordered();
  };
  CHECK(ordered(1, {}), "an offset of 1 is enough");
  CHECK(!ordered(0, {}), "an offset of 0 is too small");
  // Row r waits for row r - 4 + 1 of the next stage, which stands before it up to an offset of 2.
  CHECK(ordered(2, {{1, -4}}), "a ring of 4 is enough for an offset of 2");
  CHECK(!ordered(3, {{1, -4}}), "a ring of 4 is too small for an offset of 3");
}

}  // namespace

int main() {
  check_order();
  std::vector<Chain> chains;
  for (int64_t rows : {1, 2, 3, 17}) {
    for (int64_t chunks : {1, 2, 5}) {
      for (int64_t stages : {1, 2, 6}) {
        chains.push_back({rows, chunks, stages, rows});
        chains.push_back({rows, chunks, stages, 4});
        chains.push_back({rows, chunks, stages, 6, 3});
      }
    }
  }
  chains.push_back({40, 3, 9, 5, 2});
  chains.push_back({3, 40, 9, 3, 2});
  for (int64_t ring : {4, 6, 30}) {
    chains.push_back({30, 2, 6, ring, 2, {10, 20}});
    chains.push_back({30, 3, 6, ring, 1, {1, 2, 9, 10, 29}});
    chains.push_back({30, 1, 12, ring, 2, {5, 10, 15, 20, 25}});  // no row of the later stages in the first strips
  }
  for (const Chain& chain : chains) {
    const auto truth = in_turn(chain);
    for (int64_t threads : {1, 2, 5}) {
      for (int i = 0; i < (threads == 1 ? 1 : 10); ++i) check_chain(chain, threads, threads, truth);
      // Fewer come than there are queues, or more: all is done in any case.
      for (int64_t planned : {1, 3}) check_chain(chain, threads, planned, truth);
    }
  }
  return test_result();
}
