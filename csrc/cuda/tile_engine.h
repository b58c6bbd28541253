// Runs tiles through a network on one device. While one tile is computed, the next one is copied to the device, and the
// last one's result from it. All launches of a tile are one CUDA graph, recorded once for a shape; after that, nothing
// is allocated. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/cuda/device.h"
#include "csrc/cuda/tile_memory.h"

namespace srdgan::gpu {

// Memory of the device that no tile takes: kernels that are loaded, and graphs, need some.
constexpr int64_t kReservedBytes = int64_t{100} << 20;

struct EngineOptions {
  ElementType type;
  bool half_sums;  // see Context
  float negative_slope;
  TileFormat picture;
  TileFormat result;
};

class TileEngine {
 public:
  // packed: of pack_net for `options.type`, packed_net_bytes() bytes on the host; copied. Throws std::invalid_argument
  // where the sizes are wrong, std::bad_alloc where not even the weights fit into the device's memory.
  TileEngine(Device& device, const NetSizes& sizes, const EngineOptions& options, const void* packed);
  ~TileEngine();
  TileEngine(const TileEngine&) = delete;
  TileEngine& operator=(const TileEngine&) = delete;

  const NetSizes& sizes() const { return sizes_; }
  const EngineOptions& options() const { return options_; }
  // 0 x 0 before prepare() and where it failed.
  const TileShape& shape() const { return shape_; }

  // Memory on the device for tiles of a shape, besides the weights.
  int64_t device_bytes(const TileShape& shape) const;
  // Plans, allocates and records for tiles of a shape; what was prepared for another one is freed first, once its work
  // is done. False where memory does not suffice: then nothing is prepared.
  bool prepare(const TileShape& shape);
  // Forgets the tiles that were not taken yet and the prepared shape, after an error: prepare() must come again.
  void discard();

  // Of the tiles that follow, all of the prepared shape, each is one begin(), one submit_...(), and, for results on the
  // host, one take(). At most kSlots results may be waiting to be taken.

  // Memory of the host for the next tile's samples; waits until it is free.
  void* begin();
  // Queues the tile whose samples are there. Its result comes to the host.
  void submit();
  // Waits for the oldest result that was not taken yet. It stays until kSlots - 1 further tiles were submitted.
  const void* take();

  // The same with samples and results in the device's memory: no begin(), no take(). picture: null for what was put
  // into begin()'s memory. `caller` is the stream in which the caller's work on both memories is queued, before and
  // after.
  void submit_on_device(const void* picture, void* result, cudaStream_t caller);

 private:
  struct Slot {
    OwnedGraph graph;
    OwnedEvent uploaded, computed, delivered;  // the tile's samples, its result, its result at its destination
  };
  L2HNetRun make_run(const TileShape& shape) const;
  TileMemory plan(const TileShape& shape) const;
  bool allocate_and_record(const TileShape& shape, const TileMemory& memory);
  bool allocate(const TileMemory& memory);
  bool record_graphs(const TileShape& shape, const TileMemory& memory);
  void load_kernels(const L2HNetRun& run, const TileShape& shape, const TileMemory& memory);
  void queue_kernels(const L2HNetRun& run, const TileShape& shape, const TileMemory& memory, int slot);
  void require_shape() const;
  void upload_and_compute(const void* picture);
  unsigned char* on_device(int64_t offset) const { return static_cast<unsigned char*>(arena_.get()) + offset; }
  unsigned char* on_host(int64_t offset) const { return static_cast<unsigned char*>(pinned_.get()) + offset; }
  Slot& slot(int64_t tile) { return slots_[tile % kSlots]; }

  Device& device_;
  NetSizes sizes_;
  EngineOptions options_;
  NetLayers layers_;  // only their sizes
  Gpu gpu_;
  bool uses_wgmma_;
  OwnedStream upload_, compute_, deliver_;
  OwnedEvent caller_;
  OwnedMemory weights_, arena_;
  OwnedPinned pinned_;
  Slot slots_[kSlots];
  TileShape shape_;
  int64_t picture_bytes_ = 0, result_bytes_ = 0;
  int64_t picture_offsets_[kSlots] = {}, result_offsets_[kSlots] = {};
  int64_t submitted_ = 0, taken_ = 0;
  bool kernels_loaded_ = false;
};

}  // namespace srdgan::gpu
