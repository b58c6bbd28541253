// A chain of stages over the rows of a picture, computed by any number of threads without barriers.
//
// Each stage reads what the stage before it made of the same place and its neighbours, as 3x3 convolutions do. The
// picture is cut into rows and chunks of columns: unit (stage, row, chunk) may start when stage - 1 has finished rows
// row - 1 .. row + 1 of chunks chunk - 1 .. chunk + 1. All units stand in one order in which everything that a unit
// waits for comes before it. Each thread has a queue of its own, a part of that order: the units that work on the same
// memory are in the same queue, so that it stays in one core's caches. A thread takes a unit only when everything that
// the unit waits for is done; after a long wait it takes units of other queues. The first untaken unit of the whole
// order can always be taken by some thread, so there is no deadlock with any number of threads. The result of a unit
// does not depend on the thread that computes it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace srdgan {

// One step of the chain, shared by all threads.
class Stage {
 public:
  virtual ~Stage() = default;
  // Floats of scratch memory that run() needs.
  virtual int64_t scratch_floats() const = 0;
  virtual void run(int64_t row, int64_t chunk, float* scratch) const = 0;
};

class Wavefront {
 public:
  // For a buffer that is reused: row `row` of the stage with this entry also waits for row + shift (and its neighbours)
  // of `stage`.
  struct Reuse {
    int64_t stage;
    int64_t shift;
  };

  // rows: of the whole picture. threads: the number that is expected to work.
  Wavefront(int64_t rows, int64_t chunks, int64_t threads)
      : rows_(rows), chunks_(chunks), queues_(static_cast<size_t>(std::max<int64_t>(threads, 1))) {}

  // Appends a stage that computes rows [begin, end). Units are ordered by row + offset, then by stage; the offset must
  // be larger than that of the stage before by at least 1, and large enough for what is waited for by `reuses`. Rows
  // with the same row + shift are one thread's, chunk by chunk, whatever the stage.
  void add(std::unique_ptr<Stage> stage, int64_t begin, int64_t end, int64_t offset, std::vector<Reuse> reuses = {},
           int64_t shift = 0) {
    const auto index = static_cast<int32_t>(nodes_.size());
    for (int64_t row = begin; row < end; ++row) order_.push_back({row + offset, index, static_cast<int32_t>(row)});
    nodes_.push_back({std::move(stage), begin, end, std::move(reuses), shift, num_flags_});
    num_flags_ += std::max<int64_t>(end - begin, 0) * chunks_;
  }

  int64_t num_stages() const { return static_cast<int64_t>(nodes_.size()); }

