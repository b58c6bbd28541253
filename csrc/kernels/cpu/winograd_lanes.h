// Winograd's three steps in vectors of kLanes floats, one source for every instruction set. Each winograd_<isa>.cpp
// includes it once, inside its own anonymous namespace and compiled with its own flags, after it has defined
//
//   kLanes        floats per vector
//   kBlockTiles   rows of the register block of a product
//   kBlockVectors its columns
//
// No include guard and no include of its own: only what a target's file has included is known here, so that no function
// of another header is ever compiled for an instruction set that the processor may lack.

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVec __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

[[gnu::always_inline]] inline Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
[[gnu::always_inline]] inline void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }

typedef int32_t IntVec __attribute__((vector_size(4 * kLanes)));
typedef int32_t UnalignedIntVec __attribute__((vector_size(4 * kLanes), aligned(1), may_alias));
typedef uint8_t ByteVec __attribute__((vector_size(kLanes)));
typedef uint8_t UnalignedByteVec __attribute__((vector_size(kLanes), aligned(1), may_alias));
typedef int32_t UnalignedInt __attribute__((aligned(1), may_alias));

// Sums of real weights are far from overflow; sums of arbitrary bytes must not be undefined behaviour.
typedef uint32_t UnsignedVec __attribute__((vector_size(4 * kLanes)));
[[gnu::always_inline]] inline IntVec add_wrapping(IntVec a, IntVec b) {
  return reinterpret_cast<IntVec>(reinterpret_cast<UnsignedVec>(a) + reinterpret_cast<UnsignedVec>(b));
}

[[gnu::always_inline]] inline IntVec load_ints(const void* p) { return *static_cast<const UnalignedIntVec*>(p); }
[[gnu::always_inline]] inline void store(int32_t* p, IntVec v) { *reinterpret_cast<UnalignedIntVec*>(p) = v; }

// A conversion would do, but GCC has an instruction for it in AVX-512 only, and else takes the vector apart.
[[gnu::always_inline]] inline ByteVec lowest_bytes(IntVec v) {
#if defined(__clang__)
  return __builtin_convertvector(v, ByteVec);
#else
  if constexpr (kLanes == 16) return __builtin_convertvector(v, ByteVec);
  typedef uint8_t AllBytes __attribute__((vector_size(4 * kLanes)));
  AllBytes places{};
  for (int i = 0; i < 4 * kLanes; ++i) places[i] = static_cast<uint8_t>(4 * (i % kLanes));
  const AllBytes gathered = __builtin_shuffle(reinterpret_cast<AllBytes>(v), places);
  ByteVec lowest;
  __builtin_memcpy(&lowest, &gathered, kLanes);
  return lowest;
#endif
}

// Rounded to whole numbers around 128: a sum this large has no bits left for fractions, and its lowest byte is the
// number. Seen as whole numbers, positive floats have the order of their values, and negative ones lie below.
[[gnu::always_inline]] inline void store_bytes(uint8_t* p, Vec v) {
  constexpr float kZero = 12582912.0f;  // 1.5 * 2^23
  constexpr int32_t kZeroBits = 0x4B400000;
  const IntVec low = IntVec{} + (kZeroBits + kInt8Zero - kInt8InputLimit);
  const IntVec high = low + 2 * kInt8InputLimit;
  IntVec sum = reinterpret_cast<IntVec>(v + (kZero + kInt8Zero));
  sum = sum > low ? sum : low;
  sum = sum < high ? sum : high;
  *reinterpret_cast<UnalignedByteVec*>(p) = lowest_bytes(sum);
}

// The sum over k of coefficients[k] * x[2 k]. It starts at an end whose coefficient is 1 if there is one, which saves a
// multiplication.
template <int kCount>
[[gnu::always_inline]] inline Vec combine(const double (&coefficients)[kCount], const Vec* x) {
  const bool down = coefficients[kCount - 1] == 1;
  Vec sum{};
#pragma GCC unroll 8
  for (int n = 0; n < kCount; ++n) {
    const int k = down ? kCount - 1 - n : n;
    const Vec term = static_cast<float>(coefficients[k]) * x[2 * k];
    sum = n == 0 ? term : sum + term;
  }
  return sum;
}

