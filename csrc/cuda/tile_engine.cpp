#include "csrc/cuda/tile_engine.h"

#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "csrc/kernels/cuda/conv_wgmma.h"

namespace srdgan::gpu {
namespace {

void check_launch(cudaError_t error) {
  if (error == cudaErrorMemoryAllocation) throw std::bad_alloc();
  if (error != cudaSuccess)
    throw std::runtime_error("CUDA refuses a kernel: error " + std::to_string(static_cast<int>(error)));
}

}  // namespace

TileEngine::TileEngine(Device& device, const NetSizes& sizes, const EngineOptions& options, const void* packed)
    : device_(device), sizes_(sizes), options_(options) {
  sizes.check();
  check_negative_slope(options.negative_slope);
  if (options.half_sums && options.type != ElementType::kFloat16)
    throw std::invalid_argument("sums in float16 need features in float16");
  layers_ = sizes.layers(nullptr, nullptr);
  const DeviceScope scope(device_);
  gpu_ = device_.gpu();
  uses_wgmma_ = uses_wgmma(gpu_, options.half_sums);
  upload_ = {device_, device_.create_stream()};
  compute_ = {device_, device_.create_stream()};
  deliver_ = {device_, device_.create_stream()};
  caller_ = {device_, device_.create_event()};
  for (Slot& slot : slots_) {
    slot.uploaded = {device_, device_.create_event()};
    slot.computed = {device_, device_.create_event()};
    slot.delivered = {device_, device_.create_event()};
  }
  const PackedPart part = packed_part(layers_, uses_wgmma_);
  weights_ = {device_, device_.allocate(part.bytes)};
  const OwnedPinned staging(device_, device_.allocate_pinned(part.bytes));
  if (weights_.get() == nullptr || staging.get() == nullptr) throw std::bad_alloc();
  std::memcpy(staging.get(), static_cast<const unsigned char*>(packed) + part.offset, static_cast<size_t>(part.bytes));
  device_.copy(weights_.get(), staging.get(), part.bytes, upload_.get());
  device_.record(caller_.get(), upload_.get());
  device_.synchronize(caller_.get());
}

TileEngine::~TileEngine() {
  try {
    discard();
  } catch (const std::exception&) {
    // The device has failed; whoever waits for a result learns it.
  }
}

L2HNetRun TileEngine::make_run(const TileShape& shape) const {
  return {NetWeights(layers_, weights_.get(), options_.negative_slope, uses_wgmma_), net_size(sizes_, shape)};
}

TileMemory TileEngine::plan(const TileShape& shape) const {
  return {sizes_, make_run(shape), options_.picture, options_.result, shape};
}

int64_t TileEngine::device_bytes(const TileShape& shape) const {
  check_shape(shape);
  return plan(shape).device_bytes();
}

bool TileEngine::prepare(const TileShape& shape) {
  check_shape(shape);
  if (shape == shape_) return true;
  const DeviceScope scope(device_);
  discard();
  const TileMemory memory = plan(shape);
  if (!allocate_and_record(shape, memory)) {
    discard();
    return false;
  }
  for (int slot = 0; slot < kSlots; ++slot) {
    picture_offsets_[slot] = memory.picture(slot);
    result_offsets_[slot] = memory.result(slot);
  }
  picture_bytes_ = memory.picture_bytes;
  result_bytes_ = memory.result_bytes;
  shape_ = shape;
  return true;
}

bool TileEngine::allocate_and_record(const TileShape& shape, const TileMemory& memory) {
  try {
    return allocate(memory) && record_graphs(shape, memory);
  } catch (const std::bad_alloc&) {  // a launch lacks memory
    return false;
  }
}

bool TileEngine::allocate(const TileMemory& memory) {
  if (memory.device_bytes() > device_.free_bytes() - kReservedBytes) return false;
  arena_ = {device_, device_.allocate(memory.device_bytes())};
  if (arena_.get() == nullptr) return false;
  pinned_ = {device_, device_.allocate_pinned(memory.pinned_bytes())};
  return pinned_.get() != nullptr;
}

bool TileEngine::record_graphs(const TileShape& shape, const TileMemory& memory) {
  const L2HNetRun run = make_run(shape);
  if (!kernels_loaded_) load_kernels(run, shape, memory);
  for (int slot = 0; slot < kSlots; ++slot) {
    device_.begin_capture(compute_.get());
    try {
      queue_kernels(run, shape, memory, slot);
    } catch (...) {
      try {
        const OwnedGraph unfinished(device_, device_.end_capture(compute_.get()));
      } catch (...) {  // the launch that failed has spoilt it; the first error says more
      }
      throw;
    }
    slots_[slot].graph = {device_, device_.end_capture(compute_.get())};
    if (slots_[slot].graph.get() == nullptr) return false;
  }
  return true;
}

void TileEngine::load_kernels(const L2HNetRun& run, const TileShape& shape, const TileMemory& memory) {
  // CUDA loads a kernel when it is launched first, which it cannot do while a graph is recorded.
  const auto mark_end = [&] { device_.record(slots_[0].delivered.get(), compute_.get()); };  // for discard()
  try {
    queue_kernels(run, shape, memory, 0);
  } catch (...) {  // those before the one that failed are queued
    mark_end();
    throw;
  }
  mark_end();
  kernels_loaded_ = true;
}

void TileEngine::queue_kernels(const L2HNetRun& run, const TileShape& shape, const TileMemory& memory, int slot) {
  const Context context{options_.type, options_.half_sums, gpu_, compute_.get()};
  const PictureInput picture{on_device(memory.picture(slot)),
                             options_.picture.type,
                             shape.height,
                             shape.width,
                             options_.picture.strides(shape.height, shape.width),
                             0,
                             0,
                             static_cast<int32_t>(sizes_.unshuffle),
                             static_cast<int32_t>(kPictureChannels)};
  const TileShape enlarged = result_shape(sizes_, shape);
  const PictureOutput result{on_device(memory.result(slot)),
                             options_.result.type,
                             options_.result.strides(enlarged.height, enlarged.width),
                             0,
                             0,
                             enlarged.height,
                             enlarged.width,
                             static_cast<int32_t>(kPictureChannels)};
  check_launch(run.launch(context, picture, result, on_device(memory.workspace())));
}

void TileEngine::discard() {
  const DeviceScope scope(device_);
  shape_ = {};  // first: what follows may throw
  submitted_ = taken_ = 0;
  for (Slot& slot : slots_) {
    // The last that a tile does is its delivery; one whose launch failed may only have been uploaded.
    for (const OwnedEvent* event : {&slot.uploaded, &slot.delivered}) device_.synchronize(event->get());
    slot.graph = {};
  }
  arena_ = {};
  pinned_ = {};
}

void TileEngine::require_shape() const {
  if (shape_ == TileShape{}) throw std::logic_error("prepare() must come before tiles");
}

void* TileEngine::begin() {
  require_shape();
  const DeviceScope scope(device_);
  device_.synchronize(slot(submitted_).uploaded.get());
  return on_host(picture_offsets_[submitted_ % kSlots]);
}

void TileEngine::upload_and_compute(const void* picture) {
  Slot& slot = this->slot(submitted_);
  const int index = static_cast<int>(submitted_ % kSlots);
  device_.wait(upload_.get(), slot.computed.get());  // reads the slot's samples until then
  device_.copy(on_device(picture_offsets_[index]), picture, picture_bytes_, upload_.get());
  device_.record(slot.uploaded.get(), upload_.get());
  device_.wait(compute_.get(), slot.uploaded.get());
  device_.wait(compute_.get(), slot.delivered.get());  // the slot's last result is read until then
  device_.launch(slot.graph.get(), compute_.get());
  device_.record(slot.computed.get(), compute_.get());
  device_.wait(deliver_.get(), slot.computed.get());
}

void TileEngine::submit() {
  require_shape();
  if (submitted_ - taken_ == kSlots) throw std::logic_error("take() must come before more tiles");
  const DeviceScope scope(device_);
  const int index = static_cast<int>(submitted_ % kSlots);
  upload_and_compute(on_host(picture_offsets_[index]));
  device_.copy(on_host(result_offsets_[index]), on_device(result_offsets_[index]), result_bytes_, deliver_.get());
  device_.record(slot(submitted_).delivered.get(), deliver_.get());
  ++submitted_;
}

const void* TileEngine::take() {
  if (submitted_ == taken_) throw std::logic_error("submit() must come before take()");
  const DeviceScope scope(device_);
  device_.synchronize(slot(taken_).delivered.get());
  return on_host(result_offsets_[taken_++ % kSlots]);
}

void TileEngine::submit_on_device(const void* picture, void* result, cudaStream_t caller) {
  require_shape();
  if (submitted_ != taken_) throw std::logic_error("take() must come before tiles on the device");
  const DeviceScope scope(device_);
  const int index = static_cast<int>(submitted_ % kSlots);
  device_.record(caller_.get(), caller);
  // Where the picture is the caller's, it may not be finished yet.
  if (picture != nullptr) device_.wait(upload_.get(), caller_.get());
  upload_and_compute(picture != nullptr ? picture : on_host(picture_offsets_[index]));
  // The result's memory may have belonged to work of the caller that still runs.
  device_.wait(deliver_.get(), caller_.get());
  device_.copy(result, on_device(result_offsets_[index]), result_bytes_, deliver_.get());
  device_.record(slot(submitted_).delivered.get(), deliver_.get());
  device_.wait(caller, slot(submitted_).delivered.get());
  taken_ = ++submitted_;
}

}  // namespace srdgan::gpu
