// upsample_conv in every instruction set of this processor against the plain loops of its definition.
#include <algorithm>
#include <limits>

#include "csrc/kernels/cpu/upsample_conv.h"
#include "tests/cpp/check.h"
#include "tests/cpp/guarded.h"
#include "tests/cpp/isas.h"
#include "tests/cpp/upsample_conv_reference.h"

using namespace srdgan;

namespace {

struct Case {
  int64_t height, width, in_channels, out_channels;
  bool has_bias = true;
  float negative_slope = 0.2f;
  // Channels of the maps beyond those that are read and written.
  int64_t in_padding = 0;
  int64_t out_padding = 0;
};

// A case with its data; what lies between the pixels' channels must neither be read nor written.
struct Run {
  Run(const Case& c, CpuIsa isa)
      : c(c),
        isa(isa),
        x(random_floats(c.height * c.width * c.in_channels, 1)),
        weight(random_floats(c.out_channels * c.in_channels * 9, 2)),
        bias(random_floats(c.out_channels, 3)),
        packed(kUpsampleConvProducts * upsample_conv_num_panels(c.out_channels) * c.in_channels * kUpsampleConvPanel),
        in_pixel(c.in_channels + c.in_padding),
        out_pixel(c.out_channels + c.out_padding),
        input(c.height * c.width * in_pixel, kNan) {
    upsample_conv_pack(weight.data(), c.in_channels, c.out_channels, packed.data());
    for (int64_t i = 0; i < c.height * c.width; ++i) {
      std::copy_n(x.begin() + i * c.in_channels, c.in_channels, input.begin() + i * in_pixel);
    }
  }

  int64_t out_row() const { return 2 * c.width * out_pixel; }

  UpsampleConvProblem problem(float* output) {
    UpsampleConvProblem problem{};
    problem.input = FeatureMap::dense(input.data(), c.height, c.width, in_pixel);
    problem.output = FeatureMap::dense(output, 2 * c.height, 2 * c.width, out_pixel);
    problem.packed = packed.data();
    problem.bias = c.has_bias ? bias.data() : nullptr;
    problem.width = c.width;
    problem.in_channels = c.in_channels;
    problem.out_channels = c.out_channels;
    problem.negative_slope = c.negative_slope;
    return problem;
  }