// B' along one axis.
template <int kTile>
[[gnu::always_inline]] inline void transform_inputs(const Vec x[kTile + 2], Vec y[kTile + 2]) {
  constexpr auto& kAxis = kWinogradAxis<kTile>;
  y[0] = combine(kAxis.all, x);
  y[kTile + 1] = combine(kAxis.all, x + 1);
#pragma GCC unroll 8
  for (int i = 0; i < kTile / 2; ++i) {
    const Vec even = static_cast<float>(kAxis.even[i]) * combine(kAxis.others[i], x + 2);
    const Vec odd = static_cast<float>(kAxis.odd[i]) * combine(kAxis.others[i], x + 1);
    y[2 * i + 1] = even + odd;
    y[2 * i + 2] = even - odd;
  }
}

// A' along one axis.
template <int kTile>
[[gnu::always_inline]] inline void transform_sums(const Vec m[kTile + 2], Vec y[kTile]) {
  constexpr auto& kAxis = kWinogradAxis<kTile>;
  constexpr int kPairs = kTile / 2;
  Vec sum[kPairs], difference[kPairs];
#pragma GCC unroll 8
  for (int i = 0; i < kPairs; ++i) {
    sum[i] = m[2 * i + 1] + m[2 * i + 2];
    difference[i] = m[2 * i + 1] - m[2 * i + 2];
  }
#pragma GCC unroll 8
  for (int k = 0; k < kTile; ++k) {
    const Vec* terms = k % 2 == 0 ? sum : difference;
    y[k] = static_cast<float>(kAxis.powers[k][0]) * terms[0];
#pragma GCC unroll 8
    for (int i = 1; i < kPairs; ++i) y[k] += static_cast<float>(kAxis.powers[k][i]) * terms[i];
  }
  y[0] += m[0];
  y[kTile - 1] += m[kTile + 1];
}

// The mean of the inner kTile x kTile inputs of a tile. In pairs, so that it is exact where all are equal.
template <int kTile>
[[gnu::always_inline]] inline Vec mean_of_tile(const float* const* rows, int64_t at, int64_t step) {
  static_assert(kTile == 4);
  Vec columns[kTile];
#pragma GCC unroll 4
  for (int j = 0; j < kTile; ++j) {
    const int64_t column = at + (j + 1) * step;
    columns[j] = (load(rows[1] + column) + load(rows[2] + column)) + (load(rows[3] + column) + load(rows[4] + column));
  }
  return ((columns[0] + columns[1]) + (columns[2] + columns[3])) * (1.0f / (kTile * kTile));
}

// The means of all channels of a tile.
template <typename Precision>
[[gnu::always_inline]] inline void measure_means(const WinogradInput<Precision>& input, int64_t tile) {
  for (int64_t channel = 0; channel < input.channels; channel += kLanes) {
    const int64_t at = Precision::kTile * tile * input.pixel_stride + channel;
    store(input.means + tile * input.means_stride + channel,
          mean_of_tile<Precision::kTile>(input.rows, at, input.pixel_stride));
  }
}

// The spread of a tile whose means are known.
template <typename Precision>
[[gnu::always_inline]] inline float measure_spread(const WinogradInput<Precision>& input, int64_t tile) {
  constexpr int kWindow = Precision::kWindow;
  Vec squares{};
  for (int64_t channel = 0; channel < input.channels; channel += kLanes) {
    const int64_t at = Precision::kTile * tile * input.pixel_stride + channel;
    const Vec mean = load(input.means + tile * input.means_stride + channel);
    Vec sum{};
#pragma GCC unroll 8
    for (int j = 0; j < kWindow; ++j) {
#pragma GCC unroll 8
      for (int i = 0; i < kWindow; ++i) {
        const Vec deviation = load(input.rows[i] + at + j * input.pixel_stride) - mean;
        sum += deviation * deviation;
      }
    }
    squares += sum * load(input.deviation_weights + channel);
  }
  float sum = 0.0f;
  for (int i = 0; i < kLanes; ++i) sum += squares[i];
  const float spread = __builtin_sqrtf(sum);
  return spread > kInt8SmallestSpread ? spread : kInt8SmallestSpread;
}

