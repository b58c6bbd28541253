// What every instruction set does alike, see winograd_lanes.h. The file that includes it has defined
//
//   kLanes                      floats per vector
//   store_bf16(uint16_t*, Vec)  rounds to nearest, ties to even
//   load_bf16(const uint16_t*)

[[gnu::always_inline]] inline Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
[[gnu::always_inline]] inline void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }

// Zeros for what pads a pixel.
[[gnu::always_inline]] inline void store_padding(uint16_t* to) {
  for (int64_t c = 0; c < kWinogradPanel; c += kLanes) store_bf16(to + c, Vec{});
}

void convert(const Bf16Input& input) {
  const float* from = input.from;
  uint16_t* to = input.to;
  for (int64_t pixel = 0; pixel < input.pixels; ++pixel, from += input.from_stride, to += input.to_stride) {
    for (int64_t c = 0; c < input.channels; c += kLanes) store_bf16(to + c, input.scale * load(from + c));
    if (input.pads) store_padding(to + input.channels);
  }
}

typedef uint16_t UnalignedNumbers __attribute__((vector_size(2 * kLanes), aligned(2), may_alias));

void copy(const Bf16Copy& copy) {
  const uint16_t* from = copy.from;
  uint16_t* to = copy.to;
  for (int64_t pixel = 0; pixel < copy.pixels; ++pixel, from += copy.from_stride, to += copy.to_stride) {
    for (int64_t c = 0; c < copy.channels; c += kLanes)
      *reinterpret_cast<UnalignedNumbers*>(to + c) = *reinterpret_cast<const UnalignedNumbers*>(from + c);
    if (copy.pads) store_padding(to + copy.channels);
  }
}

template <WinogradEpilogue kEpilogue>
[[gnu::always_inline]] inline void finish_pixels(const Bf16Output& o) {
  for (int64_t pixel = 0; pixel < o.pixels; ++pixel) {
    const float* sums = o.sums + pixel * o.channels;
    const int64_t at = pixel * o.pixel_stride;
    for (int64_t c = 0; c < o.channels; c += kLanes) {
      Vec value = load(sums + c) + load(o.bias + c);
      if constexpr (kEpilogue == WinogradEpilogue::kActivation) {
        value = value > 0.0f ? value : o.negative_slope * value;
      } else {
        value = load(o.inner + at + c) + o.scale * value;
        if constexpr (kEpilogue == WinogradEpilogue::kDoubleResidual) value = load(o.outer + at + c) + o.scale * value;
      }
      store(o.out + at + c, value);
      if (o.copy != nullptr) store(o.copy + at + c, value);
    }
  }
}

void finish(const Bf16Output& output) {
  if (output.epilogue == WinogradEpilogue::kActivation) return finish_pixels<WinogradEpilogue::kActivation>(output);
  if (output.epilogue == WinogradEpilogue::kResidual) return finish_pixels<WinogradEpilogue::kResidual>(output);
  finish_pixels<WinogradEpilogue::kDoubleResidual>(output);
}

template <bool kFinishes>
[[gnu::always_inline]] inline void split_pixels(const Bf16Split& s) {
  for (int64_t pixel = 0; pixel < s.pixels; ++pixel) {
    const float* sums = s.sums + pixel * s.sums_stride;
    uint16_t* out = s.out + pixel * s.out_stride;
    for (int64_t group = 0; group < s.channels; group += kBf16Depth, out += 2 * kBf16Depth) {
#pragma GCC unroll 2
      for (int64_t c = 0; c < kBf16Depth; c += kLanes) {
        Vec value = load(sums + group + c);
        if constexpr (kFinishes) {
          value += load(s.bias + group + c);
          value = value > 0.0f ? value : s.negative_slope * value;
        }
        store_bf16(out + c, value);
        store_bf16(out + kBf16Depth + c, value - load_bf16(out + c));
      }
    }
  }
}

void split(const Bf16Split& split) {
  if (split.bias == nullptr) return split_pixels<false>(split);
  split_pixels<true>(split);
}

template <bool kBackward>
[[gnu::always_inline]] inline void finish_feature_pixels(const Bf16Features& f) {
  for (int64_t pixel = 0; pixel < f.pixels; ++pixel) {
    const float* sums = f.sums + pixel * f.sums_stride;
    uint16_t* out = f.out + pixel * f.out_stride;
    for (int64_t c = 0; c < f.channels; c += kLanes) {
      const Vec value = load(sums + c) + load(f.bias + c);
      const Vec sign = kBackward ? load_bf16(f.features + pixel * f.features_stride + c) : value;
      store_bf16(out + c, sign > 0.0f ? value : f.negative_slope * value);
    }
    if (f.pads) store_padding(out + f.channels);
  }
}

void finish_features(const Bf16Features& features) {
  if (features.features == nullptr) return finish_feature_pixels<false>(features);
  finish_feature_pixels<true>(features);
}
