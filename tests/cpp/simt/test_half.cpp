// Conversions of 16-bit numbers against their definition.
#include <cmath>

#include "tests/cpp/check.h"
#include "tests/cpp/simt/half.h"

namespace {

// The value of a number with so many bits of exponent and mantissa.
double value(uint16_t bits, int exponent_bits, int mantissa_bits) {
  const int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = bits >> 15 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

template <typename Half, typename Round>
void check_type(const char* name, int exponent_bits, int mantissa_bits, Round round) {
  int num_wrong = 0, num_wrong_ties = 0;
  for (int i = 0; i < 1 << 16; ++i) {
    const Half half{static_cast<uint16_t>(i)};
    const double expected = value(half.bits, exponent_bits, mantissa_bits);
    const float x = simt::as_float(half);
    if (std::isnan(expected)) {
      num_wrong += !std::isnan(x) || !std::isnan(simt::as_float(round(x)));
      continue;
    }
    num_wrong += x != expected || std::signbit(x) != std::signbit(expected) || round(x).bits != half.bits;
    if (std::isinf(expected)) continue;
    // The middle between this number and the next larger one goes to the one whose last bit is 0. Behind the largest
    // number, the next one would be the power of two there.
    const Half next{static_cast<uint16_t>(i + 1)};
    double upper = value(next.bits, exponent_bits, mantissa_bits);
    if (std::isinf(upper)) upper = std::copysign(std::ldexp(1.0, 1 << (exponent_bits - 1)), expected);
    const auto middle = static_cast<float>((expected + upper) / 2);
    num_wrong_ties += round(middle).bits != (half.bits % 2 == 0 ? half.bits : next.bits);
    num_wrong_ties += round(std::nextafter(middle, static_cast<float>(expected))).bits != half.bits;
    num_wrong_ties += round(std::nextafter(middle, static_cast<float>(upper))).bits != next.bits;
  }
  CHECK(num_wrong == 0, "%s: %d of all numbers", name, num_wrong);
  CHECK(num_wrong_ties == 0, "%s: %d numbers between", name, num_wrong_ties);
}

}  // namespace

int main() {
  check_type<simt::f16>("f16", 5, 10, simt::to_f16);
  check_type<simt::bf16>("bf16", 8, 7, simt::to_bf16);
  return test_result();
}