constexpr int kLineBytes = 64;
constexpr int kLineFloats = kLineBytes / static_cast<int>(sizeof(float));

template <typename Precision>
void transform_input(const WinogradInput<Precision>& input) {
  constexpr bool kBytes = sizeof(typename Precision::Input) == 1;
  constexpr int kTile = Precision::kTile, kWindow = Precision::kWindow;
  const int64_t step = input.pixel_stride;
  const int64_t points = input.point_stride;
  for (int64_t tile = 0; tile < input.tiles; ++tile) {
    float unit = 1.0f;
    if constexpr (kBytes) {
      measure_means(input, tile);
      if (input.deviation_weights != nullptr) input.spreads[tile] = measure_spread(input, tile);
      unit = 1.0f / input.spreads[tile];
    }
    for (int64_t channel = 0; channel < input.channels; channel += kLanes) {
      const int64_t at = kTile * tile * step + channel;
      Vec mean{};
      if constexpr (kBytes) mean = load(input.means + tile * input.means_stride + channel);
      Vec vertical[kWindow][kWindow];
#pragma GCC unroll 1
      for (int j = 0; j < kWindow; ++j) {
        Vec x[kWindow], y[kWindow];
#pragma GCC unroll 8
        for (int i = 0; i < kWindow; ++i) {
          x[i] = load(input.rows[i] + at + j * step);
          if constexpr (kBytes) x[i] = (x[i] - mean) * unit;
        }
        // Fetches what the next tile reads.
        if (channel % kLineFloats == 0) {
#pragma GCC unroll 8
          for (int i = 0; i < kWindow; ++i) __builtin_prefetch(input.rows[i] + at + (j + kWindow) * step);
        }
        transform_inputs<kTile>(x, y);
#pragma GCC unroll 8
        for (int i = 0; i < kWindow; ++i) vertical[i][j] = y[i];
      }
      auto* v = input.v + tile * input.tile_stride + channel;
      const float* levels = input.levels + channel;
      constexpr int kLineInputs = kLineBytes / static_cast<int>(sizeof(*v));
#pragma GCC unroll 1
      for (int i = 0; i < kWindow; ++i) {
        // Fetches the lines that it will be stored to.
        if (channel % kLineInputs == 0) {
#pragma GCC unroll 8
          for (int j = 0; j < kWindow; ++j) __builtin_prefetch(v + j * points + input.tile_stride, 1);
        }
        Vec y[kWindow];
        transform_inputs<kTile>(vertical[i], y);
#pragma GCC unroll 8
        for (int j = 0; j < kWindow; ++j) {
          if constexpr (kBytes) {
            store_bytes(v + j * points, y[j] * load(levels + j * input.levels_stride));
          } else {
            store(v + j * points, y[j]);
          }
        }
        v += kWindow * points;
        if constexpr (kBytes) levels += kWindow * input.levels_stride;
      }
    }
  }
}

// Weights to fetch into the second-level cache meanwhile: so many cache lines for every 16 channels of depth.
struct Ahead {
  const char* line;
  int64_t lines;

  [[gnu::always_inline]] void fetch() {
    for (int64_t i = 0; i < lines; ++i, line += kLineBytes) __builtin_prefetch(line, 0, 2);
  }
};

// Products of floats: kTiles x (kVectors vectors) sums in registers.
template <typename FloatPrecision>
struct FloatBlock {
  using Precision = FloatPrecision;
  static constexpr int kTiles = kBlockTiles;

