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
#include "csrc/session/window.h"
#include "csrc/session/workers.h"
#include "include/srdgan/session.h"

namespace srdgan {

class FrameRunner {
 public:
  // model and workers must outlive this object. Throws Failure, or std::bad_alloc.
  FrameRunner(const PackedModel& model, Workers& workers, const SessionConfig& config);

  // kOk, kCancelled or kNotFinite. Throws Failure before any work where an image breaks a rule.
  StatusCode run(const ConstImage& input, const Image& output, const std::atomic<bool>& cancelled);

  // The same strip by strip, in their order; row_stream.h uses it. Images are checked by the converters' check().
  const PixelConverter& reader() const { return reader_; }
  const PixelConverter& writer() const { return writer_; }
  int64_t num_strips() const { return static_cast<int64_t>(strips_.size()); }
  // Rows of the input that a strip reads.
  RowRange input_rows(int64_t strip) const;
  // Rows of the output that are finished after a strip; 0 for -1.
  int64_t finished_rows(int64_t strip) const;
  // Reads a strip and computes it; the image has the input's rows from first_row on. kOk or kCancelled.
  StatusCode compute(int64_t strip, const ConstImage& input, int64_t first_row, const std::atomic<bool>& cancelled);
  // Writes rows begin .. end - 1 of the output, which a strip has finished, into an image that begins with row
  // first_row. kOk or kNotFinite.
  StatusCode write(int64_t strip, const Image& output, int64_t first_row, int64_t begin, int64_t end);

  int64_t memory_bytes() const { return memory_bytes_; }
  int64_t scale() const { return scale_; }
  // Pixels that the network reads, with halo and border padding.
  int64_t num_pixels() const { return static_cast<int64_t>(rows_.size() * columns_.size()); }
  int64_t output_width() const { return output_width_; }
  int64_t output_height() const { return output_height_; }

 private:
  // Rows begin .. end - 1 of what the network sees, whose arrival finishes rows first_row .. end_row - 1 of its result.
  struct Strip {
    int64_t begin, end;
    int64_t first_row, end_row;
    std::unique_ptr<Wavefront> work;
  };

  FrameRunner(const PackedModel& model, Workers& workers, const SessionConfig& config, const Window& window);
  // Also sets strip_rows_ and max_result_rows_. 0 chooses the height of strips.
  std::unique_ptr<L2HRun> choose_run(int64_t strip_rows);
  // The most rows of the result that one strip finishes.
  int64_t count_result_rows(const L2HRun& run, int64_t strip_rows) const;
  // Of the buffers picture_ and result_.
  int64_t picture_floats(int64_t strip_rows) const { return model_.weights.sizes.in_channels * strip_rows * width_; }
  int64_t result_floats(int64_t max_result_rows) const { return kImageChannels * result_plane(max_result_rows); }
  // Of one channel of result_: the rows of a strip, and before them the last one of the strip before.
  int64_t result_plane(int64_t max_result_rows) const { return (max_result_rows + 1) * result_width_; }
  void make_strips();
  void read(const ConstImage& input, int64_t first_row, const Strip& strip);
  void keep_last_row(const Strip& strip);
  RgbRow<float> result_row(const Strip& strip, int64_t row) const;

  const PackedModel& model_;
  Workers& workers_;
  int64_t scale_;
  int64_t output_width_, output_height_;
  PixelConverter reader_, writer_;
  std::vector<int64_t> columns_, rows_;  // of the window, in the input; columns in the order of pixel-unshuffle
  int64_t width_, height_;               // of the window as the network sees it, after pixel-unshuffle
  int64_t result_width_;                 // of the window's result
  int64_t crop_x_, crop_y_;              // of the output in the window's result
  int64_t strip_rows_, max_result_rows_;
  std::unique_ptr<L2HRun> run_;
  AlignedMemory<float> state_, workspace_, scratch_, picture_, result_;
  int64_t scratch_stride_ = 0;
  std::vector<Strip> strips_;
  int64_t memory_bytes_ = 0;
};

}  // namespace srdgan
