// Winograd's three steps in vectors of kLanes floats: one text for every instruction set. Each winograd_<isa>.cpp includes it
// once, inside its own anonymous namespace and under its own target, after it has defined
//
//   kLanes        floats per vector
//   kBlockTiles   rows of the register block of a product
//   kBlockVectors its columns
//
// No include guard and no include of its own: only what a target's file has included is known here, so that no function of
// another header is ever compiled for an instruction set that the processor may lack.

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVec __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

[[gnu::always_inline]] inline Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
[[gnu::always_inline]] inline void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }

// B': six inputs -> six points.
[[gnu::always_inline]] inline void transform_6_to_6(const Vec x[6], Vec y[6]) {
  const Vec even = x[4] - 4.0f * x[2];
  const Vec odd = x[3] - 4.0f * x[1];
  const Vec far_even = x[4] - x[2];
  const Vec far_odd = x[3] - x[1];
  y[0] = (x[4] + 4.0f * x[0]) - 5.0f * x[2];
  y[1] = even + odd;
  y[2] = even - odd;
  y[3] = far_even + 2.0f * far_odd;
  y[4] = far_even - 2.0f * far_odd;
  y[5] = (x[5] + 4.0f * x[1]) - 5.0f * x[3];
}

// A': six points -> four outputs.
[[gnu::always_inline]] inline void transform_6_to_4(const Vec m[6], Vec y[4]) {
  const Vec near_sum = m[1] + m[2];
  const Vec near_difference = m[1] - m[2];
  const Vec far_sum = m[3] + m[4];
  const Vec far_difference = m[3] - m[4];
  y[0] = (m[0] + near_sum) + far_sum;
  y[1] = near_difference + 2.0f * far_difference;
  y[2] = near_sum + 4.0f * far_sum;
  y[3] = (near_difference + m[5]) + 8.0f * far_difference;
}

void transform_input(const WinogradInput& input) {
  const int64_t step = input.pixel_stride;
  const int64_t points = input.point_stride;
  for (int64_t tile = 0; tile < input.tiles; ++tile) {
    for (int64_t channel = 0; channel < input.channels; channel += kLanes) {
      const int64_t at = 4 * tile * step + channel;
      Vec vertical[6][6];
#pragma GCC unroll 6
      for (int j = 0; j < 6; ++j) {
        Vec x[6], y[6];
#pragma GCC unroll 6
        for (int i = 0; i < 6; ++i) x[i] = load(input.rows[i] + at + j * step);
        transform_6_to_6(x, y);
#pragma GCC unroll 6
        for (int i = 0; i < 6; ++i) vertical[i][j] = y[i];
      }
      float* v = input.v + tile * input.tile_stride + channel;
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) {
        Vec y[6];
        transform_6_to_6(vertical[i], y);
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) store(v + j * points, y[j]);
        v += 6 * points;
      }
    }
  }
}

// Weights to fetch into the second-level cache meanwhile: so many lines of 16 floats for every 16 channels of depth.
struct Ahead {
  const float* line;
  int64_t lines;
};

// kTiles x (kVectors vectors) sums in registers.
template <int kTiles, int kVectors>
void multiply_block(const float* v, int64_t v_stride, const float* weight, int64_t depth, float* m, int64_t m_stride, Ahead ahead) {
  constexpr int kPerPanel = kWinogradPanel / kLanes;
  Vec sum[kTiles][kVectors] = {};
  for (int64_t line = 0; line < depth; line += kWinogradPanel) {
    // The next block of tiles stands behind this one.
#pragma GCC unroll 14
    for (int t = 0; t < kTiles; ++t) __builtin_prefetch(v + (kTiles + t) * v_stride + line);
    for (int64_t i = 0; i < ahead.lines; ++i, ahead.line += kWinogradPanel) __builtin_prefetch(ahead.line, 0, 2);
    for (int64_t k = line; k < line + kWinogradPanel; ++k) {
      Vec w[kVectors];
#pragma GCC unroll 4
      for (int n = 0; n < kVectors; ++n) {
        w[n] = load(weight + (n / kPerPanel) * depth * kWinogradPanel + k * kWinogradPanel + (n % kPerPanel) * kLanes);
      }
#pragma GCC unroll 14
      for (int t = 0; t < kTiles; ++t) {
        const float x = v[t * v_stride + k];
#pragma GCC unroll 4
        for (int n = 0; n < kVectors; ++n) sum[t][n] += x * w[n];
      }
    }
  }
#pragma GCC unroll 14
  for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) store(m + t * m_stride + n * kLanes, sum[t][n]);
  }
}