  template <int kTiles, int kVectors>
  static void run(const WinogradProduct<Precision>& p, const float* v, const float* weight, int64_t panel, float* m,
                  Ahead ahead) {
    constexpr int kPerPanel = kWinogradPanel / kLanes;
    (void)panel;
    Vec sum[kTiles][kVectors] = {};
    for (int64_t line = 0; line < p.depth; line += kWinogradPanel) {
      // The next block of tiles stands behind this one.
#pragma GCC unroll 14
      for (int t = 0; t < kTiles; ++t) __builtin_prefetch(v + (kTiles + t) * p.v_stride + line);
      ahead.fetch();
      for (int64_t k = line; k < line + kWinogradPanel; ++k) {
        Vec w[kVectors];
#pragma GCC unroll 4
        for (int n = 0; n < kVectors; ++n) {
          w[n] =
              load(weight + (n / kPerPanel) * p.depth * kWinogradPanel + k * kWinogradPanel + (n % kPerPanel) * kLanes);
        }
#pragma GCC unroll 14
        for (int t = 0; t < kTiles; ++t) {
          const float x = v[t * p.v_stride + k];
#pragma GCC unroll 4
          for (int n = 0; n < kVectors; ++n) sum[t][n] += x * w[n];
        }
      }
    }
#pragma GCC unroll 14
    for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
      for (int n = 0; n < kVectors; ++n) store(m + t * p.m_stride + n * kLanes, sum[t][n]);
    }
  }
};

// The bytes of four channels of a tile in every lane, read from memory for each product.
struct BroadcastInputs {
  static constexpr int kDepth = 4;  // channels
  const uint8_t* v;

  [[gnu::always_inline]] static BroadcastInputs load(const uint8_t* v) { return {v}; }
  [[gnu::always_inline]] IntVec four(int) const { return IntVec{} + *reinterpret_cast<const UnalignedInt*>(v); }
};

// Products of bytes. Dot::Inputs are kDepth channels of a tile, and four(i) of them are as Dot::add takes them:
// add(sum, x, w) adds to each lane the four products of its bytes, unsigned in x and signed in w. Dot::start(p) is what
// the sums begin with.
template <typename Dot>
struct ByteBlock {
  using Precision = Int8;
  using Inputs = typename Dot::Inputs;
  static constexpr int kTiles = Dot::kTiles;

  template <int kTiles, int kVectors>
  static void run(const WinogradProduct<Int8>& p, const uint8_t* v, const int8_t* weight, int64_t panel, int32_t* m,
                  Ahead ahead) {
    constexpr int kPerPanel = kWinogradPanel / kLanes;
    IntVec sum[kTiles][kVectors];
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) {
      const IntVec start = Dot::start(p.start + panel * kWinogradPanel + n * kLanes);
#pragma GCC unroll 14
      for (int t = 0; t < kTiles; ++t) sum[t][n] = start;
    }
    for (int64_t line = 0; line < p.depth; line += kWinogradPanel) {
      if (line % kLineBytes == 0) {
#pragma GCC unroll 14
        for (int t = 0; t < kTiles; ++t) __builtin_prefetch(v + (kTiles + t) * p.v_stride + line);
      }
      ahead.fetch();
      for (int64_t k = line; k < line + kWinogradPanel; k += Inputs::kDepth) {
        Inputs inputs[kTiles];
#pragma GCC unroll 14
        for (int t = 0; t < kTiles; ++t) inputs[t] = Inputs::load(v + t * p.v_stride + k);
#pragma GCC unroll 4
        for (int i = 0; i < Inputs::kDepth / 4; ++i) {
          // GCC would load the weights of all turns at once, and run out of registers.
          if constexpr (Inputs::kDepth > 4) asm volatile("" ::: "memory");
          IntVec w[kVectors];
#pragma GCC unroll 4
          for (int n = 0; n < kVectors; ++n) {
            w[n] = load_ints(weight + (n / kPerPanel) * p.depth * kWinogradPanel + (k + 4 * i) * kWinogradPanel +
                             (n % kPerPanel) * 4 * kLanes);
          }
#pragma GCC unroll 14
          for (int t = 0; t < kTiles; ++t) {
            const auto x = inputs[t].four(i);
#pragma GCC unroll 4
            for (int n = 0; n < kVectors; ++n) sum[t][n] = Dot::add(sum[t][n], x, w[n]);
          }
        }
      }
    }
#pragma GCC unroll 14
    for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
      for (int n = 0; n < kVectors; ++n) store(m + t * p.m_stride + n * kLanes, sum[t][n]);
    }
  }
};

