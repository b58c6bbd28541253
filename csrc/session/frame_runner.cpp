#include "csrc/session/frame_runner.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "csrc/common/cpu_isa.h"
#include "csrc/session/failure.h"

namespace srdgan {
namespace {

constexpr float kNegativeSlope = 0.2f;    // srdgan_rt/models/l2h.py
constexpr int64_t kUsualStripRows = 128;  // enough to make reading the weights, once per strip, cheap

// In the order of the channels that pixel-unshuffle makes of them: those that begin a block, then those beside them.
std::vector<int64_t> unshuffle_columns(const std::vector<int64_t>& columns, int64_t factor) {
  std::vector<int64_t> ordered;
  ordered.reserve(columns.size());
  for (int64_t place = 0; place < factor; ++place) {
    for (size_t i = static_cast<size_t>(place); i < columns.size(); i += static_cast<size_t>(factor))
      ordered.push_back(columns[i]);
  }
  return ordered;
}

bool all_finite(const float* values, int64_t count) {
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) finite &= std::fabs(values[i]) <= std::numeric_limits<float>::max();
  return finite;
}

}  // namespace

FrameRunner::FrameRunner(const PackedModel& model, Workers& workers, const SessionConfig& config)
    : FrameRunner(model, workers, config, Window(config, model)) {}

FrameRunner::FrameRunner(const PackedModel& model, Workers& workers, const SessionConfig& config, const Window& window)
    : model_(model),
      workers_(workers),
      scale_(model.scale()),
      output_width_(scale_ * window.region.width),
      output_height_(scale_ * window.region.height),
      reader_(config.input, config.input_colour, config.width, config.height, "input"),
      writer_(config.output, config.output_colour, output_width_, output_height_, "output"),
      columns_(unshuffle_columns(window.x.pixels, model.unshuffle)),
      rows_(window.y.pixels),
      width_(window.x.size() / model.unshuffle),
      height_(window.y.size() / model.unshuffle),
      result_width_(scale_ * window.x.size()),
      crop_x_(scale_ * window.x.before),
      crop_y_(scale_ * window.y.before) {
  require_argument(config.strip_rows >= 0, "strip_rows must be at least 0, got " + std::to_string(config.strip_rows));
  const int64_t strip_rows = config.strip_rows / model.unshuffle + (config.strip_rows % model.unshuffle != 0);
  run_ = choose_run(strip_rows > 0 || !config.row_streaming ? strip_rows : 1);
  make_strips();
}

int64_t FrameRunner::count_result_rows(const L2HRun& run, int64_t strip_rows) const {
  int64_t most = 0;
  for (int64_t known = 0; known < height_; known += strip_rows) {
    const int64_t before = known == 0 ? 0 : run.finished_rows(known);
    const int64_t now = run.finished_rows(std::min(known + strip_rows, height_));
    most = std::max(most, now - before);
  }
  return most;
}

// Strips of the wanted height. If none is wanted: of the least height for row streaming; else of the usual height, or
// the whole at once if that takes less memory.
std::unique_ptr<L2HRun> FrameRunner::choose_run(int64_t strip_rows) {
  std::unique_ptr<L2HRun> best;
  int64_t best_floats = 0;
  const std::vector<int64_t> choices = strip_rows > 0 ? std::vector{strip_rows} : std::vector{height_, kUsualStripRows};
  for (const int64_t wanted : choices) {
    const int64_t rows = L2HRun::round_strip_rows(height_, width_, model_.weights.sizes.products, wanted);
    auto run =
        std::make_unique<L2HRun>(model_.weights, kNegativeSlope, height_, width_, rows, workers_.size(), process_isa());
    const int64_t result_rows = count_result_rows(*run, rows);
    const int64_t floats =
        run->state_floats() + run->workspace_floats() + picture_floats(rows) + result_floats(result_rows);
    if (best != nullptr && floats >= best_floats) continue;
    best = std::move(run);
    best_floats = floats;
    strip_rows_ = rows;
    max_result_rows_ = result_rows;
  }
  return best;
}

void FrameRunner::make_strips() {
  state_ = AlignedMemory<float>(run_->state_floats());
  workspace_ = AlignedMemory<float>(run_->workspace_floats());
  const int64_t in_channels = model_.weights.sizes.in_channels;
  picture_ = AlignedMemory<float>(picture_floats(strip_rows_));
  result_ = AlignedMemory<float>(result_floats(max_result_rows_));
  run_->clear_borders(state_.data());
  int64_t plans_bytes = 0;
  for (int64_t begin = 0; begin < height_; begin += strip_rows_) {
    Strip strip{};
    strip.begin = begin;
    strip.end = std::min(begin + strip_rows_, height_);
    strip.first_row = begin == 0 ? 0 : run_->finished_rows(begin);
    strip.end_row = run_->finished_rows(strip.end);
    L2HData data{};
    data.picture = {picture_.data(), in_channels, strip_rows_ * width_, width_, begin};
    data.result = {result_row(strip, strip.first_row).channels[0], kImageChannels, result_plane(max_result_rows_),
                   result_width_, strip.first_row};
    strip.work = run_->plan(state_.data(), workspace_.data(), data, strip.begin, strip.end);
    scratch_stride_ = std::max(scratch_stride_, strip.work->scratch_floats());
    plans_bytes += strip.work->memory_bytes();
    strips_.push_back(std::move(strip));
  }
  constexpr int64_t kLine = AlignedMemory<float>::kLine / static_cast<int64_t>(sizeof(float));
  scratch_stride_ = (scratch_stride_ + kLine - 1) / kLine * kLine;
  scratch_ = AlignedMemory<float>(workers_.size() * scratch_stride_);
  for (const auto* memory : {&state_, &workspace_, &picture_, &result_, &scratch_}) memory_bytes_ += memory->bytes();
  memory_bytes_ += plans_bytes;
}