template <int kTiles, int kVectors>
[[gnu::always_inline]] inline void multiply_tiles(int64_t tiles, const float* v, int64_t v_stride, const float* weight, int64_t depth,
                                                  float* m, int64_t m_stride, Ahead ahead) {
  if (tiles == kTiles) {
    multiply_block<kTiles, kVectors>(v, v_stride, weight, depth, m, m_stride, ahead);
  } else if constexpr (kTiles > 1) {
    multiply_tiles<kTiles - 1, kVectors>(tiles, v, v_stride, weight, depth, m, m_stride, ahead);
  }
}

template <int kVectors>
[[gnu::always_inline]] inline void multiply_panels(const WinogradProduct& p, int64_t panel) {
  constexpr int64_t kPanels = kVectors * kLanes / kWinogradPanel;
  const float* weight = p.weight + panel * p.depth * kWinogradPanel;
  const int64_t blocks = (p.tiles + kBlockTiles - 1) / kBlockTiles;
  // The weights that come next, in equal shares for all blocks.
  const float* next = panel + kPanels < p.panels ? weight + kPanels * p.depth * kWinogradPanel : p.next_weight;
  Ahead ahead{next, (kPanels * kWinogradPanel + blocks - 1) / blocks};
  for (int64_t i = 0; i < blocks; ++i) {
    // Equal shares: 32 tiles are blocks of 5 and 6, not five of 6 and one of 2.
    const int64_t begin = p.tiles * i / blocks;
    const int64_t end = p.tiles * (i + 1) / blocks;
    multiply_tiles<kBlockTiles, kVectors>(end - begin, p.v + begin * p.v_stride, p.v_stride, weight, p.depth,
                                          p.m + begin * p.m_stride + panel * kWinogradPanel, p.m_stride, ahead);
    ahead.line += ahead.lines * p.depth;  // that many floats are prefetched by one block: lines * 16 per 16 channels
  }
}

void multiply(const WinogradProduct& p) {
  constexpr int kPerPanel = kWinogradPanel / kLanes;
  constexpr int kPanels = kBlockVectors / kPerPanel;
  int64_t panel = 0;
  for (; panel + kPanels <= p.panels; panel += kPanels) multiply_panels<kBlockVectors>(p, panel);
  if constexpr (kPanels > 1) {
    for (; panel < p.panels; ++panel) multiply_panels<kPerPanel>(p, panel);
  }
}

template <WinogradEpilogue kEpilogue>
[[gnu::always_inline]] inline void finish_tiles(const WinogradOutput& o) {
  const bool copied = o.copy[0] != nullptr;
  for (int64_t tile = 0; tile < o.tiles; ++tile) {
    const int64_t columns = o.columns - 4 * tile < 4 ? o.columns - 4 * tile : 4;
    for (int64_t channel = 0; channel < o.channels; channel += kLanes) {
      const float* m = o.m + tile * o.tile_stride + channel;
      Vec vertical[4][6];
#pragma GCC unroll 6
      for (int j = 0; j < 6; ++j) {
        Vec x[6], y[4];
#pragma GCC unroll 6
        for (int i = 0; i < 6; ++i) x[i] = load(m + (6 * i + j) * o.point_stride);
        transform_6_to_4(x, y);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) vertical[i][j] = y[i];
      }
      const Vec bias = load(o.bias + channel);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        if (i >= o.rows) break;
        Vec y[4];
        transform_6_to_4(vertical[i], y);
        const int64_t offset = 4 * tile * o.pixel_stride + channel;
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          if (j >= columns) break;
          const int64_t at = offset + j * o.pixel_stride;
          Vec value = y[j] + bias;
          if constexpr (kEpilogue == WinogradEpilogue::kActivation) {
            const Vec scaled = value * o.negative_slope;
            value = value > scaled ? value : scaled;  // a slope of 0..1 makes LeakyReLU a maximum
          } else {
            value = load(o.inner[i] + at) + o.scale * value;
            if constexpr (kEpilogue == WinogradEpilogue::kDoubleResidual) value = load(o.outer[i] + at) + o.scale * value;
          }
          store(o.out[i] + at, value);
          if (copied) store(o.copy[i] + at, value);
        }
      }
    }
  }
}

void transform_output(const WinogradOutput& output) {
  switch (output.epilogue) {
    case WinogradEpilogue::kActivation:
      return finish_tiles<WinogradEpilogue::kActivation>(output);
    case WinogradEpilogue::kResidual:
      return finish_tiles<WinogradEpilogue::kResidual>(output);
    case WinogradEpilogue::kDoubleResidual:
      return finish_tiles<WinogradEpilogue::kDoubleResidual>(output);
  }
}
