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

Vec load_bf16(const uint16_t* p) {
  return Vec{bfloat16_value(p[0]), bfloat16_value(p[1]), bfloat16_value(p[2]), bfloat16_value(p[3])};
}

#include "csrc/kernels/cpu/bf16_conv_lanes.h"

void multiply(const Bf16Product& p) {
  const int64_t outputs = p.panels * kWinogradPanel;
  std::fill_n(p.sums, p.pixels * outputs, 0.0f);
  const uint16_t* weight = p.weight;
  const int64_t parts = p.split ? 2 : 1;
  for (int64_t k = 0; k < p.depth; k += kBf16Depth) {
    for (int64_t tap = 0; tap < p.taps * p.taps; ++tap, weight += kBf16Depth * outputs) {
      float rows[kBf16Depth][kBf16PanelsAtOnce * kWinogradPanel];
      for (int64_t c = 0; c < kBf16Depth; ++c) {
        for (int64_t n = 0; n < outputs; ++n) {
          const int64_t panel = n / kWinogradPanel;
          rows[c][n] = bfloat16_value(
              weight[((panel * kBf16Depth + c / 2 * 2) * kWinogradPanel) + 2 * (n % kWinogradPanel) + c % 2]);
        }
      }
      const uint16_t* x = p.rows[tap / p.taps] + tap % p.taps * p.pixel_stride + k / kBf16Depth * p.group_stride;
      for (int64_t pixel = 0; pixel < p.pixels; ++pixel, x += p.pixel_stride) {
        float* sums = p.sums + pixel * outputs;
        for (int64_t c = 0; c < parts * kBf16Depth; ++c) {
          const float value = bfloat16_value(x[c]);
          for (int64_t n = 0; n < outputs; ++n) sums[n] += value * rows[c % kBf16Depth][n];
        }
      }
    }
  }
}

void make_planes(const Bf16Planes& p) {
  for (int64_t c = 0; c < kBf16Depth; ++c) {
    for (int64_t pixel = 0; pixel < p.pixels; ++pixel)
      p.to[c * p.to_stride + pixel] = p.from[pixel * p.from_stride + c];
  }
}

void make_pairs(const Bf16Pairs& p) {
  for (int64_t pixel = 0; pixel < p.pixels; ++pixel) {
    const uint16_t* from = p.from + pixel * p.from_stride;
    uint16_t* to = p.to + pixel / 2 * p.to_stride + pixel % 2;
    for (int64_t c = 0; c < p.channels; ++c) to[2 * c] = from[c];
  }
}

void multiply_weights(const Bf16WeightProduct& p) {
  for (int64_t n = 0; n < p.outputs; ++n) {
    float row[2 * kWinogradPanel] = {};
    float* sums = p.sums + n * p.sums_stride;
    if (p.adds) std::copy_n(sums, p.inputs, row);
    for (int64_t pixel = 0; pixel < p.pixels; ++pixel) {
      const float grad = bfloat16_value(p.grad[n * p.grad_stride + pixel]);
      const uint16_t* x = p.x + pixel / 2 * p.x_stride + pixel % 2;
      for (int64_t k = 0; k < p.inputs; ++k) row[k] += grad * bfloat16_value(x[2 * k]);
    }
    std::copy_n(row, p.inputs, sums);
  }
}

void do_nothing() {}

}  // namespace

const Bf16Isa& bf16_portable() {
  static constexpr Bf16Isa kSteps = {do_nothing,      convert,     copy,       multiply,         finish,    split,
                                     finish_features, make_planes, make_pairs, multiply_weights, do_nothing};
  return kSteps;
}

}  // namespace srdgan
