// The steps of winograd_train.h in vectors of kLanes floats. Each winograd_<isa>.cpp of floats includes it
// behind winograd_lanes.h, under the same rules.

// G along one axis.
[[gnu::always_inline]] inline void transform_taps_to_points(const Vec w[3], Vec u[TrainingTile::kWindow]) {
  constexpr auto& kTaps = kWinogradAxis<TrainingTile::kTile>.taps;
#pragma GCC unroll 8
  for (int p = 0; p < TrainingTile::kWindow; ++p) {
    u[p] = static_cast<float>(kTaps[p][0]) * w[0] + static_cast<float>(kTaps[p][1]) * w[1] +
           static_cast<float>(kTaps[p][2]) * w[2];
  }
}

// G' along one axis.
[[gnu::always_inline]] inline void transform_points_to_taps(const Vec u[TrainingTile::kWindow], Vec w[3]) {
  constexpr auto& kTaps = kWinogradAxis<TrainingTile::kTile>.taps;
#pragma GCC unroll 3
  for (int tap = 0; tap < 3; ++tap) {
    w[tap] = static_cast<float>(kTaps[0][tap]) * u[0];
#pragma GCC unroll 8
    for (int p = 1; p < TrainingTile::kWindow; ++p) w[tap] += static_cast<float>(kTaps[p][tap]) * u[p];
  }
}

// A along one axis.
[[gnu::always_inline]] inline void transform_outputs_to_points(const Vec y[TrainingTile::kTile],
                                                               Vec m[TrainingTile::kWindow]) {
  constexpr int kTile = TrainingTile::kTile;
  constexpr auto& kPowers = kWinogradAxis<kTile>.powers;
  m[0] = y[0];
  m[kTile + 1] = y[kTile - 1];
#pragma GCC unroll 4
  for (int i = 0; i < kTile / 2; ++i) {
    const Vec even = static_cast<float>(kPowers[0][i]) * y[0] + static_cast<float>(kPowers[2][i]) * y[2];
    const Vec odd = static_cast<float>(kPowers[1][i]) * y[1] + static_cast<float>(kPowers[3][i]) * y[3];
    m[2 * i + 1] = even + odd;
    m[2 * i + 2] = even - odd;
  }
}

inline void transform_weights(const WinogradWeights& w) {
  constexpr int kWindow = TrainingTile::kWindow;
  const int64_t panels = (w.out_channels + kWinogradPanel - 1) / kWinogradPanel;
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t first = panel * kWinogradPanel;
    const int64_t lanes = w.out_channels - first < kWinogradPanel ? w.out_channels - first : kWinogradPanel;
    for (int64_t k = 0; k < w.in_channels; ++k) {
      float taps[9][kWinogradPanel] = {};
      for (int64_t n = 0; n < lanes; ++n) {
        const float* from = w.weight + (first + n) * w.out_stride + k * w.in_stride;
        for (int tap = 0; tap < 9; ++tap) taps[tap][n] = from[w.mirrored ? 8 - tap : tap];
      }
      for (int64_t lane = 0; lane < kWinogradPanel; lane += kLanes) {
        Vec vertical[3][kWindow];  // by column of the taps
        for (int x = 0; x < 3; ++x) {
          const Vec column[3] = {load(taps[x] + lane), load(taps[3 + x] + lane), load(taps[6 + x] + lane)};
          transform_taps_to_points(column, vertical[x]);
        }
        float* to = w.packed + (panel * w.depth + k) * kWinogradPanel + lane;
        for (int row = 0; row < kWindow; ++row) {
          const Vec line[3] = {vertical[0][row], vertical[1][row], vertical[2][row]};
          Vec points[kWindow];
          transform_taps_to_points(line, points);
          for (int column = 0; column < kWindow; ++column)
            store(to + (kWindow * row + column) * panels * w.depth * kWinogradPanel, points[column]);
        }
      }
    }
  }
}

