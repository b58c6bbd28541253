#include "csrc/session/latency.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

namespace srdgan {
namespace {

constexpr double kRunSeconds = 0.06;  // of one timed run, where the picture is large enough
constexpr int kRuns = 3;              // of which the median counts
constexpr int64_t kFirstSide = 48;    // of the first sample, by which the size of the second is chosen
constexpr int64_t kFirstPixels = kFirstSide * kFirstSide;
constexpr int64_t kSampleWidth = 256;

// Memory for a picture, all zeros.
struct Picture {
  Picture(const FormatLayout& layout, int64_t width, int64_t height) {
    for (int plane = 0; plane < layout.planes; ++plane) {
      memory[plane].resize(static_cast<size_t>(layout.row_bytes(plane, width) * layout.rows(plane, height)));
      image.planes[plane] = memory[plane].data();
    }
  }
  std::vector<uint8_t> memory[3];
  Image image{};
};

// Seconds of one run, the median of some after a first one that fills caches and touches memory.
double time_runs(FrameRunner& runner, const SessionConfig& config, int runs) {
  Picture input(layout_of(config.input), config.width, config.height);
  Picture output(layout_of(config.output), runner.output_width(), runner.output_height());
  const ConstImage from = {{input.image.planes[0], input.image.planes[1], input.image.planes[2]}, {}};
  const std::atomic<bool> cancelled{false};
  std::vector<double> seconds;
  for (int i = 0; i <= runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    runner.run(from, output.image, cancelled);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  seconds.erase(seconds.begin());
  std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
  return seconds[static_cast<size_t>(runs / 2)];
}

// A whole picture of the same form with about so many pixels; its sides are even, as some formats demand.
SessionConfig make_sample(const SessionConfig& config, int64_t pixels) {
  SessionConfig sample = config;
  sample.region = {};
  sample.row_streaming = false;
  sample.width = std::min(kSampleWidth, pixels / kFirstSide / 2 * 2);
  sample.height = pixels / sample.width / 2 * 2;
  return sample;
}

}  // namespace

double estimate_latency(const PackedModel& model, Workers& workers, const SessionConfig& config, FrameRunner& runner) {
  const auto measure_sample = [&](int64_t pixels, int runs) {
    const SessionConfig sample = make_sample(config, pixels);
    FrameRunner small(model, workers, sample);
    return time_runs(small, sample, runs) / static_cast<double>(small.num_pixels());
  };
  const auto pixels = static_cast<double>(runner.num_pixels());
  if (runner.num_pixels() > kFirstPixels) {
    const double affordable = kRunSeconds / measure_sample(kFirstPixels, 1);
    if (affordable < pixels)
      return 1000.0 * pixels * measure_sample(std::max(kFirstPixels, static_cast<int64_t>(affordable)), kRuns);
  }
  return 1000.0 * time_runs(runner, config, kRuns);
}

}  // namespace srdgan
