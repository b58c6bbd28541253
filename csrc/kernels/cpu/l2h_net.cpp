#include "csrc/kernels/cpu/l2h_net.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace srdgan {
namespace {

// Rows of units that the maps between the stages of the tail hold.
constexpr int64_t kTailRing = 4;
// Rows of units of convolution `index`'s output that are needed after a strip: those by which the last convolution of a
// block lags behind it, and the border row above them.
constexpr int64_t carried_rows(int64_t index) { return kDenseConvs - index; }

// Tiles of all stages lie in one grid.
UnitGrid make_grid(int64_t height, int64_t width, Products products, int64_t min_chunks) {
  if (!multiplies_int8(products)) return UnitGrid(height, width, Float32::kTile, min_chunks);
  // Products of bytes take less time, and bytes less of a cache: units may be larger, so that weights are read less
  // often.
  return UnitGrid(height, width, std::lcm(Float32::kTile, Int8::kTile), min_chunks, UnitGrid::kUnitPixels * 3 / 2);
}

// A chunk for every thread, but none so narrow that its products do not pay for reading their weights. Products of
// bfloat16 read them for every few pixels, and gain from narrow windows, which fit into a core's caches.
int64_t min_chunks(const L2HSizes& sizes, int64_t width, int64_t threads) {
  constexpr int64_t kMinBf16Columns = 48;
  const int64_t depth = winograd_pad(sizes.features) + (kDenseConvs - 1) * winograd_pad(sizes.growth);
  const int64_t min_columns = sizes.products == Products::kBfloat16 ? kMinBf16Columns : depth * 5 / 8;
  return std::clamp<int64_t>(width / min_columns, 1, threads);
}

DenseWorkspace make_workspace(const UnitGrid& grid, const L2HSizes& sizes, int64_t ring) {
  const int64_t features = winograd_pad(sizes.features), growth = winograd_pad(sizes.growth);
  if (multiplies_int8(sizes.products)) return DenseWorkspace::of<Int8>(grid, features, growth, ring);
  if (sizes.products == Products::kBfloat16) return DenseWorkspace::of<Bfloat16>(grid, features, growth, ring);
  return DenseWorkspace::of<Float32>(grid, features, growth, ring);
}

// Takes memory for a map with its border.
FeatureMap make_map(float*& memory, int64_t ring, int64_t height, int64_t width, int64_t channels, bool split = false) {
  ring = std::min(ring, height);
  if (split) channels = bf16_depth(channels);
  const FeatureMap map = FeatureMap::bordered(memory, ring, height, width, channels);
  memory += FeatureMap::bordered_floats(ring, width, channels);
  if (split) memory += kBf16WindowPadding * channels;
  return map;
}

}  // namespace

// Maps that a part of the net does not use have no rows.
struct L2HRun::Layout {
  FeatureMap picture{};
  FeatureMap x{};
  FeatureMap rrdb{};   // shortcut around three blocks; in the end conv_body's output
  FeatureMap split{};  // what the tail reads, if that is a split map; then the next ones are, too
  std::vector<FeatureMap> enlarged;
  FeatureMap hr{};
  // Carried rows of each block, twice: those of the previous strip, and those for the next one.
  struct Carry {
    FeatureMap x;
    FeatureMap growth[kDenseConvs - 1];
  };
  std::vector<Carry> carries[2];
  float* end;
};

L2HRun::L2HRun(L2HWeights weights, float negative_slope, int64_t height, int64_t width, int64_t strip_rows,
               int64_t threads, CpuIsa isa)
    : weights_(std::move(weights)),
      negative_slope_(negative_slope),
      threads_(threads),
      grid_(make_grid(height, width, weights_.sizes.products, min_chunks(weights_.sizes, width, threads))),
      isa_(isa),
      workspace_(make_workspace(grid_, weights_.sizes, ring())),
      strip_rows_(std::min(strip_rows, height)) {
  float* start = nullptr;
  state_floats_ = lay_out(start).end - start;
}

int64_t L2HRun::strip_unit(int64_t height, int64_t width, Products products) {
  return make_grid(height, width, products, 1).unit_rows;
}
int64_t L2HRun::min_strip_rows(int64_t height, int64_t width, Products products) {
  return (carried_rows(0) + 1) * strip_unit(height, width, products);
}

int64_t L2HRun::round_strip_rows(int64_t height, int64_t width, Products products, int64_t rows) {
  const int64_t unit = strip_unit(height, width, products);
  const int64_t rounded = ceil_div(std::min(rows, height), unit) * unit;
  return std::min(std::max(rounded, min_strip_rows(height, width, products)), height);
}

int64_t L2HRun::num_stages() const {
  const int64_t blocks = num_blocks() * kDenseConvs;
  const int64_t tail = weights_.sizes.num_upsamplings + 2;
  if (is_net()) return blocks + tail + 3;    // import, conv_first, conv_body
  return is_tail() ? tail + 1 : blocks + 2;  // import, export
}

