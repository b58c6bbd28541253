// The convolutions of the L2H net outside its dense blocks, as stages of a wavefront over the low-resolution picture:
// unit (row, chunk) of a stage at scale s computes the pixels that the low-resolution unit becomes.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "csrc/common/wavefront.h"
#include "csrc/kernels/cpu/bf16_conv.h"
#include "csrc/kernels/cpu/dense_block.h"
#include "csrc/kernels/cpu/feature_map.h"
#include "csrc/kernels/cpu/unit_grid.h"
#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

// Rows of planes, as in a (C, H, W) tensor; only rows [first_row, first_row + rows) exist.
template <typename T>
struct Planes {
  T* data;
  int64_t channels;
  int64_t plane_stride;
  int64_t row_stride;
  int64_t first_row;

  T* row(int64_t channel, int64_t y) const { return data + channel * plane_stride + (y - first_row) * row_stride; }
};

// Output: `planes` (up to 16 channels) or `split`, a split map, if their data is set, else `map`; also `copy` if its
// data is set.
struct ConvTarget {
  Planes<float> planes;
  FeatureMap split;
  FeatureMap map;
  FeatureMap copy;
};

struct Conv {
  PackedConv<Float32> packed;
  int64_t out_channels;             // padded
  float negative_slope;             // 1 for none
  int64_t scale;                    // size of its picture over that of the grid
  std::vector<FeatureMap> sources;  // maps with borders, whose channels it reads one after the other
  ConvTarget target;
};

std::unique_ptr<Stage> make_conv_stage(const UnitGrid& grid, const Conv& conv, CpuIsa isa);

// upsample_conv from a picture of `scale` times the grid's size to one of twice that.
struct Upsample {
  const float* packed;
  const float* bias;
  int64_t in_channels;
  int64_t out_channels;  // may be padded, as the bias is then
  float negative_slope;
  int64_t scale;
  FeatureMap input;
  FeatureMap output;
};

std::unique_ptr<Stage> make_upsample_stage(const UnitGrid& grid, const Upsample& upsample, CpuIsa isa);

// A split map (bf16_conv.h) takes the memory of floats, two numbers for each. Its channels are a multiple of 32. Behind
// it there must be kBf16WindowPadding more pixels, which are read and not used.
template <typename Float>
auto split_pixel(Float* row, int64_t x, const FeatureMap& map) {
  using Number = std::conditional_t<std::is_const_v<Float>, const uint16_t, uint16_t>;
  return reinterpret_cast<Number*>(row + x * map.channels);
}

// The same two with products of bfloat16.
struct SplitConv {
  PackedConv<Bfloat16> packed;
  Bf16SplitLayer layer;
  float negative_slope;  // 1 for none
  int64_t scale;         // size of the source over that of the grid
  bool upsamples;        // packed is of bf16_pack_phases
  FeatureMap source;
  FeatureMap target;     // a split map, unless
  Planes<float> planes;  // its data is set
};

std::unique_ptr<Stage> make_split_conv_stage(const UnitGrid& grid, const SplitConv& conv, CpuIsa isa);
// From a dense (H, W, C) tensor to the first channels of a split map; the others become zeros.
std::unique_ptr<Stage> make_split_stage(const UnitGrid& grid, const FeatureMap& dense, const FeatureMap& split,
                                        CpuIsa isa);

// From planes to the first channels of a map with a border; the others become zeros.
std::unique_ptr<Stage> make_import_stage(const UnitGrid& grid, const Planes<const float>& planes,
                                         const FeatureMap& map);

// Between a dense (H, W, C) tensor and a map with a border.
std::unique_ptr<Stage> make_import_stage(const UnitGrid& grid, const FeatureMap& dense, const FeatureMap& map,
                                         const FeatureMap& copy);
std::unique_ptr<Stage> make_export_stage(const UnitGrid& grid, const FeatureMap& map, const FeatureMap& dense);

}  // namespace srdgan
