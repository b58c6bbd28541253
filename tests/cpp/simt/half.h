// 16-bit floating-point numbers in plain C++. Rounding is to nearest, ties to even.
#pragma once

#include <cstdint>
#include <cstring>

namespace simt {

struct f16 {
  uint16_t bits;
};
struct bf16 {
  uint16_t bits;
};

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Without branches, so that compilers vectorise loops over it. The product moves the exponent from 5 bits to 8 and
// makes subnormal numbers normal.
inline float as_float(f16 x) {
  const uint32_t magnitude = bits_of(float_of((x.bits & 0x7fffu) << 13) * 0x1p112f);
  const uint32_t not_finite = (x.bits & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
  return float_of(magnitude | not_finite | (x.bits & 0x8000u) << 16);
}
inline float as_float(bf16 x) { return float_of(static_cast<uint32_t>(x.bits) << 16); }

inline f16 to_f16(float x) {
  const uint16_t sign = bits_of(x) >> 16 & 0x8000u;
  const uint32_t magnitude = bits_of(x) & 0x7fffffffu;
  uint32_t bits;
  if (magnitude > 0x7f800000u) {
    bits = 0x7fff;
  } else if (magnitude >= 0x477ff000u) {  // 65520, halfway between the largest number and the next
    bits = 0x7c00;
  } else if (magnitude <
             0x38800000u) {  // below 2^-14 numbers are multiples of 2^-24, the last bit of a float in [0.5, 1)
    bits = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
  } else {
    bits = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  }
  return {static_cast<uint16_t>(sign | bits)};
}
inline bf16 to_bf16(float x) {
  const uint32_t bits = bits_of(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {0x7fff};
  return {static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

}  // namespace simt