// The import takes all rows; every other stage needs one more row of units below from the stage before it.
int64_t L2HRun::reach(int64_t stage, int64_t known) const {
  if (known >= grid_.height) return grid_.rows;
  return std::max<int64_t>(known / grid_.unit_rows - stage, 0);
}

int64_t L2HRun::finished_rows(int64_t rows) const {
  return weights_.sizes.scale() * std::min(reach(num_stages() - 1, rows) * grid_.unit_rows, grid_.height);
}

L2HRun::Layout L2HRun::lay_out(float* state) const {
  Layout layout;
  const int64_t features = workspace_.features();
  const int64_t unit = grid_.unit_rows;
  const bool in_strips = strip_rows_ < grid_.height;
  // From the row that conv_first makes to the one that conv_body reads.
  const int64_t trunk_rows = in_strips ? strip_rows_ + (num_blocks() * kDenseConvs + 6) * unit : grid_.height;
  const auto map = [&](int64_t ring, int64_t channels) {
    return make_map(state, ring, grid_.height, grid_.width, channels);
  };
  layout.x = map(trunk_rows, features);
  if (has_rrdbs()) layout.rrdb = map(trunk_rows, features);
  if (is_net()) layout.picture = map(trunk_rows + unit, winograd_pad(weights_.sizes.in_channels));
  if (is_net() || is_tail()) {
    int64_t scale = 1;
    const bool split = splits_tail();
    const auto tail_map = [&] {
      return make_map(state, kTailRing * scale * unit, scale * grid_.height, scale * grid_.width, features, split);
    };
    if (split) layout.split = tail_map();
    for (int64_t i = 0; i < weights_.sizes.num_upsamplings; ++i) {
      scale *= 2;
      layout.enlarged.push_back(tail_map());
    }
    layout.hr = tail_map();
  }
  if (in_strips) {
    for (auto& carries : layout.carries) {
      for (int64_t block = 0; block < num_blocks(); ++block) {
        Layout::Carry carry{};
        carry.x = map(1, features);
        for (int64_t i = 0; i < kDenseConvs - 1; ++i) {
          carry.growth[i] = map(carried_rows(i) * unit, workspace_.growth_pixel());
        }
        carries.push_back(carry);
      }
    }
  }
  layout.end = state;
  return layout;
}

void L2HRun::clear_borders(float* state) const {
  const Layout layout = lay_out(state);
  for (const FeatureMap& map : {layout.picture, layout.x, layout.rrdb, layout.split, layout.hr}) {
    if (map.ring > 0) map.clear_border();
  }
  for (const FeatureMap& map : layout.enlarged) map.clear_border();
  for (const auto& carries : layout.carries) {
    for (const Layout::Carry& carry : carries) {
      carry.x.clear_border();
      for (const FeatureMap& growth : carry.growth) growth.clear_border();
    }
  }
}

