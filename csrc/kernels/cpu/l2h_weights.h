// The packed weights of an L2H net (srdgan_rt/models/l2h.py) or of a part of it: the form that the CPU kernels read,
// and the block of memory, called blob, that holds it. l2h_pack.h makes blobs.
//
// A blob describes itself: a header with the sizes of the net, a directory with the offset and the length of every
// section, then the sections. Each section is one array, on a cache line of its own. The layout does not depend on the
// instruction set.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/kernels/cpu/bf16_conv.h"
#include "csrc/kernels/cpu/dense_block.h"
#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

constexpr int64_t kBlocksPerRrdb = 3;
constexpr int64_t kImageChannels = 3;  // of the result

enum class L2HPart : int32_t {
  kNet,         // picture -> result
  kTrunk,       // features -> features: RRDBs
  kDenseBlock,  // features -> features: one dense block
  kTail,        // features -> result: enlargements, conv_hr, conv_last
};

const char* l2h_part_name(L2HPart part);

// What the dense blocks multiply, and the layers behind them (the tail). All else is of floats.
enum class Products : int32_t {
  kFloat32,
  kInt8,             // the tail: floats
  kBfloat16,         // both
  kInt8AndBfloat16,  // the tail: bfloat16
};

constexpr bool multiplies_int8(Products products) {
  return products == Products::kInt8 || products == Products::kInt8AndBfloat16;
}
constexpr bool has_split_tail(Products products) {
  return products == Products::kBfloat16 || products == Products::kInt8AndBfloat16;
}

// Those that need no ranges and whose loss nobody sees: bfloat16 where that is fast, else floats.
Products fast_products(CpuIsa isa);
// For a net in int8: where bfloat16 is fast, the layers that int8 is not for use it.
Products int8_products(CpuIsa isa);

// Everything that decides the layout of a blob. Sizes of layers that a part does not have are 0.
struct L2HSizes {
  L2HPart part = L2HPart::kNet;
  Products products = Products::kFloat32;
  int64_t in_channels = 0;  // of the picture: 3, or 3 * r * r where it was pixel-unshuffled
  int64_t features = 0;
  int64_t growth = 0;
  int64_t num_dense_blocks = 0;
  int64_t num_upsamplings = 0;

  // Far above any real net: see picture_limits.h.
  static constexpr int64_t kMaxChannels = 4096;
  static constexpr int64_t kMaxDenseBlocks = 3072;
  static constexpr int64_t kMaxUpsamplings = 2;

  // The layers of a split tail: conv_hr and the enlargements, and conv_last.
  Bf16SplitLayer split_layer() const { return {features, features, bf16_depth(features)}; }
  Bf16SplitLayer split_last() const;

  int64_t scale() const { return int64_t{1} << num_upsamplings; }
  // Throws std::runtime_error unless the sizes are those of a net.
  void check() const;
};

struct PackedUpsample {
  const float* weight;  // of upsample_conv_pack
  const float* bias;    // padded
};

// Pointers into a blob. Those to layers that the part does not have are null.
struct L2HWeights {
  L2HSizes sizes;
  // Of one of the three, as sizes.products says; the others are empty.
  std::vector<DenseWeights<Float32>> dense;
  std::vector<DenseWeights<Int8>> dense_int8;
  std::vector<DenseWeights<Bfloat16>> dense_bf16;
  PackedConv<Float32> first{};
  // Reads the features and the picture: with the weights of conv_first beside its own, its result is the sum of both.
  // That is the shortcut around all blocks, and the result of conv_first need not be kept for it.
  PackedConv<Float32> body{};
  // The tail in floats, or as split layers.
  std::vector<PackedUpsample> upsample;
  PackedConv<Float32> hr{};
  PackedConv<Float32> last{};
  std::vector<PackedConv<Bfloat16>> split_upsample;
  PackedConv<Bfloat16> split_hr{};
  PackedConv<Bfloat16> split_last{};
};

struct L2HBlobHeader {
  static constexpr char kMagic[8] = {'S', 'R', 'D', 'G', 'A', 'N', 'L', 'H'};
  static constexpr uint32_t kByteOrder = 0x01020304;
  static constexpr uint32_t kVersion = 4;

  char magic[8];
  uint32_t byte_order;
  uint32_t version;
  int32_t part;
  int32_t products;
  int32_t in_channels;
  int32_t features;
  int32_t growth;
  int32_t num_dense_blocks;
  int32_t num_upsamplings;
  int32_t num_sections;
  uint64_t bytes;     // of the whole blob
  uint64_t checksum;  // l2h_blob_checksum
};

struct L2HBlobSection {
  uint64_t offset;  // from the start of the blob
  uint64_t bytes;
};

// Blobs start on a cache line, too.
constexpr int64_t kL2HBlobAlignment = 64;

int64_t l2h_blob_bytes(const L2HSizes& sizes);

// Of header and directory without the checksum itself. The blob must have both.
uint64_t l2h_blob_checksum(const void* blob);

// Writes all that comes before the sections.
void write_l2h_blob_header(const L2HSizes& sizes, void* blob);

// Throws std::runtime_error unless these bytes are a blob whose sections all lie inside it. Their contents are not
// checked: the kernels read no size and no index from them, so any contents are safe. The cost is some nanoseconds for
// each section, so this is done at every call of an op. No checked view is kept that could outlive its blob.
L2HWeights read_l2h_blob(const void* blob, int64_t bytes);

}  // namespace srdgan