  Case c;
  CpuIsa isa;
  std::vector<float> x, weight, bias, packed;
  int64_t in_pixel, out_pixel;
  std::vector<float> input;
};

void check_values(const Run& run, const float* out) {
  const Case& c = run.c;
  const auto truth =
      upsample_conv_reference({c.height, c.width, c.in_channels, c.out_channels}, run.x.data(), run.weight,
                              c.has_bias ? run.bias : std::vector<float>{}, c.negative_slope);
  double worst = 0.0;
  bool padding_kept = true;
  for (int64_t pixel = 0; pixel < 4 * c.height * c.width; ++pixel) {
    for (int64_t o = 0; o < c.out_channels; ++o) {
      const double error = std::abs(out[pixel * run.out_pixel + o] - truth[pixel * c.out_channels + o]);
      worst = error <= worst ? worst : error;  // a NaN becomes the worst
    }
    for (int64_t o = c.out_channels; o < run.out_pixel; ++o)
      padding_kept &= out[pixel * run.out_pixel + o] == kUntouched;
  }
  const double bound = 1e-5 * std::sqrt(9.0 * static_cast<double>(c.in_channels));
  CHECK(worst <= bound, "%s %ldx%ldx%ld -> %ld channels: error %g", cpu_isa_name(run.isa), static_cast<long>(c.height),
        static_cast<long>(c.width), static_cast<long>(c.in_channels), static_cast<long>(c.out_channels), worst);
  CHECK(padding_kept, "%s wrote into the padding of a pixel", cpu_isa_name(run.isa));
}

void check_case(const Case& c, CpuIsa isa) {
  Run run(c, isa);
  const int64_t rows = upsample_conv_num_patches(c.height);
  const int64_t columns = upsample_conv_num_patches(c.width);

  // A guard behind the output shows stores beyond its end.
  constexpr int64_t kGuard = 64;
  const int64_t count = 2 * c.height * run.out_row();
  std::vector<float> out(count + kGuard, kUntouched);
  const UpsampleConvProblem problem = run.problem(out.data());
  Guarded scratch(upsample_conv_scratch_floats(problem, isa, columns));
  // Rows of patches in reverse order and one by one: each must stand for itself.
  for (int64_t row = rows; row-- > 0;) upsample_conv(problem, isa, row, row + 1, 0, columns, scratch.forget());
  check_values(run, out.data());
  CHECK(std::all_of(out.begin() + count, out.end(), [](float v) { return v == kUntouched; }), "%s wrote beyond the end",
        cpu_isa_name(isa));
  CHECK(scratch.kept(), "%s wrote beyond its scratch memory", cpu_isa_name(isa));

  std::vector<float> again(count, kUntouched);
  upsample_conv(run.problem(again.data()), isa, 0, rows, 0, columns, scratch.forget());
  CHECK(std::equal(again.begin(), again.end(), out.begin()), "%s depends on how rows are shared out",
        cpu_isa_name(isa));

  for (int64_t share : {int64_t{1}, int64_t{3}, (columns + 1) / 2}) {
    std::fill(again.begin(), again.end(), kUntouched);
    const UpsampleConvProblem parts = run.problem(again.data());
    Guarded small(upsample_conv_scratch_floats(parts, isa, share));
    for (int64_t end = columns; end > 0; end -= std::min(share, end)) {
      upsample_conv(parts, isa, 0, rows, std::max<int64_t>(end - share, 0), end, small.forget());
    }
    CHECK(std::equal(again.begin(), again.end(), out.begin()), "%s depends on how columns are shared out",
          cpu_isa_name(isa));
    CHECK(small.kept(), "%s wrote beyond the scratch memory of %ld columns", cpu_isa_name(isa),
          static_cast<long>(share));
  }
}

// Patches [column_begin, column_end) of a row make these columns of outputs and no others.
void check_columns(const Case& c, CpuIsa isa, int64_t column_begin, int64_t column_end) {
  Run run(c, isa);
  std::vector<float> whole(2 * c.height * run.out_row(), kUntouched);
  std::vector<float> part = whole;
  const int64_t rows = upsample_conv_num_patches(c.height);
  const int64_t columns = upsample_conv_num_patches(c.width);
  Guarded scratch(upsample_conv_scratch_floats(run.problem(whole.data()), isa, columns));
  upsample_conv(run.problem(whole.data()), isa, 0, rows, 0, columns, scratch.forget());
  upsample_conv(run.problem(part.data()), isa, 0, rows, column_begin, column_end, scratch.forget());
  bool right = true;
  for (int64_t y = 0; y < 2 * c.height; ++y) {
    for (int64_t x = 0; x < 2 * c.width; ++x) {
      const bool inside = column_begin < column_end && x >= 4 * column_begin - 1 && x <= 4 * column_end - 2;
      for (int64_t o = 0; o < run.out_pixel; ++o) {
        const int64_t i = y * run.out_row() + x * run.out_pixel + o;
        right &= part[i] == (inside ? whole[i] : kUntouched);
      }
    }
  }
  CHECK(right, "%s columns %ld..%ld of a picture %ld wide", cpu_isa_name(isa), static_cast<long>(column_begin),
        static_cast<long>(column_end), static_cast<long>(c.width));
}

// Maps that hold fewer rows than the picture has, fed and emptied while it is computed from top to bottom.
void check_rings(const Case& c, CpuIsa isa, int64_t in_origin, int64_t out_origin) {
  Run run(c, isa);
  const int64_t columns = upsample_conv_num_patches(c.width);
  std::vector<float> whole(2 * c.height * run.out_row(), kUntouched);
  Guarded scratch(upsample_conv_scratch_floats(run.problem(whole.data()), isa, columns));
  upsample_conv(run.problem(whole.data()), isa, 0, upsample_conv_num_patches(c.height), 0, columns, scratch.forget());

  // Patch row i reads rows 2i - 1 .. 2i + 1 and makes rows 4i - 1 .. 4i + 2.
  constexpr int64_t kInRing = 3, kOutRing = 4;
  const int64_t in_row = c.width * run.in_pixel, in_gap = 5, out_gap = 7;
  std::vector<float> in_slots(kInRing * (in_row + in_gap), kNan);
  std::vector<float> out_slots(kOutRing * (run.out_row() + out_gap));
  std::vector<float> collected;
  UpsampleConvProblem problem = run.problem(nullptr);
  problem.input = {in_slots.data(), kInRing, c.height, in_row + in_gap, run.in_pixel, nullptr, in_origin};
  problem.output = {out_slots.data(), kOutRing, 2 * c.height, run.out_row() + out_gap,
                    run.out_pixel,    nullptr,  out_origin};
  int64_t known = 0;
  for (int64_t row = 0; row < upsample_conv_num_patches(c.height); ++row) {
    for (; known < std::min(2 * row + 2, c.height); ++known) {
      std::copy_n(run.input.begin() + known * in_row, in_row, problem.input.row(known));
    }
    std::fill(out_slots.begin(), out_slots.end(), kUntouched);
    upsample_conv(problem, isa, row, row + 1, 0, columns, scratch.forget());
    for (int64_t y = std::max<int64_t>(4 * row - 1, 0); y < std::min(4 * row + 3, 2 * c.height); ++y) {
      collected.insert(collected.end(), problem.output.row(y), problem.output.row(y) + run.out_row());
    }
    bool gaps_kept = true;
    for (int64_t slot = 0; slot < kOutRing; ++slot) {
      const auto gap = out_slots.begin() + (slot + 1) * (run.out_row() + out_gap) - out_gap;
      gaps_kept &= std::all_of(gap, gap + out_gap, [](float v) { return v == kUntouched; });
    }
    CHECK(gaps_kept, "%s wrote between the rows", cpu_isa_name(isa));
  }
  CHECK(collected == whole, "%s %ldx%ld: rings give other results", cpu_isa_name(isa), static_cast<long>(c.height),
        static_cast<long>(c.width));
}

// Scratch memory for so many columns of patches is also enough for fewer.
void check_scratch(const Case& c, CpuIsa isa) {
  Run run(c, isa);
  std::vector<float> out(2 * c.height * run.out_row());
  const UpsampleConvProblem problem = run.problem(out.data());
  const int64_t columns = upsample_conv_num_patches(c.width);
  for (int64_t most = 1; most <= columns; most += 7) {
    Guarded scratch(upsample_conv_scratch_floats(problem, isa, most));
    bool kept = true;
    for (int64_t now = std::max<int64_t>(most - 20, 1); now <= most && kept; ++now) {
      kept = upsample_conv_scratch_floats(problem, isa, now) <= upsample_conv_scratch_floats(problem, isa, most);
      if (!kept) break;
      upsample_conv(problem, isa, 0, 1, 0, now, scratch.forget());
      kept = scratch.kept();
    }
    CHECK(kept, "%s needs more scratch memory for fewer than %ld columns of patches", cpu_isa_name(isa),
          static_cast<long>(most));
  }
}

}  // namespace