struct PortableDot {
  using Inputs = BroadcastInputs;
  static constexpr int kTiles = kBlockTiles;

  [[gnu::always_inline]] static IntVec start(const int32_t* p) { return load_ints(p); }
  [[gnu::always_inline]] static IntVec add(IntVec sum, IntVec x, IntVec w) {
#pragma GCC unroll 4
    for (int byte = 0; byte < 4; ++byte)
      sum = add_wrapping(sum, ((x >> (8 * byte)) & 255) * ((w << (24 - 8 * byte)) >> 24));
    return sum;
  }
};

template <typename Block, int kTiles, int kVectors>
[[gnu::always_inline]] inline void multiply_tiles(int64_t tiles, const WinogradProduct<typename Block::Precision>& p,
                                                  const typename Block::Precision::Input* v,
                                                  const typename Block::Precision::Weight* weight, int64_t panel,
                                                  typename Block::Precision::Sum* m, Ahead ahead) {
  if (tiles == kTiles) {
    Block::template run<kTiles, kVectors>(p, v, weight, panel, m, ahead);
  } else if constexpr (kTiles > 1) {
    multiply_tiles<Block, kTiles - 1, kVectors>(tiles, p, v, weight, panel, m, ahead);
  }
}

template <typename Block, int kVectors>
[[gnu::always_inline]] inline void multiply_panels(const WinogradProduct<typename Block::Precision>& p, int64_t panel) {
  constexpr int64_t kPanels = (kVectors * kLanes + kWinogradPanel - 1) / kWinogradPanel;
  const auto* weight = p.weight + panel * p.depth * kWinogradPanel;
  const int64_t blocks = (p.tiles + Block::kTiles - 1) / Block::kTiles;
  // The weights that come next, in equal shares for all blocks.
  const bool more = (panel + kPanels) * kWinogradPanel < p.channels;
  const auto* next = more ? weight + kPanels * p.depth * kWinogradPanel : p.next_weight;
  constexpr int64_t kLines =
      kPanels * kWinogradPanel * kWinogradPanel * static_cast<int64_t>(sizeof(*next)) / kLineBytes;
  Ahead ahead{reinterpret_cast<const char*>(next), (kLines + blocks - 1) / blocks};
  for (int64_t i = 0; i < blocks; ++i) {
    // Equal shares: 32 tiles are blocks of 5 and 6, not five of 6 and one of 2.
    const int64_t begin = p.tiles * i / blocks;
    const int64_t end = p.tiles * (i + 1) / blocks;
    multiply_tiles<Block, Block::kTiles, kVectors>(end - begin, p, p.v + begin * p.v_stride, weight, panel,
                                                   p.m + begin * p.m_stride + panel * kWinogradPanel, ahead);
    ahead.line += ahead.lines * kLineBytes * p.depth / kWinogradPanel;  // what one block fetches
  }
}

// As many vectors at once as there are registers for, or half of them where that is enough.
template <typename Block>
void multiply(const WinogradProduct<typename Block::Precision>& p) {
  constexpr int64_t kChannels = kBlockVectors * kLanes;
  for (int64_t channel = 0; channel < p.channels; channel += kChannels) {
    if (p.channels - channel > kChannels / 2) {
      multiply_panels<Block, kBlockVectors>(p, channel / kWinogradPanel);
    } else {
      multiply_panels<Block, kBlockVectors / 2>(p, channel / kWinogradPanel);
    }
  }
}