inline void transform_gradient(const WinogradGradient& g) {
  constexpr int kTile = TrainingTile::kTile, kWindow = TrainingTile::kWindow;
  for (int64_t tile = 0; tile < g.tiles; ++tile) {
    for (int64_t channel = 0; channel < g.channels; channel += kLanes) {
      const int64_t at = kTile * tile * g.pixel_stride + channel;
      Vec vertical[kWindow][kTile];
#pragma GCC unroll 4
      for (int j = 0; j < kTile; ++j) {
        Vec y[kTile], m[kWindow];
#pragma GCC unroll 4
        for (int i = 0; i < kTile; ++i) y[i] = load(g.rows[i] + at + j * g.pixel_stride);
        transform_outputs_to_points(y, m);
#pragma GCC unroll 8
        for (int i = 0; i < kWindow; ++i) vertical[i][j] = m[i];
      }
      float* to = g.m + tile * g.tile_stride + channel;
#pragma GCC unroll 1
      for (int i = 0; i < kWindow; ++i) {
        Vec m[kWindow];
        transform_outputs_to_points(vertical[i], m);
#pragma GCC unroll 8
        for (int j = 0; j < kWindow; ++j) store(to + (kWindow * i + j) * g.point_stride, m[j]);
      }
    }
  }
}

// kRows x (kVectors vectors) sums in registers.
template <int kRows, int kVectors>
void sum_over_tiles(const WinogradWeightProduct& p, int64_t row, int64_t channel) {
  Vec sum[kRows][kVectors];
  float* sums = p.sums + row * p.channels + channel;
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) sum[i][n] = load(sums + i * p.channels + n * kLanes);
  }
  const float* v = p.v + row;
  const float* m = p.m + channel;
  for (int64_t tile = 0; tile < p.tiles; ++tile, v += p.v_stride, m += p.m_stride) {
    Vec y[kVectors];
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) y[n] = load(m + n * kLanes);
#pragma GCC unroll 14
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int n = 0; n < kVectors; ++n) sum[i][n] += v[i] * y[n];
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) store(sums + i * p.channels + n * kLanes, sum[i][n]);
  }
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void sum_rows_over_tiles(const WinogradWeightProduct& p, int64_t rows, int64_t row,
                                                       int64_t channel) {
  if (rows == kRows) {
    sum_over_tiles<kRows, kVectors>(p, row, channel);
  } else if constexpr (kRows > 1) {
    sum_rows_over_tiles<kRows - 1, kVectors>(p, rows, row, channel);
  }
}

inline void multiply_weights(const WinogradWeightProduct& p) {
  constexpr int64_t kChannels = kBlockVectors * kLanes;
  constexpr int kHalf = kBlockVectors > 1 ? kBlockVectors / 2 : 1;
  const int64_t blocks = (p.depth + kBlockTiles - 1) / kBlockTiles;
  for (int64_t channel = 0; channel < p.channels; channel += kChannels) {
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t begin = p.depth * i / blocks;
      const int64_t end = p.depth * (i + 1) / blocks;
      if (p.channels - channel >= kChannels) {
        sum_rows_over_tiles<kBlockTiles, kBlockVectors>(p, end - begin, begin, channel);
      } else {
        sum_rows_over_tiles<kBlockTiles, kHalf>(p, end - begin, begin, channel);
      }
    }
  }
}

inline void transform_taps(const WinogradTaps& t) {
  constexpr int kWindow = TrainingTile::kWindow;
  for (int64_t at = 0; at < t.count; at += kLanes) {
    Vec vertical[3][kWindow];  // by column of the points
    for (int column = 0; column < kWindow; ++column) {
      Vec u[kWindow], w[3];
      for (int row = 0; row < kWindow; ++row) u[row] = load(t.sums + (kWindow * row + column) * t.count + at);
      transform_points_to_taps(u, w);
      for (int y = 0; y < 3; ++y) vertical[y][column] = w[y];
    }
    for (int y = 0; y < 3; ++y) {
      Vec w[3];
      transform_points_to_taps(vertical[y], w);
      for (int x = 0; x < 3; ++x) store(t.taps + (3 * y + x) * t.count + at, w[x]);
    }
  }
}

constexpr WinogradTrainIsa kTrainSteps = {kSteps<FloatBlock<TrainingTile>>, transform_weights, transform_gradient,
                                          multiply_weights, transform_taps};
