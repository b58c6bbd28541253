// nearest_downsample against the plain loops of its definition, in three memory layouts; its noise against known bits.
#include <type_traits>

#include "csrc/kernels/cpu/nearest_downsample.h"
#include "tests/cpp/check.h"

using namespace srdgan;

namespace {

constexpr int64_t kBatch = 2, kChannels = 3;

template <typename T>
void check_case(int64_t height, int64_t width, int64_t factor, int64_t phase, const int64_t (&stride)[4]) {
  if (height <= phase || width <= phase) return;
  const auto random = random_floats(2 * kBatch * kChannels * height * width, 1);
  std::vector<T> x;
  for (float value : random)
    x.push_back(std::is_same_v<T, float> ? static_cast<T>(value) : static_cast<T>(127 + 127 * value));

  NearestDownsampleProblem problem{};
  problem.channels = kChannels;
  for (int i = 0; i < 4; ++i) problem.stride[i] = stride[i];
  problem.out_height = (height - phase + factor - 1) / factor;
  problem.out_width = (width - phase + factor - 1) / factor;
  problem.factor = factor;
  problem.phase = phase;

  std::vector<float> truth;
  for (int64_t n = 0; n < kBatch; ++n)
    for (int64_t c = 0; c < kChannels; ++c)
      for (int64_t i = phase; i < height; i += factor)
        for (int64_t j = phase; j < width; j += factor) {
          const T value = x[n * stride[0] + c * stride[1] + i * stride[2] + j * stride[3]];
          truth.push_back(std::is_same_v<T, float> ? static_cast<float>(value) : static_cast<float>(value) / 255.0f);
        }

  std::vector<float> out(truth.size(), -1.0f);
  const int64_t rows = kBatch * kChannels * problem.out_height;
  for (int64_t row = rows; row-- > 0;) nearest_downsample(x.data(), problem, out.data(), row, row + 1);
  CHECK(out == truth, "%ldx%ld, factor %ld, phase %ld", static_cast<long>(height), static_cast<long>(width),
        static_cast<long>(factor), static_cast<long>(phase));
}

// The published test vectors of Philox4x32-10.
void check_philox() {
  const struct {
    PhiloxBits counter;
    uint64_t key;
    PhiloxBits bits;
  } cases[] = {
      {{{0, 0, 0, 0}}, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{~0u, ~0u, ~0u, ~0u}}, ~uint64_t{0}, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       0x299f31d0a4093822,
       {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
  };
  for (const auto& one : cases) {
    const PhiloxBits bits = philox(one.counter, one.key);
    for (int i = 0; i < 4; ++i) CHECK(bits.word[i] == one.bits.word[i], "word %d: %08x", i, bits.word[i]);
  }
}

// The same noise whatever the rows that are computed at once, and the bits of these four values on every processor.
void check_noise() {
  const int64_t height = 9, width = 7, rows = kBatch * kChannels * height;
  const auto x = random_floats(rows * width, 2);
  NearestDownsampleProblem problem{kChannels,
                                   {kChannels * height * width, height * width, width, 1},
                                   height,
                                   width,
                                   1,
                                   0,
                                   SensorNoise{0.25f, 0.5f, 0x123456789abcdef}};
  std::vector<float> whole(x.size()), parts(x.size());
  nearest_downsample(x.data(), problem, whole.data(), 0, rows);
  for (int64_t row = rows; row-- > 0;) nearest_downsample(x.data(), problem, parts.data(), row, row + 1);
  CHECK(whole == parts, "noise depends on the rows that are computed at once%s", "");
  for (size_t i = 0; i < x.size(); ++i) {
    const float normal = standard_normals(problem.noise.seed, i / 4).value[i % 4];
    CHECK(whole[i] == add_noise(x[i], problem.noise, normal), "sample %d", static_cast<int>(i));
  }
  const float known[4] = {0x1.aab084p+0f, -0x1.321336p-2f, 0x1.0c0ed2p+0f, -0x1.ec9168p-1f};
  const NormalValues normal = standard_normals(problem.noise.seed, uint64_t{1} << 40);
  for (int i = 0; i < 4; ++i) CHECK(normal.value[i] == known[i], "%a is not %a", normal.value[i], known[i]);
}

}  // namespace

int main() {
  check_philox();
  check_noise();
  for (int64_t height : {1, 2, 7, 8, 13}) {
    for (int64_t width : {1, 2, 7, 8, 13}) {
      for (int64_t factor : {1, 2, 3, 4}) {
        for (int64_t phase = 0; phase < factor; ++phase) {
          const int64_t area = height * width;
          const int64_t nchw[4] = {kChannels * area, area, width, 1};
          const int64_t nhwc[4] = {kChannels * area, 1, kChannels * width, kChannels};
          const int64_t every_other[4] = {2 * kChannels * area, 2 * area, 2 * width, 2};
          check_case<float>(height, width, factor, phase, nchw);
          check_case<float>(height, width, factor, phase, nhwc);
          check_case<float>(height, width, factor, phase, every_other);
          check_case<uint8_t>(height, width, factor, phase, nchw);
          check_case<uint8_t>(height, width, factor, phase, nhwc);
          check_case<uint8_t>(height, width, factor, phase, every_other);
        }
      }
    }
  }
  return test_result();
}