std::unique_ptr<Wavefront> L2HRun::plan(float* state, float* workspace, const L2HData& data, int64_t known_before,
                                        int64_t known_now) {
  const int64_t skew = this->skew(), ring = this->ring();
  const Layout layout = lay_out(state);
  if (num_blocks() > 0) workspace_.use(workspace);
  const int64_t features = workspace_.features();
  auto wavefront = std::make_unique<Wavefront>(grid_.rows, grid_.chunks, threads_);
  int64_t offset = 0;
  const auto begin = [&](int64_t stage) { return known_before == 0 ? 0 : reach(stage, known_before); };
  const auto end = [&](int64_t stage) { return reach(stage, known_now); };
  const auto add = [&](std::unique_ptr<Stage> stage, std::vector<Wavefront::Reuse> reuses = {}, int64_t shift = 0) {
    const int64_t index = wavefront->num_stages();
    wavefront->add(std::move(stage), begin(index), end(index), offset, std::move(reuses), shift);
    offset += skew;
  };
  // A stage whose map the next one alone reads, so that few rows are kept.
  const auto add_tail = [&](std::unique_ptr<Stage> stage) {
    add(std::move(stage), {{wavefront->num_stages() + 1, -kTailRing}});
  };
  const auto conv = [&](const PackedConv<Float32>& packed, int64_t scale, std::vector<FeatureMap> sources) {
    Conv result{};
    result.packed = packed;
    result.out_channels = features;
    result.negative_slope = 1.0f;
    result.scale = scale;
    result.sources = std::move(sources);
    return result;
  };

  if (is_net()) {
    add(make_import_stage(grid_, data.picture, layout.picture));
    Conv first = conv(weights_.first, 1, {layout.picture});
    first.target.map = layout.x;
    first.target.copy = layout.rrdb;
    add(make_conv_stage(grid_, first, isa_));
  } else if (splits_tail()) {
    add_tail(make_split_stage(grid_, data.features_in, layout.split, isa_));
  } else {
    add(make_import_stage(grid_, data.features_in, layout.x, layout.rrdb));
  }

  const Products products = weights_.sizes.products;
  int64_t slot = 0;  // of the workspace, counted on through all blocks
  int64_t shift_before = 0;
  int64_t offset_of_slots = 0;
  for (int64_t b = 0; b < num_blocks(); ++b) {
    const int64_t stage = wavefront->num_stages();
    DenseBlock block{};
    block.negative_slope = negative_slope_;
    block.residual_scale = kResidualScale;
    block.x = layout.x;
    block.ends_rrdb = has_rrdbs() && b % kBlocksPerRrdb == kBlocksPerRrdb - 1;
    if (block.ends_rrdb) {
      block.outer = block.copy = layout.rrdb;
    }
    for (int64_t i = 0; i < kDenseConvs; ++i) block.begin[i] = begin(stage + i);
    block.end = end(stage + kDenseConvs - 1);
    if (!layout.carries[0].empty()) {
      // Strips use the two copies in turn.
      const int64_t turn = known_before / strip_rows_ % 2;
      const auto& before = layout.carries[turn][static_cast<size_t>(b)];
      const auto& after = layout.carries[1 - turn][static_cast<size_t>(b)];
      block.carried_x = before.x;
      block.carries_x = after.x;
      std::copy_n(before.growth, kDenseConvs - 1, block.carried_growth);
      std::copy_n(after.growth, kDenseConvs - 1, block.carries_growth);
    }
    // Row r of units is in slot r + shift. The rows of the previous block are in the slots before.
    const int64_t first_row = begin(stage + kDenseConvs - 1);
    const int64_t shift = slot - first_row;
    slot += std::max(end(stage) - first_row, ring);
    if (b == 0) offset_of_slots = offset - shift;
    for (int i = 0; i < kDenseConvs; ++i) {
      std::vector<Wavefront::Reuse> reuses;
      const int64_t reader = std::min<int64_t>(i + 1, kDenseConvs - 1);
      for (const int64_t r : {reader, kDenseConvs - 1}) {
        reuses.push_back({stage + r, -ring});
        if (b > 0) reuses.push_back({stage - kDenseConvs + r, shift - shift_before - ring});
      }
      offset = offset_of_slots + shift + skew * i;
      const auto index = static_cast<size_t>(b);
      const auto make_stage = [&](const auto& weights) {
        return make_dense_stage(workspace_, weights[index], block, isa_, i, shift);
      };
      add(multiplies_int8(products)         ? make_stage(weights_.dense_int8)
          : products == Products::kBfloat16 ? make_stage(weights_.dense_bf16)
                                            : make_stage(weights_.dense),
          std::move(reuses), shift);
    }
    shift_before = shift;
  }

  if (!is_net() && !is_tail()) {
    add(make_export_stage(grid_, layout.x, data.features_out));
    wavefront->prepare();
    return wavefront;
  }
  FeatureMap source = layout.x;
  if (is_net()) {
    Conv body = conv(weights_.body, 1, {layout.x, layout.picture});
    if (splits_tail()) {
      body.target.split = layout.split;
      add_tail(make_conv_stage(grid_, body, isa_));
    } else {
      body.target.map = source = layout.rrdb;
      add(make_conv_stage(grid_, body, isa_));
    }
  }
  if (splits_tail()) {
    SplitConv split{};
    split.layer = weights_.sizes.split_layer();
    split.negative_slope = negative_slope_;
    split.scale = 1;
    split.source = layout.split;
    split.upsamples = true;
    for (size_t i = 0; i < weights_.split_upsample.size(); ++i, split.scale *= 2) {
      split.packed = weights_.split_upsample[i];
      split.target = layout.enlarged[i];
      add_tail(make_split_conv_stage(grid_, split, isa_));
      split.source = split.target;
    }
    split.upsamples = false;
    split.packed = weights_.split_hr;
    split.target = layout.hr;
    add_tail(make_split_conv_stage(grid_, split, isa_));
    split.packed = weights_.split_last;
    split.layer = weights_.sizes.split_last();
    split.source = layout.hr;
    split.planes = data.result;
    add(make_split_conv_stage(grid_, split, isa_));
    wavefront->prepare();
    return wavefront;
  }
  int64_t scale = 1;
  for (size_t i = 0; i < weights_.upsample.size(); ++i) {
    Upsample upsample{};
    upsample.packed = weights_.upsample[i].weight;
    upsample.bias = weights_.upsample[i].bias;
    upsample.in_channels = weights_.sizes.features;
    upsample.out_channels = features;  // with padding, which the next stage reads too
    upsample.negative_slope = negative_slope_;
    upsample.scale = scale;
    upsample.input = source;
    upsample.output = source = layout.enlarged[i];
    add_tail(make_upsample_stage(grid_, upsample, isa_));
    scale *= 2;
  }
  Conv hr = conv(weights_.hr, scale, {source});
  hr.negative_slope = negative_slope_;
  hr.target.map = layout.hr;
  add_tail(make_conv_stage(grid_, hr, isa_));
  Conv last = conv(weights_.last, scale, {layout.hr});
  last.out_channels = winograd_pad(kImageChannels);
  last.target.planes = data.result;
  add(make_conv_stage(grid_, last, isa_));
  wavefront->prepare();
  return wavefront;
}

}  // namespace srdgan
