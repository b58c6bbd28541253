#include "csrc/kernels/cpu/l2h_weights.h"

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "csrc/kernels/cpu/upsample_conv.h"

namespace srdgan {
namespace {

static_assert(sizeof(L2HBlobHeader) == 64 && std::is_trivially_copyable_v<L2HBlobHeader>);
static_assert(sizeof(L2HBlobSection) == 16);

void require(bool condition, const std::string& message) {
  if (!condition) throw std::runtime_error(message);
}

template <typename Precision, typename Visit>
void visit_conv(PackedConv<Precision>& conv, const WinogradSegments& inputs, int64_t out_channels, const Visit& visit) {
  if constexpr (std::is_same_v<Precision, Bfloat16>) {
    visit(conv.weight, bf16_packed_size(inputs, out_channels));
  } else {
    visit(conv.weight, winograd_packed_size<Precision>(inputs, out_channels));
  }
  visit(conv.bias, winograd_pad(out_channels));
  if constexpr (std::is_same_v<Precision, Int8>) {
    visit(conv.start, Precision::kPoints * winograd_pad(out_channels));
    visit(conv.steps, Precision::kPoints * winograd_pad(out_channels));
    visit(conv.tap_sums, inputs.depth() * winograd_pad(out_channels));
  }
}

template <typename Precision, typename Visit>
void visit_dense_blocks(std::vector<DenseWeights<Precision>>& blocks, const L2HSizes& sizes, const Visit& visit) {
  const DenseInputs inputs(sizes.features, sizes.growth);
  for (DenseWeights<Precision>& block : blocks) {
    if constexpr (std::is_same_v<Precision, Int8>) {
      visit(block.levels, Precision::kPoints * inputs.of(kDenseConvs - 1).depth());
      visit(block.deviation_weights, winograd_pad(sizes.features));
    }
    for (int64_t i = 0; i < kDenseConvs; ++i) {
      visit_conv(block.convs[i], inputs.of(i), i + 1 < kDenseConvs ? sizes.growth : sizes.features, visit);
    }
  }
}

// Calls visit(pointer, count) for every section. Only this function defines their order and sizes.
template <typename Visit>
void visit_sections(L2HWeights& weights, const Visit& visit) {
  const L2HSizes& sizes = weights.sizes;
  const int64_t features = sizes.features;
  const auto visit_layer = [&](PackedConv<Float32>& conv, const std::vector<int64_t>& inputs, int64_t out_channels) {
    visit_conv(conv, {static_cast<int64_t>(inputs.size()), inputs.data()}, out_channels, visit);
  };
  if (sizes.part == L2HPart::kNet) visit_layer(weights.first, {sizes.in_channels}, features);
  visit_dense_blocks(weights.dense, sizes, visit);
  visit_dense_blocks(weights.dense_int8, sizes, visit);
  visit_dense_blocks(weights.dense_bf16, sizes, visit);
  if (sizes.part == L2HPart::kNet) visit_layer(weights.body, {features, sizes.in_channels}, features);
  if (sizes.part != L2HPart::kNet && sizes.part != L2HPart::kTail) return;
  if (has_split_tail(sizes.products)) {
    const auto visit_split = [&](PackedConv<Bfloat16>& conv, const Bf16SplitLayer& layer, int64_t taps) {
      visit(conv.weight, layer.packed_size(taps));
      visit(conv.bias, layer.padded_outputs);
    };
    for (PackedConv<Bfloat16>& upsample : weights.split_upsample)
      visit_split(upsample, sizes.split_layer(), kBf16Phases * kBf16PhaseTaps);
    visit_split(weights.split_hr, sizes.split_layer(), kBf16Taps);
    visit_split(weights.split_last, sizes.split_last(), kBf16Taps);
    return;
  }
  for (PackedUpsample& upsample : weights.upsample) {
    visit(upsample.weight, kUpsampleConvProducts * upsample_conv_num_panels(features) * features * kUpsampleConvPanel);
    visit(upsample.bias, winograd_pad(features));
  }
  visit_layer(weights.hr, {features}, features);
  visit_layer(weights.last, {features}, kImageChannels);
}

L2HWeights make_weights(const L2HSizes& sizes) {
  L2HWeights weights;
  weights.sizes = sizes;
  const auto blocks = static_cast<size_t>(sizes.num_dense_blocks);
  if (sizes.products == Products::kFloat32) weights.dense.resize(blocks);
  if (multiplies_int8(sizes.products)) weights.dense_int8.resize(blocks);
  if (sizes.products == Products::kBfloat16) weights.dense_bf16.resize(blocks);
  const auto upsamplings = static_cast<size_t>(sizes.num_upsamplings);
  if (has_split_tail(sizes.products)) weights.split_upsample.resize(upsamplings);
  if (!has_split_tail(sizes.products)) weights.upsample.resize(upsamplings);
  return weights;
}

uint64_t align(uint64_t offset) {
  constexpr auto kLine = static_cast<uint64_t>(kL2HBlobAlignment);
  return (offset + kLine - 1) / kLine * kLine;
}

std::vector<L2HBlobSection> lay_out(L2HWeights& weights) {
  std::vector<L2HBlobSection> sections;
  visit_sections(weights, [&](const auto* array, int64_t count) {
    sections.push_back({0, static_cast<uint64_t>(count) * sizeof(*array)});
  });
  uint64_t offset = sizeof(L2HBlobHeader) + sections.size() * sizeof(L2HBlobSection);
  for (L2HBlobSection& section : sections) {
    section.offset = align(offset);
    offset = section.offset + section.bytes;
  }
  return sections;
}

uint64_t end_of(const std::vector<L2HBlobSection>& sections) {
  return align(sections.back().offset + sections.back().bytes);
}

const std::byte* directory_of(const void* blob) { return static_cast<const std::byte*>(blob) + sizeof(L2HBlobHeader); }

L2HBlobHeader header_of(const void* blob) {
  L2HBlobHeader header;
  std::memcpy(&header, blob, sizeof(header));
  return header;
}

}  // namespace

const char* l2h_part_name(L2HPart part) {
  switch (part) {
    case L2HPart::kNet:
      return "net";
    case L2HPart::kTrunk:
      return "trunk";
    case L2HPart::kDenseBlock:
      return "dense block";
    case L2HPart::kTail:
      return "tail";
  }
  return "unknown part";
}

Products fast_products(CpuIsa isa) { return cpu_has_fast_bf16(isa) ? Products::kBfloat16 : Products::kFloat32; }

Products int8_products(CpuIsa isa) { return cpu_has_fast_bf16(isa) ? Products::kInt8AndBfloat16 : Products::kInt8; }

Bf16SplitLayer L2HSizes::split_last() const { return {features, kImageChannels, winograd_pad(kImageChannels)}; }

void L2HSizes::check() const {
  const auto check_size = [](const char* name, int64_t size, int64_t min, int64_t max) {
    require(size >= min && size <= max, std::string(name) + " must be " + std::to_string(min) + ".." +
                                            std::to_string(max) + ", got " + std::to_string(size));
  };
  const bool has_picture = part == L2HPart::kNet, has_tail = has_picture || part == L2HPart::kTail;
  const bool may_have_blocks = part != L2HPart::kTail;
  check_size("part", static_cast<int64_t>(part), 0, static_cast<int64_t>(L2HPart::kTail));
  check_size("products", static_cast<int64_t>(products), 0, static_cast<int64_t>(Products::kInt8AndBfloat16));
  check_size("features", features, 1, kMaxChannels);
  check_size("in_channels", in_channels, has_picture, has_picture ? kMaxChannels : 0);
  check_size("num_upsamplings", num_upsamplings, 0, has_tail ? kMaxUpsamplings : 0);
  check_size("num_dense_blocks", num_dense_blocks, may_have_blocks && !has_picture,
             part == L2HPart::kDenseBlock ? 1
             : may_have_blocks            ? kMaxDenseBlocks
                                          : 0);
  check_size("growth", growth, num_dense_blocks > 0, num_dense_blocks > 0 ? kMaxChannels : 0);
  require(part == L2HPart::kDenseBlock || num_dense_blocks % kBlocksPerRrdb == 0,
          "an RRDB has 3 dense blocks, got " + std::to_string(num_dense_blocks) + " in all");
}

int64_t l2h_blob_bytes(const L2HSizes& sizes) {
  sizes.check();
  L2HWeights weights = make_weights(sizes);
  return static_cast<int64_t>(end_of(lay_out(weights)));
}

// FNV-1a over words of 8 bytes.
uint64_t l2h_blob_checksum(const void* blob) {
  uint64_t hash = 0xCBF29CE484222325u;
  const auto add = [&](const void* begin, size_t bytes) {
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, static_cast<const std::byte*>(begin) + i, sizeof(word));
      hash = (hash ^ word) * 0x100000001B3u;
    }
  };
  add(blob, offsetof(L2HBlobHeader, checksum));
  add(directory_of(blob), static_cast<size_t>(header_of(blob).num_sections) * sizeof(L2HBlobSection));
  return hash;
}

