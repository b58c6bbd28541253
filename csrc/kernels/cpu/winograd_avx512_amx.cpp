#include "csrc/kernels/cpu/winograd.h"

#if defined(__x86_64__)

#include "csrc/kernels/cpu/amx_tiles.h"

namespace srdgan {
namespace {

constexpr int kLanes = 16;
constexpr int kBlockTiles = 14;
constexpr int kBlockVectors = 2;

#include "csrc/kernels/cpu/winograd_lanes.h"

// Products of bytes. A register holds one of the following, where a *block* is 16 of the convolution's tiles, or all of
// them where there are fewer:
//
//   0 to 3   the sums of a block and a panel
//   4        the inputs of a block, 64 channels
//   5        their weights, a panel
//   6, 7     the same for the 16, 32 or 48 channels that may be left, so that nothing beyond them is read
constexpr int kInputs = 4, kWeights = 5;
constexpr int kInputsLeft = 6, kWeightsLeft = 7;
constexpr int kMostSums = 4;

constexpr int64_t kGroup = 4;  // channels whose products are added at once
constexpr int64_t kWeightRow = kGroup * kWinogradPanel;

constexpr TileSizes make_sizes(int64_t rows, int64_t left) {
  if (left == 0) left = kTileRowBytes;  // not used, but 0 is no size
  TileSizes sizes{};
  for (int sum = 0; sum < kMostSums; ++sum) sizes.set(sum, rows, kWinogradPanel * sizeof(int32_t));
  sizes.set(kInputs, rows, kTileRowBytes);
  sizes.set(kWeights, kTileRowBytes / kGroup, kWeightRow);
  sizes.set(kInputsLeft, rows, left);
  sizes.set(kWeightsLeft, left / kGroup, kWeightRow);
  return sizes;
}

// By rows - 1, and by the panels of channels that are left.
struct AllSizes {
  TileSizes of[kTileRows][kTileRowBytes / kWinogradPanel];
};
constexpr AllSizes make_all_sizes() {
  AllSizes all{};
  for (int64_t rows = 1; rows <= kTileRows; ++rows) {
    for (int64_t left = 0; left < kTileRowBytes; left += kWinogradPanel)
      all.of[rows - 1][left / kWinogradPanel] = make_sizes(rows, left);
  }
  return all;
}
constexpr AllSizes kSizes = make_all_sizes();

// Up to four blocks of one panel, or two of two.
template <int kBlocks, int kPanels>
struct Blocks {
  static constexpr int kSums = kBlocks * kPanels;
  static_assert(kSums <= kMostSums);
  int64_t begin[kBlocks];  // tiles

  // Every row of the sums begins with the same ones.
  template <int kSum = 0>
  [[gnu::always_inline]] void begin_sums(const WinogradProduct<Int8>& p) const {
    load_tile<kSum>(p.start + kSum % kPanels * kWinogradPanel, 0);
    if constexpr (kSum + 1 < kSums) begin_sums<kSum + 1>(p);
  }

  template <int kSum = 0>
  [[gnu::always_inline]] void store_sums(const WinogradProduct<Int8>& p) const {
    store_tile<kSum>(p.m + begin[kSum / kPanels] * p.m_stride + kSum % kPanels * kWinogradPanel,
                     p.m_stride * static_cast<int64_t>(sizeof(int32_t)));
    if constexpr (kSum + 1 < kSums) store_sums<kSum + 1>(p);
  }

  // From channel k on. Every second block takes the panels in reverse, so that one of them need not be loaded again.
  template <int kV, int kW, int kStep = 0>
  [[gnu::always_inline]] void add(const WinogradProduct<Int8>& p, int64_t k) const {
    constexpr int kBlock = kStep / kPanels;
    constexpr int kPanel = kBlock % 2 == 0 ? kStep % kPanels : kPanels - 1 - kStep % kPanels;
    if constexpr (kStep % kPanels == 0) load_tile<kV>(p.v + begin[kBlock] * p.v_stride + k, p.v_stride);
    if constexpr (kStep == 0 || kStep % kPanels != 0)
      load_tile<kW>(p.weight + (kPanel * p.depth + k) * kWinogradPanel, kWeightRow);
    add_products_of_bytes<kBlock * kPanels + kPanel, kV, kW>();
    if constexpr (kStep + 1 < kSums) add<kV, kW, kStep + 1>(p, k);
  }

  void multiply(const WinogradProduct<Int8>& p) const {
    begin_sums(p);
    int64_t k = 0;
    for (; p.depth - k >= kTileRowBytes; k += kTileRowBytes) add<kInputs, kWeights>(p, k);
    if (k < p.depth) add<kInputsLeft, kWeightsLeft>(p, k);
    store_sums(p);
  }
};

// kBlocks blocks from `tile` on. The last one begins earlier where so many tiles do not exist: some tiles are then
// computed twice.
template <int kBlocks, int kPanels>
[[gnu::always_inline]] inline void multiply_blocks(const WinogradProduct<Int8>& p, int64_t tile) {
  Blocks<kBlocks, kPanels> blocks;
  const int64_t last = p.tiles > kTileRows ? p.tiles - kTileRows : 0;
  for (int i = 0; i < kBlocks; ++i) blocks.begin[i] = tile + i * kTileRows < last ? tile + i * kTileRows : last;
  blocks.multiply(p);
}

template <int kPanels>
[[gnu::always_inline]] inline void multiply_panels_of(const WinogradProduct<Int8>& p) {
  constexpr int kBlocks = kMostSums / kPanels;
  int64_t tile = 0;
  for (; p.tiles - tile > (kBlocks - 1) * kTileRows; tile += kBlocks * kTileRows)
    multiply_blocks<kBlocks, kPanels>(p, tile);
  const int64_t left = p.tiles - tile;
  if (left <= 0) return;
  if (left <= kTileRows) return multiply_blocks<1, kPanels>(p, tile);
  if constexpr (kPanels == 1) {
    if (left <= 2 * kTileRows) return multiply_blocks<2, 1>(p, tile);
    multiply_blocks<3, 1>(p, tile);
  }
}

void multiply_matrices(const WinogradProduct<Int8>& p) {
  const int64_t rows = p.tiles < kTileRows ? p.tiles : kTileRows;
  set_tile_sizes(kSizes.of[rows - 1][p.depth % kTileRowBytes / kWinogradPanel]);
  WinogradProduct<Int8> part = p;
  int64_t left = p.channels;
  for (; left > kWinogradPanel; left -= 2 * kWinogradPanel) {
    multiply_panels_of<2>(part);
    part.weight += 2 * kWinogradPanel * p.depth;
    part.start += 2 * kWinogradPanel;
    part.m += 2 * kWinogradPanel;
  }
  if (left > 0) multiply_panels_of<1>(part);
  release_tiles();
  // The weights of the next product.
  const auto* next = reinterpret_cast<const char*>(p.next_weight);
  for (int64_t i = 0; i < p.depth * p.channels; i += kLineBytes) __builtin_prefetch(next + i, 0, 2);
}

}  // namespace

const WinogradIsa<Int8>& winograd_int8_avx512_amx() {
  static constexpr WinogradIsa<Int8> kSteps = {transform_input<Int8>, multiply_matrices, transform_output<Int8>};
  return kSteps;
}

}  // namespace srdgan

#endif
