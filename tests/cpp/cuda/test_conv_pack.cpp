// Rounding to 16 bits, and the order of packed weights.
#include <set>

#include "csrc/common/half_bits.h"
#include "csrc/kernels/cuda/conv_pack.h"
#include "tests/cpp/check.h"
#include "tests/cpp/simt/half.h"

using namespace srdgan::gpu;

namespace {

// Every 16-bit number, and numbers in the middle of two and just beside the middle.
void check_rounding() {
  int64_t wrong = 0;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float halves[] = {simt::as_float(simt::f16{static_cast<uint16_t>(bits)}),
                            simt::as_float(simt::bf16{static_cast<uint16_t>(bits)})};
    for (const float value : halves) {
      if (std::isnan(value)) continue;
      const float next = simt::as_float(simt::f16{static_cast<uint16_t>(bits + 1)});
      const float middle = value + (next - value) / 2;
      for (const float x : {value, middle, std::nextafter(middle, 1e9f), std::nextafter(middle, -1e9f)}) {
        if (std::isnan(x)) continue;
        wrong += srdgan::float16_bits(x) != simt::to_f16(x).bits;
        wrong += srdgan::bfloat16_bits(x) != simt::to_bf16(x).bits;
      }
    }
  }
  CHECK(wrong == 0, "%ld numbers", static_cast<long>(wrong));
  const float nan = std::nanf("");
  CHECK(std::isnan(simt::as_float(simt::f16{srdgan::float16_bits(nan)})), "NaN");
  CHECK(std::isnan(simt::as_float(simt::bf16{srdgan::bfloat16_bits(nan)})), "NaN");
}

// Each output has one column, and the columns of a lane are neighbours in memory.
void check_output_channels() {
  for (const int64_t outputs : {16, 32, 64}) {
    std::set<int64_t> seen;
    const int64_t per_warp = outputs < 32 ? outputs / 8 : 4;
    for (int64_t product = 0; product < outputs / 8; ++product) {
      for (int64_t column = 0; column < 8; ++column) seen.insert(output_channel(outputs, product, column));
    }
    CHECK(static_cast<int64_t>(seen.size()) == outputs && *seen.begin() == 0 && *seen.rbegin() == outputs - 1,
          "%ld outputs", static_cast<long>(outputs));
    for (int64_t quad_lane = 0; quad_lane < 4; ++quad_lane) {
      for (int64_t i = 0; i < 2 * per_warp; ++i) {
        const int64_t channel = output_channel(outputs, i / 2, 2 * quad_lane + i % 2);
        CHECK(channel == quad_lane * 2 * per_warp + i, "%ld outputs", static_cast<long>(outputs));
      }
    }
  }
}

void check_padding() {
  CHECK(pad_channels(1) == 16 && pad_channels(16) == 16 && pad_channels(17) == 32 && pad_channels(64) == 64 &&
            pad_channels(65) == 0,
        "padded channels");
  const std::vector<float> weight(20 * 3 * 9, 1.0f), bias(20, 2.0f);
  const ConvLayer layer{weight.data(), bias.data(), 20, {1, 2}};
  CHECK(layer.in_groups() == 2 && packed_conv_elements(layer) == 2 * 16 * 9 * 32, "two padded inputs");
  std::vector<uint16_t> packed(packed_conv_elements(layer), 0xffff);
  pack_conv_weight(layer, ElementType::kFloat16, packed.data());
  int64_t ones = 0, zeros = 0;
  for (const uint16_t element : packed) {
    ones += element == 0x3c00;
    zeros += element == 0;
  }
  CHECK(ones == 20 * 3 * 9 && ones + zeros == static_cast<int64_t>(packed.size()), "%ld ones", static_cast<long>(ones));
  std::vector<float> packed_bias(32, -1.0f);
  pack_conv_bias(layer, packed_bias.data());
  CHECK(packed_bias[19] == 2.0f && packed_bias[20] == 0.0f && packed_bias[31] == 0.0f, "padded bias");
}

}  // namespace

int main() {
  check_rounding();
  check_output_channels();
  check_padding();
  return test_result();
}
