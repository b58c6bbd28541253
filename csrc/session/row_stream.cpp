#include "csrc/session/row_stream.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "csrc/session/failure.h"

namespace srdgan {
namespace {

void check_count(int64_t count, int64_t group, const char* what) {
  require_argument(count >= 0, "count must not be negative");
  if (count % group != 0)
    throw Failure(StatusCode::kInvalidArgument,
                  std::string(what) + " must come in pairs of rows, got " + std::to_string(count));
}

}  // namespace

RowStream::RowStream(FrameRunner& runner, const SessionConfig& config) : runner_(runner), height_(config.height) {
  for (int64_t strip = 0; strip < runner.num_strips(); ++strip) {
    needed_.push_back(runner.input_rows(strip));
    if (strip > 0) needed_.back().end = std::max(needed_.back().end, needed_[needed_.size() - 2].end);
  }
  // Rows mirrored at the lower border lie above those of strips before.
  for (size_t i = needed_.size() - 1; i > 0; --i)
    needed_[i - 1].begin = std::min(needed_[i - 1].begin, needed_[i].begin);
  int64_t capacity = 0;
  for (const RowRange& rows : needed_) capacity = std::max(capacity, rows.end - rows.begin);

  const FormatLayout& layout = runner.reader().layout();
  for (int plane = 0; plane < layout.planes; ++plane) {
    const int64_t row_bytes = layout.row_bytes(plane, config.width);
    planes_[plane] = AlignedMemory<uint8_t>(row_bytes * layout.rows(plane, capacity));
    stored_.planes[plane] = planes_[plane].data();
    stored_.strides[plane] = row_bytes;
  }
  const int64_t first_row = config.region.y, scale = runner.scale();
  for (int64_t strip = 0; strip < runner.num_strips(); ++strip) {
    const int64_t first_result = runner.finished_rows(strip - 1);
    if (first_result == runner.finished_rows(strip)) continue;
    const int64_t own_row = first_row + first_result / scale;
    latency_rows_ = std::max(latency_rows_, needed_[static_cast<size_t>(strip)].end - 1 - own_row);
  }
  restart();
}

int64_t RowStream::memory_bytes() const {
  int64_t bytes = static_cast<int64_t>(needed_.size() * sizeof(RowRange));
  for (const auto& plane : planes_) bytes += plane.bytes();
  return bytes;
}

void RowStream::restart() {
  has_begun_ = false;
  pushed_ = pulled_ = next_strip_ = 0;
  first_stored_ = needed_[0].begin;
}

// Whether the rows of the next strip are there, and all results of the one before were pulled.
bool RowStream::can_compute() const {
  return next_strip_ < runner_.num_strips() && num_ready() == 0 &&
         pushed_ >= needed_[static_cast<size_t>(next_strip_)].end;
}

StatusCode RowStream::compute(const std::atomic<bool>& cancelled) {
  try {
    while (can_compute()) {
      const StatusCode code = runner_.compute(next_strip_, stored_, first_stored_, cancelled);
      if (code != StatusCode::kOk) return code;
      ++next_strip_;
      drop_rows();
    }
  } catch (...) {  // the host's threads failed, and the strip is half computed
    restart();
    throw;
  }
  return StatusCode::kOk;
}

StatusCode RowStream::push(const ConstImage& rows, int64_t count, int64_t& taken, const std::atomic<bool>& cancelled) {
  taken = 0;
  if (has_begun_ && is_at_end()) restart();
  check_count(count, runner_.reader().layout().row_group(), "the input");
  if (count > height_ - pushed_)
    throw Failure(StatusCode::kInvalidArgument, "the picture has " + std::to_string(height_ - pushed_) +
                                                    " more rows, got " + std::to_string(count) +
                                                    (pushed_ == height_ ? "; pull all results first" : ""));
  const ConstImage from = runner_.reader().check(rows);
  if (count > 0) has_begun_ = true;
  while (taken < count) {
    int64_t take = count - taken;
    if (next_strip_ < runner_.num_strips()) {
      take = std::min(take, needed_[static_cast<size_t>(next_strip_)].end - pushed_);
      if (take <= 0) break;  // the next strip waits until results are pulled
    }
    store(from, taken, take);
    taken += take;
    pushed_ += take;
    const StatusCode code = compute(cancelled);
    if (code != StatusCode::kOk) return code;
  }
  return StatusCode::kOk;
}

StatusCode RowStream::pull(const Image& rows, int64_t count, int64_t& written, const std::atomic<bool>& cancelled) {
  written = 0;
  require_argument(has_begun_, "push_rows() must come before pull_rows()");
  check_count(count, runner_.writer().layout().row_group(), "the output");
  const Image to = runner_.writer().check(rows);
  const int64_t take = std::min(count, num_ready());
  StatusCode code = StatusCode::kOk;
  if (take > 0) code = runner_.write(next_strip_ - 1, to, pulled_, pulled_, pulled_ + take);
  if (code != StatusCode::kOk) return code;
  written = take;
  pulled_ += take;
  return compute(cancelled);
}

// Stores rows first .. first + count - 1 of `rows`, the next ones of the picture. Those that no strip reads are left
// out.
void RowStream::store(const ConstImage& rows, int64_t first, int64_t count) {
  if (next_strip_ == runner_.num_strips()) return;
  const int64_t skipped = std::clamp<int64_t>(first_stored_ - pushed_, 0, count);
  const FormatLayout& layout = runner_.reader().layout();
  for (int plane = 0; plane < layout.planes; ++plane) {
    const int64_t from = layout.rows(plane, first + skipped),
                  to = layout.rows(plane, pushed_ + skipped - first_stored_);
    for (int64_t row = 0; row < layout.rows(plane, count - skipped); ++row) {
      std::memcpy(planes_[plane].data() + (to + row) * stored_.strides[plane],
                  static_cast<const char*>(rows.planes[plane]) + (from + row) * rows.strides[plane],
                  static_cast<size_t>(stored_.strides[plane]));
    }
  }
}

// Forgets the rows that no later strip reads.
void RowStream::drop_rows() {
  if (next_strip_ == runner_.num_strips()) return;
  const int64_t first = needed_[static_cast<size_t>(next_strip_)].begin, dropped = first - first_stored_;
  first_stored_ = first;
  const int64_t kept = pushed_ - first;
  if (kept <= 0) return;
  const FormatLayout& layout = runner_.reader().layout();
  for (int plane = 0; plane < layout.planes; ++plane) {
    const int64_t stride = stored_.strides[plane];
    std::memmove(planes_[plane].data(), planes_[plane].data() + layout.rows(plane, dropped) * stride,
                 static_cast<size_t>(layout.rows(plane, kept) * stride));
  }
}

}  // namespace srdgan