// The row before first_row is the last one of the strip before, for formats that take two rows at a time.
RgbRow<float> FrameRunner::result_row(const Strip& strip, int64_t row) const {
  float* first = result_.data() + (row - strip.first_row + 1) * result_width_;
  const int64_t plane = result_plane(max_result_rows_);
  return {{first, first + plane, first + 2 * plane}};
}

StatusCode FrameRunner::run(const ConstImage& input, const Image& output, const std::atomic<bool>& cancelled) {
  const ConstImage from = reader_.check(input);
  const Image to = writer_.check(output);
  for (int64_t strip = 0; strip < num_strips(); ++strip) {
    StatusCode code = compute(strip, from, 0, cancelled);
    if (code == StatusCode::kOk) code = write(strip, to, 0, finished_rows(strip - 1), finished_rows(strip));
    if (code != StatusCode::kOk) return code;
  }
  return StatusCode::kOk;
}

RowRange FrameRunner::input_rows(int64_t strip) const {
  const Strip& rows = strips_[static_cast<size_t>(strip)];
  const int64_t begin = model_.unshuffle * rows.begin, end = model_.unshuffle * rows.end;
  RowRange all = reader_.rows_to_read(rows_[static_cast<size_t>(begin)]);
  for (int64_t row = begin; row < end; ++row) {
    const RowRange one = reader_.rows_to_read(rows_[static_cast<size_t>(row)]);
    all = {std::min(all.begin, one.begin), std::max(all.end, one.end)};
  }
  return all;
}

int64_t FrameRunner::finished_rows(int64_t strip) const {
  if (strip < 0) return 0;
  const int64_t end = strips_[static_cast<size_t>(strip)].end_row - crop_y_;
  return std::clamp<int64_t>(end, 0, output_height_) / writer_.layout().row_group() * writer_.layout().row_group();
}

StatusCode FrameRunner::compute(int64_t index, const ConstImage& input, int64_t first_row,
                                const std::atomic<bool>& cancelled) {
  const Strip& strip = strips_[static_cast<size_t>(index)];
  if (index > 0) keep_last_row(strips_[static_cast<size_t>(index - 1)]);
  read(input, first_row, strip);
  strip.work->restart();
  workers_.run(
      [&](int64_t worker) { strip.work->work(worker, scratch_.data() + worker * scratch_stride_, &cancelled); });
  return cancelled ? StatusCode::kCancelled : StatusCode::kOk;
}

// Formats with chroma for pairs of rows may need it together with the first row of the next strip.
void FrameRunner::keep_last_row(const Strip& strip) {
  if (strip.end_row == strip.first_row) return;
  const RgbRow<float> last = result_row(strip, strip.end_row - 1), kept = result_row(strip, strip.first_row - 1);
  for (int64_t c = 0; c < kImageChannels; ++c) std::copy_n(last.channels[c], result_width_, kept.channels[c]);
}

// Pixel-unshuffle with factor r: pixel (y, x) of a block is channels y * r + x + {0, 1, 2} * r * r of one pixel.
void FrameRunner::read(const ConstImage& input, int64_t first_row, const Strip& strip) {
  const int64_t factor = model_.unshuffle, plane = strip_rows_ * width_, colour = factor * factor * plane;
  workers_.for_each(factor * strip.begin, factor * strip.end, [&](int64_t row) {
    float* first = picture_.data() + row % factor * factor * plane + (row / factor - strip.begin) * width_;
    for (int64_t x = 0; x < factor; ++x, first += plane) {
      reader_.read(input, first_row, rows_[static_cast<size_t>(row)], columns_.data() + x * width_, width_,
                   {{first, first + colour, first + 2 * colour}});
    }
  });
}

StatusCode FrameRunner::write(int64_t index, const Image& output, int64_t first_row, int64_t begin, int64_t end) {
  const Strip& strip = strips_[static_cast<size_t>(index)];
  const int64_t group = writer_.layout().row_group();
  std::atomic<bool> is_finite{true};
  workers_.for_each(begin / group, end / group, [&](int64_t place) {
    RgbRow<const float> rows[2]{};
    for (int64_t i = 0; i < group; ++i) {
      const RgbRow<float> row = result_row(strip, crop_y_ + group * place + i);
      for (int64_t c = 0; c < kImageChannels; ++c) {
        rows[i].channels[c] = row.channels[c] + crop_x_;
        if (!all_finite(rows[i].channels[c], output_width_)) is_finite = false;
      }
    }
    writer_.write(output, group * place - first_row, rows);
  });
  return is_finite ? StatusCode::kOk : StatusCode::kNotFinite;
}

}  // namespace srdgan
