#include "csrc/kernels/cpu/upsample_conv.h"

#include <algorithm>

#include "csrc/kernels/cpu/upsample_conv_block.h"

namespace srdgan {
namespace {

constexpr int64_t kPanel = kUpsampleConvPanel;
constexpr int kCentre = 4;  // index of the product with the middle sample; 0..3 belong to outputs 2c-1 .. 2c+2

// Which of the three differences (0: x[c-1] - x[c], 1: x[c], 2: x[c+1] - x[c]) each of the five products reads.
constexpr int kDifference[5] = {0, 0, 2, 2, 1};

// Scratch memory for one run of patches: small enough to stay in a core's second-level cache beside the weights.
constexpr int64_t kScratchFloats = 96 * 1024;

const UpsampleConvIsa& find_isa(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512) return upsample_conv_avx512();
  if (isa == CpuIsa::kAvx2) return upsample_conv_avx2();
#elif defined(__aarch64__)
  if (isa != CpuIsa::kPortable) return upsample_conv_neon();
#endif
  (void)isa;
  return upsample_conv_portable();
}

// One row of pixels times one packed matrix, cut into blocks that fit into registers.
void multiply(const UpsampleConvIsa& isa, UpsampleConvBlock row, int64_t pixels, int64_t out_channels) {
  const int64_t panels = upsample_conv_num_panels(out_channels);
  const UpsampleConvBlock start = row;
  for (int64_t panel = 0; panel < panels;) {
    const int64_t panels_now = std::min(isa.max_panels, panels - panel);
    const int64_t offset = panel * kPanel;
    row.b = start.b + offset * row.depth;
    row.channels = std::min(out_channels - offset, panels_now * kPanel);
    const int64_t num_blocks = (pixels + isa.max_pixels - 1) / isa.max_pixels;
    for (int64_t i = 0; i < num_blocks; ++i) {
      // Equal shares: 65 pixels are five blocks of 13, not four of 14 and one of 9.
      const int64_t begin = pixels * i / num_blocks;
      const int64_t end = pixels * (i + 1) / num_blocks;
      row.a = start.a + begin * row.a_stride;
      row.first = start.first + begin * row.first_stride + offset;
      row.second = start.second + begin * row.second_stride + offset;
      row.out = start.out + begin * row.out_stride + offset;
      isa.block[panels_now - 1][end - begin - 1](row);
    }
    panel += panels_now;
  }
}

// The most patches that are computed together.
int64_t fitting_patches(const UpsampleConvProblem& problem, const UpsampleConvIsa& isa) {
  const int64_t padded_channels = upsample_conv_num_panels(problem.out_channels) * kPanel;
  return std::max<int64_t>(kScratchFloats / (9 * (problem.in_channels + padded_channels)), isa.max_pixels);
}

// Patches that are computed together, out of so many.
int64_t patches_per_run(const UpsampleConvProblem& problem, const UpsampleConvIsa& isa, int64_t patches) {
  const int64_t fitting = fitting_patches(problem, isa);
  const int64_t num_runs = (patches + fitting - 1) / fitting;
  return (patches + num_runs - 1) / num_runs;
}

// All that is the same for every patch of a call.
class Runner {
 public:
  Runner(const UpsampleConvProblem& problem, const UpsampleConvIsa& isa, int64_t patches, float* scratch)
      : problem_(problem),
        isa_(isa),
        padded_channels_(upsample_conv_num_panels(problem.out_channels) * kPanel),
        run_(patches_per_run(problem, isa, patches)) {
    // Rows start at a cache line, so that no vector load touches two lines.
    const auto misaligned = static_cast<int64_t>(reinterpret_cast<uintptr_t>(scratch) / sizeof(float) % kPanel);
    bias_ = scratch + (kPanel - misaligned) % kPanel;
    no_bias_ = bias_ + padded_channels_;
    partial_ = no_bias_ + padded_channels_;
    differences_ = partial_ + 9 * run_ * padded_channels_;
    zero_pixel_ = differences_ + 9 * run_ * problem.in_channels;
    std::fill_n(bias_, 2 * padded_channels_, 0.0f);
    std::fill_n(zero_pixel_, problem.in_channels, 0.0f);
    if (problem.bias != nullptr) std::copy_n(problem.bias, problem.out_channels, bias_);
  }

  void row(int64_t patch_row, int64_t begin, int64_t end) {
    for (; begin < end; begin += run_) run(patch_row, begin, std::min(begin + run_, end));
  }

 private:
  const float* pixel(int64_t row, int64_t column) const {
    const bool inside = row >= 0 && row < problem_.input.height && column >= 0 && column < problem_.width;
    return inside ? problem_.input.row(row) + column * problem_.input.channels : zero_pixel_;
  }

  const float* matrix(int i, int j) const {
    return problem_.packed + (5 * i + j) * padded_channels_ * problem_.in_channels;
  }

  const float* difference(int i, int j) const {
    return differences_ + (3 * kDifference[i] + kDifference[j]) * run_ * problem_.in_channels;
  }

  // Buffers of sums that several outputs share: 0..3 the rows', 4..7 the columns', 8 the centre.
  float* partial(int i) const { return partial_ + i * run_ * padded_channels_; }