  // To be called once, after the last add() and before work().
  void prepare() {
    order_.shrink_to_fit();  // memory_bytes() counts no more than what is used
    std::sort(order_.begin(), order_.end(),
              [](const Unit& a, const Unit& b) { return a.key != b.key ? a.key < b.key : a.stage < b.stage; });
    done_ = std::make_unique<std::atomic<uint8_t>[]>(static_cast<size_t>(num_flags_));
    for (const Node& node : nodes_) scratch_floats_ = std::max(scratch_floats_, node.stage->scratch_floats());
    const auto threads = static_cast<int64_t>(queues_.size());
    const auto for_each_unit = [&](const auto& visit) {
      for (const Unit& unit : order_) {
        const int64_t place = (unit.row + nodes_[static_cast<size_t>(unit.stage)].shift) * chunks_;
        for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
          const int64_t thread = ((place + chunk) % threads + threads) % threads;
          visit(static_cast<size_t>(thread), Place{unit.stage, unit.row, static_cast<int32_t>(chunk)});
        }
      }
    };
    std::vector<size_t> sizes(queues_.size(), 0);
    for_each_unit([&](size_t thread, const Place&) { ++sizes[thread]; });
    for (size_t i = 0; i < sizes.size(); ++i) queues_[i].units.reserve(sizes[i]);
    for_each_unit([&](size_t thread, const Place& place) { queues_[thread].units.push_back(place); });
  }

  // Whether everything that a unit waits for comes before it, after prepare(): if not, work() can wait for ever.
  bool well_ordered() const {
    std::vector<size_t> position(nodes_.size() * static_cast<size_t>(rows_), 0);
    for (size_t i = 0; i < order_.size(); ++i)
      position[static_cast<size_t>(order_[i].stage * rows_ + order_[i].row)] = i;
    for (size_t i = 0; i < order_.size(); ++i) {
      const auto comes_before = [&](int64_t stage, int64_t row) {
        const Node& node = nodes_[static_cast<size_t>(stage)];
        for (int64_t r = std::max(row - 1, node.begin); r < std::min(row + 2, node.end); ++r) {
          if (position[static_cast<size_t>(stage * rows_ + r)] >= i) return false;
        }
        return true;
      };
      const Unit& unit = order_[i];
      if (unit.stage > 0 && !comes_before(unit.stage - 1, unit.row)) return false;
      for (const Reuse& reuse : nodes_[static_cast<size_t>(unit.stage)].reuses) {
        if (!comes_before(reuse.stage, unit.row + reuse.shift)) return false;
      }
    }
    return true;
  }

  // What a call of work() needs.
  int64_t scratch_floats() const { return scratch_floats_; }
  int64_t num_units() const { return static_cast<int64_t>(order_.size()) * chunks_; }

  // Of everything but what the stages point to.
  int64_t memory_bytes() const {
    const auto units = static_cast<size_t>(num_units());
    return static_cast<int64_t>(order_.size() * sizeof(Unit) + units * sizeof(Place)) + num_flags_;
  }

  // Makes all units untaken, for another picture. Allocates nothing.
  void restart() {
    for (int64_t i = 0; i < num_flags_; ++i) done_[static_cast<size_t>(i)].store(0, std::memory_order_relaxed);
    for (Queue& queue : queues_) queue.next.store(0, std::memory_order_relaxed);
  }

  // Computes units until none is left to take, or until *stop is true. Every thread calls it once, with a number of its
  // own, from 0 on, and scratch memory of its own.
  void work(int64_t thread, float* scratch, const std::atomic<bool>* stop = nullptr) {
    const auto own = static_cast<size_t>(thread) % queues_.size();
    for (int64_t spins = 0; stop == nullptr || !stop->load(std::memory_order_relaxed); ++spins) {
      Outcome outcome = take(queues_[own], scratch);
      if (outcome == Outcome::kNothingLeft || (outcome == Outcome::kNotYet && spins >= kPatience)) {
        for (size_t i = 1; i < queues_.size() && outcome != Outcome::kDone; ++i) {
          const Outcome other = take(queues_[(own + i) % queues_.size()], scratch);
          if (other != Outcome::kNothingLeft) outcome = other;
        }
      }
      if (outcome == Outcome::kNothingLeft) return;
      if (outcome == Outcome::kDone) {
        spins = -1;
      } else {
        pause(spins);
      }
    }
  }

 private:
  struct Node {
    std::unique_ptr<Stage> stage;
    int64_t begin;
    int64_t end;
    std::vector<Reuse> reuses;
    int64_t shift;
    int64_t first_flag;  // of its units in done_
  };
  struct Unit {  // of all chunks
    int64_t key;
    int32_t stage;
    int32_t row;
  };
  struct Place {
    int32_t stage;
    int32_t row;
    int32_t chunk;
  };
  struct alignas(64) Queue {
    std::vector<Place> units;
    std::atomic<int64_t> next{0};
  };
  enum class Outcome { kDone, kNotYet, kNothingLeft };

  // Nearly every wait is short. A long one means that the other thread has lost its core, perhaps to this thread.
  static constexpr int64_t kPatience = 4096;

  std::atomic<uint8_t>& done(int64_t stage, int64_t row, int64_t chunk) {
    const Node& node = nodes_[static_cast<size_t>(stage)];
    return done_[static_cast<size_t>(node.first_flag + (row - node.begin) * chunks_ + chunk)];
  }

  // Takes the first unit of a queue and computes it, if nothing is left to wait for.
  Outcome take(Queue& queue, float* scratch) {
    int64_t next = queue.next.load(std::memory_order_relaxed);
    if (next >= static_cast<int64_t>(queue.units.size())) return Outcome::kNothingLeft;
    const Place place = queue.units[static_cast<size_t>(next)];
    const Node& node = nodes_[static_cast<size_t>(place.stage)];
    if (place.stage > 0 && !finished(place.stage - 1, place.row, place.chunk)) return Outcome::kNotYet;
    for (const Reuse& reuse : node.reuses) {
      if (!finished(reuse.stage, place.row + reuse.shift, place.chunk)) return Outcome::kNotYet;
    }
    if (!queue.next.compare_exchange_strong(next, next + 1, std::memory_order_relaxed)) return Outcome::kNotYet;
    node.stage->run(place.row, place.chunk, scratch);
    done(place.stage, place.row, place.chunk).store(1, std::memory_order_release);
    return Outcome::kDone;
  }

  // A unit and its neighbours. Rows that this stage does not compute were computed before, or do not exist.
  bool finished(int64_t stage, int64_t row, int64_t chunk) {
    const Node& node = nodes_[static_cast<size_t>(stage)];
    for (int64_t r = std::max(row - 1, node.begin); r < std::min(row + 2, node.end); ++r) {
      for (int64_t c = std::max<int64_t>(chunk - 1, 0); c < std::min(chunk + 2, chunks_); ++c) {
        if (done(stage, r, c).load(std::memory_order_acquire) == 0) return false;
      }
    }
    return true;
  }

  static void pause(int64_t spins) {
    if (spins >= kPatience) return std::this_thread::yield();
#if defined(__x86_64__)
    _mm_pause();
#endif
  }

  int64_t rows_;
  int64_t chunks_;
  std::vector<Node> nodes_;
  std::vector<Unit> order_;
  std::unique_ptr<std::atomic<uint8_t>[]> done_;
  int64_t num_flags_ = 0;
  std::vector<Queue> queues_;
  int64_t scratch_floats_ = 0;
};

}  // namespace srdgan
