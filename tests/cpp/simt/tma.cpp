#include "tests/cpp/simt/tma.h"

#include <algorithm>
#include <cstring>

#include "tests/cpp/simt/block.h"
#include "tests/cpp/simt/scheduler.h"
#include "tests/cpp/simt/wgmma.h"

using srdgan::gpu::TensorBox;
using srdgan::gpu::TensorMap;

namespace simt {
namespace {

constexpr int kPieceBytes = 16, kPieceElements = 8, kElementBytes = 2;

int box_bytes(const TensorBox& box) { return box.box[0] * box.box[1] * box.box[2] * box.box[3] * kElementBytes; }

// The address of the piece that begins there; null outside of the array.
const void* find(const TensorBox& box, const int64_t (&at)[4]) {
  const auto* address = static_cast<const std::byte*>(box.data);
  for (int axis = 0; axis < 4; ++axis) {
    if (at[axis] < 0 || at[axis] >= box.sizes[axis]) return nullptr;
    address += at[axis] * (axis == 0 ? kElementBytes : box.stride_bytes[axis - 1]);
  }
  return address;
}

}  // namespace

void bulk_copy(void* to, const void* from, int bytes, const void* barrier, Site site) {
  if (bytes <= 0 || bytes % kPieceBytes != 0) fail(site, "bulk_copy: %d bytes are no multiple of 16", bytes);
  check_global(from, kPieceBytes, "bulk_copy", site);
  std::vector<BulkCopy::Piece> pieces;
  for (int i = 0; i < bytes; i += kPieceBytes) {
    const int32_t offset = shared_memory().offset(static_cast<std::byte*>(to) + i, kPieceBytes, "bulk_copy", site);
    pieces.push_back({offset, static_cast<const std::byte*>(from) + i});
  }
  running->mbarriers.start(std::move(pieces), barrier, site);
}

void tma_load(void* to, const TensorMap& map, const int64_t (&first)[4], const void* barrier, Site site) {
  TensorBox box;
  std::memcpy(&box, map.bytes, sizeof box);
  const int alignment = std::max(128, 8 * box.swizzle_bytes);
  const int32_t start = shared_memory().offset(to, 1, "tma_load", site);
  if (start % alignment != 0) fail(site, "tma_load: byte %d must be aligned to %d", start, alignment);
  if (first[0] % kPieceElements != 0) fail(site, "tma_load: only multiples of 8 of the first axis are modelled");
  std::vector<BulkCopy::Piece> pieces;
  int64_t at[4];
  for (int i = 0; i < box_bytes(box); i += kPieceBytes) {
    int64_t element = i / kElementBytes;
    for (int axis = 0; axis < 4; ++axis) {
      at[axis] = first[axis] + element % box.box[axis];
      element /= box.box[axis];
    }
    const int32_t offset = swizzled(start + i, box.swizzle_bytes);
    shared_memory().offset(shared_memory().data() + offset, kPieceBytes, "tma_load", site);
    pieces.push_back({offset, find(box, at)});
  }
  running->mbarriers.start(std::move(pieces), barrier, site);
}

}  // namespace simt

namespace srdgan::gpu {

cudaError_t encode_tensor_map(const TensorBox& box, TensorMap* map) {
  static_assert(sizeof box <= sizeof map->bytes);
  bool valid = reinterpret_cast<uintptr_t>(box.data) % 16 == 0;
  for (int axis = 0; axis < 4; ++axis) {
    valid &= box.sizes[axis] > 0 && box.sizes[axis] <= int64_t{1} << 32 && box.box[axis] > 0 && box.box[axis] <= 256;
    if (axis > 0) {
      const int64_t stride = box.stride_bytes[axis - 1];
      valid &= stride > 0 && stride % 16 == 0 && stride < int64_t{1} << 40;
    }
  }
  // A box or an array that ends inside of 16 bytes is not modelled.
  valid &= box.box[0] % 8 == 0 && box.sizes[0] % 8 == 0;
  const int swizzle = box.swizzle_bytes;
  valid &= swizzle == 0 || ((swizzle == 32 || swizzle == 64 || swizzle == 128) && box.box[0] * 2 <= swizzle);
  if (!valid) return cudaErrorInvalidValue;
  std::memset(map, 0, sizeof *map);
  std::memcpy(map->bytes, &box, sizeof box);
  return cudaSuccess;
}

}  // namespace srdgan::gpu