  // partial = first + second + difference(i, j) * matrix(i, j)
  void shared_sum(int i, int j, const float* first, int64_t first_stride, float* sum, int64_t pixels) {
    UpsampleConvBlock row{};
    row.a = difference(i, j);
    row.a_stride = row.depth = problem_.in_channels;
    row.b = matrix(i, j);
    row.first = first;
    row.first_stride = first_stride;
    row.second = no_bias_;
    row.out = sum;
    row.out_stride = padded_channels_;
    row.negative_slope = 1.0f;
    multiply(isa_, row, pixels, padded_channels_);
  }

  // Patches [begin, end) of one row: centres at row 2 * patch_row and columns 2 * begin, 2 * begin + 2, ...
  void run(int64_t patch_row, int64_t begin, int64_t end) {
    const int64_t pixels = end - begin;
    for (int64_t t = 0; t < pixels; ++t) {
      const float* neighbourhood[9];
      for (int i = 0; i < 9; ++i) neighbourhood[i] = pixel(2 * patch_row + i / 3 - 1, 2 * (begin + t) + i % 3 - 1);
      isa_.differences(neighbourhood, problem_.in_channels, differences_ + t * problem_.in_channels,
                       run_ * problem_.in_channels);
    }

    shared_sum(kCentre, kCentre, bias_, 0, partial(8), pixels);
    for (int i = 0; i < 4; ++i) {
      shared_sum(i, kCentre, partial(8), padded_channels_, partial(i), pixels);
      shared_sum(kCentre, i, no_bias_, 0, partial(4 + i), pixels);
    }

    const int64_t out_height = 2 * problem_.input.height;
    const int64_t out_width = 2 * problem_.width;
    for (int i = 0; i < 4; ++i) {
      const int64_t out_row = 4 * patch_row - 1 + i;
      if (out_row < 0 || out_row >= out_height) continue;
      for (int j = 0; j < 4; ++j) {
        // Patches at the left and right borders reach beyond the picture by up to three columns.
        const int64_t first = std::max<int64_t>(begin, j == 0 ? 1 : 0);
        const int64_t last = std::min(end, (out_width - j + 4) / 4);
        if (first >= last) continue;
        const int64_t skip = first - begin;
        const int64_t out_column = 4 * first - 1 + j;
        UpsampleConvBlock row{};
        row.a = difference(i, j) + skip * problem_.in_channels;
        row.a_stride = row.depth = problem_.in_channels;
        row.b = matrix(i, j);
        row.first = partial(i) + skip * padded_channels_;
        row.second = partial(4 + j) + skip * padded_channels_;
        row.first_stride = row.second_stride = padded_channels_;
        row.out = problem_.output.row(out_row) + out_column * problem_.output.channels;
        row.out_stride = 4 * problem_.output.channels;
        row.negative_slope = problem_.negative_slope;
        multiply(isa_, row, last - first, problem_.out_channels);
      }
    }
  }

  const UpsampleConvProblem& problem_;
  const UpsampleConvIsa& isa_;
  int64_t padded_channels_;
  int64_t run_;         // patches computed together
  float* bias_;         // (padded_channels)
  float* no_bias_;      // (padded_channels) zeros
  float* partial_;      // (9, run, padded_channels)
  float* differences_;  // (9, run, in_channels)
  float* zero_pixel_;   // (in_channels) zeros, for pixels outside the picture
};

}  // namespace

int64_t upsample_conv_num_panels(int64_t out_channels) { return (out_channels + kPanel - 1) / kPanel; }

void upsample_conv_pack(const float* weight, int64_t in_channels, int64_t out_channels, float* packed) {
  // Which of the three taps each of the five products sums, in the order of kDifference.
  static constexpr int kTaps[5][3] = {{1, 1, 0}, {1, 0, 0}, {0, 0, 1}, {0, 1, 1}, {1, 1, 1}};
  const int64_t panels = upsample_conv_num_panels(out_channels);
  std::fill_n(packed, kUpsampleConvProducts * panels * in_channels * kPanel, 0.0f);
  for (int64_t n = 0; n < out_channels; ++n) {
    for (int64_t k = 0; k < in_channels; ++k) {
      const float* taps = weight + (n * in_channels + k) * 9;
      for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 5; ++j) {
          double sum = 0.0;
          for (int y = 0; y < 3; ++y) {
            for (int x = 0; x < 3; ++x) sum += kTaps[i][y] * kTaps[j][x] * static_cast<double>(taps[3 * y + x]);
          }
          const int64_t panel = (5 * i + j) * panels + n / kPanel;
          packed[(panel * in_channels + k) * kPanel + n % kPanel] = static_cast<float>(sum);
        }
      }
    }
  }
}

int64_t upsample_conv_scratch_floats(const UpsampleConvProblem& problem, CpuIsa isa, int64_t patches) {
  const int64_t padded_channels = upsample_conv_num_panels(problem.out_channels) * kPanel;
  // Not patches_per_run(): a few patches fewer can make one long run of two short ones.
  const int64_t run = std::min(patches, fitting_patches(problem, find_isa(isa)));
  return 9 * run * (problem.in_channels + padded_channels) + problem.in_channels + 2 * padded_channels + kPanel;
}

void upsample_conv(const UpsampleConvProblem& problem, CpuIsa isa, int64_t row_begin, int64_t row_end,
                   int64_t column_begin, int64_t column_end, float* scratch) {
  if (column_begin >= column_end) return;
  Runner runner(problem, find_isa(isa), column_end - column_begin, scratch);
  for (int64_t row = row_begin; row < row_end; ++row) runner.row(row, column_begin, column_end);
}

}  // namespace srdgan
