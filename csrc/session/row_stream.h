// Enlarges a picture whose rows arrive one after another: keeps those that the next strip needs, and no more.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "csrc/session/aligned_memory.h"
#include "csrc/session/frame_runner.h"

namespace srdgan {

class RowStream {
 public:
  // The runner must outlive this object.
  RowStream(FrameRunner& runner, const SessionConfig& config);

  // As Session::push_rows() and pull_rows(). They return kOk; or kCancelled or kNotFinite, and then restart() must be
  // called. They throw Failure for wrong arguments, which changes nothing, and where the host's threads fail: if that
  // leaves a strip half computed, they restart() themselves; rows that pull() did not write can be pulled again.
  StatusCode push(const ConstImage& rows, int64_t count, int64_t& taken, const std::atomic<bool>& cancelled);
  StatusCode pull(const Image& rows, int64_t count, int64_t& written, const std::atomic<bool>& cancelled);

  // Whether some rows of a picture were pushed, and not all of them or not all results pulled.
  bool is_within_picture() const { return has_begun_ && !is_at_end(); }
  int64_t num_ready() const { return runner_.finished_rows(next_strip_ - 1) - pulled_; }
  int64_t latency_rows() const { return latency_rows_; }
  int64_t memory_bytes() const;
  void restart();

 private:
  bool is_at_end() const { return pushed_ == height_ && pulled_ == runner_.output_height(); }
  bool can_compute() const;
  StatusCode compute(const std::atomic<bool>& cancelled);
  void store(const ConstImage& rows, int64_t first, int64_t count);
  void drop_rows();

  FrameRunner& runner_;
  int64_t height_;
  // For each strip: the first row of the input that it or a later one reads, and the end of the rows that it reads.
  std::vector<RowRange> needed_;
  int64_t latency_rows_ = 0;
  // Rows first_stored_ .. of the input, as they came.
  AlignedMemory<uint8_t> planes_[3];
  ConstImage stored_{};
  int64_t first_stored_ = 0;
  bool has_begun_ = false;
  int64_t pushed_ = 0, pulled_ = 0;  // rows of the input and of the output
  int64_t next_strip_ = 0;
};

}  // namespace srdgan