// One sum of every channel's lanes as a float.
[[gnu::always_inline]] inline Vec load_sums(const float* m, const float*) { return load(m); }
[[gnu::always_inline]] inline Vec load_sums(const int32_t* m, const float* steps) {
  return __builtin_convertvector(load_ints(m), Vec) * load(steps);
}

template <WinogradEpilogue kEpilogue, typename Precision>
[[gnu::always_inline]] inline void finish_tiles(const WinogradOutput<Precision>& o) {
  constexpr bool kBytes = sizeof(typename Precision::Input) == 1;
  constexpr int kTile = Precision::kTile, kWindow = Precision::kWindow;
  const bool copied = o.copy[0] != nullptr;
  for (int64_t tile = 0; tile < o.tiles; ++tile) {
    const int64_t columns = o.columns - kTile * tile < kTile ? o.columns - kTile * tile : kTile;
    for (int64_t channel = 0; channel < o.channels; channel += kLanes) {
      const auto* m = o.m + tile * o.tile_stride + channel;
      const float* steps = o.steps + channel;
      Vec vertical[kTile][kWindow];
#pragma GCC unroll 1
      for (int j = 0; j < kWindow; ++j) {
        Vec x[kWindow], y[kTile];
#pragma GCC unroll 8
        for (int i = 0; i < kWindow; ++i) {
          x[i] = load_sums(m + (kWindow * i + j) * o.point_stride, steps + (kWindow * i + j) * o.steps_stride);
        }
        transform_sums<kTile>(x, y);
#pragma GCC unroll 8
        for (int i = 0; i < kTile; ++i) vertical[i][j] = y[i];
      }
      Vec bias = load(o.bias + channel);
      float spread = 1.0f;
      if constexpr (kBytes) {
        bias += load(o.constants + tile * o.tile_stride + channel);
        spread = o.spreads[tile];
      }
#pragma GCC unroll 1
      for (int i = 0; i < kTile; ++i) {
        if (i >= o.rows) break;
        Vec y[kTile];
        transform_sums<kTile>(vertical[i], y);
        const int64_t offset = kTile * tile * o.pixel_stride + channel;
#pragma GCC unroll 8
        for (int j = 0; j < kTile; ++j) {
          if (j >= columns) break;
          const int64_t at = offset + j * o.pixel_stride;
          Vec value = kBytes ? y[j] * spread + bias : y[j] + bias;
          if constexpr (kEpilogue == WinogradEpilogue::kActivation) {
            const Vec scaled = value * o.negative_slope;
            value = value > scaled ? value : scaled;  // a slope of 0..1 makes LeakyReLU a maximum
          } else if constexpr (kEpilogue == WinogradEpilogue::kGradient) {
            value = load(o.inner[i] + at) > 0.0f ? value : value * o.negative_slope;
          } else {
            value = load(o.inner[i] + at) + o.scale * value;
            if constexpr (kEpilogue == WinogradEpilogue::kDoubleResidual)
              value = load(o.outer[i] + at) + o.scale * value;
          }
          store(o.out[i] + at, value);
          if (channel % kLineFloats == 0) __builtin_prefetch(o.out[i] + at + kTile * o.pixel_stride, 1);
          if (copied) store(o.copy[i] + at, value);
        }
      }
    }
  }
}

template <typename Precision>
void transform_output(const WinogradOutput<Precision>& output) {
  switch (output.epilogue) {
    case WinogradEpilogue::kActivation:
      return finish_tiles<WinogradEpilogue::kActivation>(output);
    case WinogradEpilogue::kResidual:
      return finish_tiles<WinogradEpilogue::kResidual>(output);
    case WinogradEpilogue::kDoubleResidual:
      return finish_tiles<WinogradEpilogue::kDoubleResidual>(output);
    case WinogradEpilogue::kGradient:
      return finish_tiles<WinogradEpilogue::kGradient>(output);
  }
}

// All three steps with one kind of products.
template <typename Block>
constexpr WinogradIsa<typename Block::Precision> kSteps = {transform_input<typename Block::Precision>, multiply<Block>,
                                                           transform_output<typename Block::Precision>};