void write_l2h_blob_header(const L2HSizes& sizes, void* blob) {
  sizes.check();
  L2HWeights weights = make_weights(sizes);
  const std::vector<L2HBlobSection> sections = lay_out(weights);
  const auto size = [](int64_t value) { return static_cast<int32_t>(value); };
  L2HBlobHeader header{};
  std::memcpy(header.magic, L2HBlobHeader::kMagic, sizeof(header.magic));
  header.byte_order = L2HBlobHeader::kByteOrder;
  header.version = L2HBlobHeader::kVersion;
  header.part = static_cast<int32_t>(sizes.part);
  header.products = static_cast<int32_t>(sizes.products);
  header.in_channels = size(sizes.in_channels);
  header.features = size(sizes.features);
  header.growth = size(sizes.growth);
  header.num_dense_blocks = size(sizes.num_dense_blocks);
  header.num_upsamplings = size(sizes.num_upsamplings);
  header.num_sections = static_cast<int32_t>(sections.size());
  header.bytes = end_of(sections);
  auto* out = static_cast<std::byte*>(blob);
  std::memset(out, 0, sections.front().offset);
  std::memcpy(out, &header, sizeof(header));
  std::memcpy(out + sizeof(header), sections.data(), sections.size() * sizeof(L2HBlobSection));
  header.checksum = l2h_blob_checksum(blob);
  std::memcpy(out, &header, sizeof(header));
}