int main() {
  for (CpuIsa isa : tested_isas()) {
    for (int64_t height : {1, 2, 7, 8}) {
      for (int64_t width : {1, 2, 7, 8, 13, 30}) check_case({height, width, 3, 5}, isa);
    }
    for (int64_t in_channels : {1, 7, 16, 33}) {
      for (int64_t out_channels : {1, 8, 15, 16, 17, 31, 32, 33, 50})
        check_case({3, 9, in_channels, out_channels}, isa);
    }
    check_case({2, 400, 32, 32}, isa);  // several runs in a row of patches
    check_case({4, 4, 8, 8, false}, isa);
    check_case({4, 4, 8, 8, true, 0.0f}, isa);
    check_case({4, 4, 8, 8, true, 1.0f}, isa);
    check_case({5, 6, 24, 24, true, 0.2f, 8, 8}, isa);
    check_case({3, 6, 3, 17, true, 0.2f, 13, 1}, isa);
    for (int64_t width : {1, 2, 9, 30}) {
      const int64_t columns = upsample_conv_num_patches(width);
      for (int64_t begin = 0; begin <= columns; begin += 1 + begin / 3) {
        for (int64_t end = begin; end <= columns; end += 1 + end / 3) check_columns({3, width, 5, 18}, isa, begin, end);
      }
    }
    for (int64_t height : {1, 2, 7, 8, 19}) {
      for (int64_t origin : {0, 1, 5}) check_rings({height, 9, 5, 18, true, 0.2f, 3, 2}, isa, origin, 2 * origin);
    }
    check_scratch({1, 400, 64, 64}, isa);
  }
  return test_result();
}
