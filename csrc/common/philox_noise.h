// Gaussian noise from a counter: value i of a seed is the same on every processor and GPU, to the last bit, and needs
// no value before it. So any thread can compute any part, and a picture with noise can be made again from its seed.
//
// The bits are those of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011); Box and
// Muller's transform makes normal values of them. Its logarithm, sine and cosine are polynomials in explicit fused
// multiply-adds: the libraries' functions differ in the last bits, and so does what compilers fuse on their own.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define SRDGAN_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define SRDGAN_HOST_DEVICE inline
#endif

namespace srdgan {

struct PhiloxBits {
  uint32_t word[4];
};

// Ten rounds; the counter is 128 bits, whose lowest word is the first.
SRDGAN_HOST_DEVICE PhiloxBits philox(PhiloxBits counter, uint64_t seed) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t even = uint64_t{0xD2511F53} * counter.word[0], odd = uint64_t{0xCD9E8D57} * counter.word[2];
    counter = {{static_cast<uint32_t>(odd >> 32) ^ counter.word[1] ^ key0, static_cast<uint32_t>(odd),
                static_cast<uint32_t>(even >> 32) ^ counter.word[3] ^ key1, static_cast<uint32_t>(even)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

namespace noise_detail {

SRDGAN_HOST_DEVICE float fused(float a, float b, float c) { return fmaf(a, b, c); }  // a * b + c, rounded once

// The natural logarithm of x in (0, 1); largest error 2e-7.
SRDGAN_HOST_DEVICE float log_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  // x = 2^exponent * m, m in [sqrt(1/2), sqrt(2))
  const uint32_t shifted = bits - 0x3F3504F3;
  const int32_t exponent = static_cast<int32_t>(shifted) >> 23;
  bits = (shifted & 0x007FFFFF) + 0x3F3504F3;
  float m;
  std::memcpy(&m, &bits, sizeof m);
  const float f = m - 1.0f, square = f * f;
  float p = -0.08305379f;  // least maximum error for (log(1 + f) - f + f^2 / 2) / f^3
  p = fused(p, f, 0.12798898f);
  p = fused(p, f, -0.12943420f);
  p = fused(p, f, 0.14190237f);
  p = fused(p, f, -0.16643488f);
  p = fused(p, f, 0.20001879f);
  p = fused(p, f, -0.25000280f);
  p = fused(p, f, 0.33333325f);
  const float tail = fused(p, f, -0.5f);
  return fused(static_cast<float>(exponent), 0.69314718f, fused(tail, square, f));
}

// Correctly rounded, whatever nvcc's flags are.
SRDGAN_HOST_DEVICE float square_root(float x) {
#ifdef __CUDA_ARCH__
  return __fsqrt_rn(x);
#else
  return std::sqrt(x);
#endif
}

}  // namespace noise_detail

struct NormalValues {
  float value[4];
};

// Values 4 * quad to 4 * quad + 3 of the seed: independent, of mean 0 and variance 1, at most 5.8 in size.
SRDGAN_HOST_DEVICE NormalValues standard_normals(uint64_t seed, uint64_t quad) {
  using noise_detail::fused;
  const PhiloxBits bits = philox({{static_cast<uint32_t>(quad), static_cast<uint32_t>(quad >> 32), 0, 0}}, seed);
  NormalValues normal{};
  for (int pair = 0; pair < 2; ++pair) {
    const uint32_t distance = bits.word[2 * pair], angle = bits.word[2 * pair + 1];
    // Uniform in (0, 1): odd multiples of 2^-24, which floats hold exactly.
    const float uniform = static_cast<float>(distance >> 8 | 1) * 0x1p-24f;
    const float radius = noise_detail::square_root(-2.0f * noise_detail::log_of(uniform));
    // The highest two bits are the quadrant, the others t in [-1/2, 1/2) quarters of a turn from its middle.
    const float t = static_cast<float>(static_cast<int32_t>(angle << 2) >> 8) * 0x1p-24f;
    const float s = t * t;
    const float sine = t * fused(fused(fused(-0.004602177f, s, 0.07968023f), s, -0.64596349f), s, 1.57079637f);
    const float cosine =
        fused(fused(fused(fused(0.00090674711f, s, -0.02086153f), s, 0.25366941f), s, -1.23370051f), s, 1.0f);
    const bool swapped = angle >> 30 & 1, negative = angle >> 31;
    const float signed_radius = negative ? -radius : radius;
    normal.value[2 * pair] = signed_radius * (swapped ? -sine : cosine);
    normal.value[2 * pair + 1] = signed_radius * (swapped ? cosine : sine);
  }
  return normal;
}

// The noise of a sensor: photons arrive by chance, so its variance grows with the light, and reading adds a constant.
struct SensorNoise {
  float shot;           // variance for each unit of the signal
  float read_variance;  // variance in the dark
  uint64_t seed;
};

SRDGAN_HOST_DEVICE bool is_noisy(const SensorNoise& noise) { return noise.shot > 0 || noise.read_variance > 0; }

SRDGAN_HOST_DEVICE float add_noise(float signal, const SensorNoise& noise, float normal) {
  const float light = signal > 0 ? signal : 0.0f;
  const float variance = noise_detail::fused(noise.shot, light, noise.read_variance);
  return noise_detail::fused(noise_detail::square_root(variance), normal, signal);
}

}  // namespace srdgan