L2HWeights read_l2h_blob(const void* blob, int64_t bytes) {
  require(bytes >= static_cast<int64_t>(sizeof(L2HBlobHeader)), "packed weights must have a header of " +
                                                                    std::to_string(sizeof(L2HBlobHeader)) +
                                                                    " bytes, got " + std::to_string(bytes) + " bytes");
  require(reinterpret_cast<uintptr_t>(blob) % kL2HBlobAlignment == 0,
          "packed weights must start at a multiple of " + std::to_string(kL2HBlobAlignment) + " bytes in memory");
  const L2HBlobHeader header = header_of(blob);
  require(std::memcmp(header.magic, L2HBlobHeader::kMagic, sizeof(header.magic)) == 0,
          "these are not packed weights: they do not start with SRDGANLH");
  require(header.byte_order == L2HBlobHeader::kByteOrder, "packed weights are of a machine with another byte order");
  require(header.version == L2HBlobHeader::kVersion, "packed weights must be of version " +
                                                         std::to_string(L2HBlobHeader::kVersion) + ", got version " +
                                                         std::to_string(header.version) + ": pack them anew");
  require(header.bytes == static_cast<uint64_t>(bytes), "packed weights must have the " + std::to_string(header.bytes) +
                                                            " bytes that their header says, got " +
                                                            std::to_string(bytes));
  L2HSizes sizes;
  sizes.part = static_cast<L2HPart>(header.part);
  sizes.products = static_cast<Products>(header.products);
  sizes.in_channels = header.in_channels;
  sizes.features = header.features;
  sizes.growth = header.growth;
  sizes.num_dense_blocks = header.num_dense_blocks;
  sizes.num_upsamplings = header.num_upsamplings;
  sizes.check();

  // The sizes determine everything else; header and directory must agree with that in full.
  L2HWeights weights = make_weights(sizes);
  const std::vector<L2HBlobSection> sections = lay_out(weights);
  const bool fits = end_of(sections) == header.bytes && static_cast<int64_t>(sections.size()) == header.num_sections;
  require(fits && std::memcmp(directory_of(blob), sections.data(), sections.size() * sizeof(L2HBlobSection)) == 0,
          "packed weights do not fit the sizes in their header");
  require(header.checksum == l2h_blob_checksum(blob), "packed weights have a damaged header");
  auto section = sections.begin();
  visit_sections(weights, [&](auto*& array, int64_t) {
    const void* start = static_cast<const std::byte*>(blob) + section++->offset;
    array = static_cast<std::remove_reference_t<decltype(array)>>(start);
  });
  return weights;
}

}  // namespace srdgan
