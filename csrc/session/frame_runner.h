// Enlarges pictures of one form, in memory that it takes beforehand.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "csrc/common/wavefront.h"
#include "csrc/kernels/cpu/l2h_net.h"
#include "csrc/session/aligned_memory.h"
#include "csrc/session/packed_model.h"
#include "csrc/session/pixel_format.h"
#include "csrc/session/thread_pool.h"
#include "include/srdgan/session.h"

namespace srdgan {

class FrameRunner {
 public:
  // model and pool must outlive this object. Throws Failure, or std::bad_alloc.
  FrameRunner(const PackedModel& model, ThreadPool& pool, const SessionConfig& config, int64_t halo,
              int64_t border_padding);

  // kOk, kCancelled or kNotFinite. Throws Failure before any work where an image breaks a rule.
  StatusCode run(const ConstImage& input, const Image& output, const std::atomic<bool>& cancelled);

  int64_t memory_bytes() const { return memory_bytes_; }
  int64_t output_width() const { return output_width_; }
  int64_t output_height() const { return output_height_; }

 private:
  // Rows begin .. end - 1 of the window, whose arrival finishes rows first_row .. end_row - 1 of its result.
  struct Strip {
    int64_t begin, end;
    int64_t first_row, end_row;
    std::unique_ptr<Wavefront> work;
  };

  std::unique_ptr<L2HRun> choose_run(int64_t strip_rows);
  // Floats of both buffers of planes; also finds max_result_rows_.
  int64_t plane_floats(const L2HRun& run, int64_t strip_rows);
  void make_strips();
  void read(const ConstImage& input, const Strip& strip);
  void write(const Image& output, const Strip& strip, int64_t begin, int64_t end);
  RgbRow<float> result_row(const Strip& strip, int64_t row) const;

  const PackedModel& model_;
  ThreadPool& pool_;
  int64_t scale_;
  int64_t output_width_, output_height_;
  PixelConverter reader_, writer_;
  // Of the part of the picture that the network reads, in the input; mirrored beyond its borders.
  std::vector<int64_t> columns_, rows_;
  int64_t crop_x_, crop_y_;  // of the result in the window's
  int64_t strip_rows_, max_result_rows_;
  std::unique_ptr<L2HRun> run_;
  AlignedMemory<float> state_, workspace_, scratch_, picture_, result_;
  int64_t scratch_stride_ = 0;
  std::vector<Strip> strips_;
  std::atomic<bool> is_finite_{true};
  int64_t memory_bytes_ = 0;
};

}  // namespace srdgan
