// What upsample_conv_block.h asks for in vectors of four floats. upsample_conv_<isa>.cpp includes it once, inside its
// own anonymous namespace, behind upsample_conv_block.h.

// Four floats: a register of SSE2 or NEON, and plain code where there is neither (an extension of GCC and Clang).
typedef float Vector __attribute__((vector_size(16)));
constexpr int kLanes = 4;
constexpr int kVectors = kUpsampleConvPanel / kLanes;

[[gnu::always_inline]] inline Vector load(const float* source) {
  Vector value;
  __builtin_memcpy(&value, source, sizeof(value));
  return value;
}

// kPixels pixels x 4 vectors of sums in registers.
template <int kPixels>
void block(const UpsampleConvBlock& t) {
  Vector sum[kPixels][kVectors];
#pragma GCC unroll 6
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sum[p][v] = load(t.first + p * t.first_stride + kLanes * v) + load(t.second + p * t.second_stride + kLanes * v);
    }
  }

  const float* a = t.a;
  const float* b = t.b;
  const int64_t a_stride = t.a_stride;
  for (int64_t k = 0; k < t.depth; ++k, ++a, b += kUpsampleConvPanel) {
#pragma GCC unroll 6
    for (int p = 0; p < kPixels; ++p) {
      const float value = a[p * a_stride];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[p][v] += value * load(b + kLanes * v);
    }
  }

  const int64_t channels = t.channels < kUpsampleConvPanel ? t.channels : kUpsampleConvPanel;
  for (int p = 0; p < kPixels; ++p) {
    float values[kUpsampleConvPanel];
    __builtin_memcpy(values, sum[p], sizeof(values));
    for (int64_t n = 0; n < channels; ++n) {
      t.out[p * t.out_stride + n] = values[n] > 0 ? values[n] : values[n] * t.negative_slope;
    }
  }
}

void differences(const float* const pixel[9], int64_t channels, float* planes, int64_t plane_stride) {
  upsample_conv_differences(pixel, channels, planes, plane_stride);
}
