#include <algorithm>

#include "csrc/common/half_bits.h"
#include "csrc/kernels/cpu/bf16_conv.h"

namespace srdgan {
namespace {

constexpr int kLanes = 4;

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVec __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

void store_bf16(uint16_t* p, Vec v) {
  for (int i = 0; i < kLanes; ++i) p[i] = bfloat16_bits(v[i]);
}

#include "csrc/kernels/cpu/bf16_conv_lanes.h"

float read_bf16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

void multiply(const Bf16Product& p) {
  const int64_t outputs = p.panels * kWinogradPanel;
  std::fill_n(p.sums, kBf16BlockNumbers, 0.0f);
  const uint16_t* weight = p.weight;
  for (int64_t k = 0; k < p.depth; k += kBf16Depth) {
    for (int64_t tap = 0; tap < kBf16Taps; ++tap, weight += kBf16Depth * outputs) {
      float rows[kBf16Depth][kBf16PanelsAtOnce * kWinogradPanel];
      for (int64_t c = 0; c < kBf16Depth; ++c) {
        for (int64_t n = 0; n < outputs; ++n) {
          const int64_t panel = n / kWinogradPanel;
          rows[c][n] =
              read_bf16(weight[((panel * kBf16Depth + c / 2 * 2) * kWinogradPanel) + 2 * (n % kWinogradPanel) + c % 2]);
        }
      }
      const uint16_t* x = p.x + (tap / 3 * p.row_pixels + tap % 3) * p.pixel_stride + k;
      for (int64_t pixel = 0; pixel < bf16_block_pixels(p.panels); ++pixel, x += p.pixel_stride) {
        float* sums = p.sums + pixel * outputs;
        for (int64_t c = 0; c < kBf16Depth; ++c) {
          const float value = read_bf16(x[c]);
          for (int64_t n = 0; n < outputs; ++n) sums[n] += value * rows[c][n];
        }
      }
    }
  }
}

void do_nothing() {}

}  // namespace

const Bf16Isa& bf16_portable() {
  static constexpr Bf16Isa kSteps = {do_nothing, convert, multiply, finish, do_nothing};
  return kSteps;
}

}  // namespace srdgan
