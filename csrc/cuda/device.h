// All that the backend asks of CUDA. cuda_device.h does it on a GPU; the tests have a device on the CPU, which executes
// the kernels by tests/cpp/simt (docs/design/simt.md), so that they run the same code as a GPU does.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <utility>

#include "csrc/kernels/cuda/gpu.h"

namespace srdgan::gpu {

// Work that was queued in a stream up to a point of it.
using Event = struct EventHandle*;
// A recorded sequence of work, which can be queued again and again.
using Graph = struct GraphHandle*;

// Functions throw std::runtime_error where CUDA refuses, and std::bad_alloc where it lacks memory, as a launch may,
// unless they say so otherwise.
class Device {
 public:
  virtual ~Device() = default;

  // Makes this the calling thread's device; returns what leave() needs. See DeviceScope.
  virtual int enter() = 0;
  virtual void leave(int before) = 0;

  virtual int64_t free_bytes() = 0;
  virtual Gpu gpu() = 0;

  // Null where there is not enough memory. Contents do not matter. Freed only when no queued work uses it.
  virtual void* allocate(int64_t bytes) = 0;
  virtual void free(void* memory) = 0;
  // Memory of the host from and to which copies run while the processor and kernels work.
  virtual void* allocate_pinned(int64_t bytes) = 0;
  virtual void free_pinned(void* memory) = 0;

  virtual cudaStream_t create_stream() = 0;
  virtual void destroy(cudaStream_t stream) = 0;
  virtual Event create_event() = 0;
  virtual void destroy(Event event) = 0;

  // Queues a copy between device and pinned memory, or inside either.
  virtual void copy(void* to, const void* from, int64_t bytes, cudaStream_t stream) = 0;
  // From now on `event` stands for the work that is in the stream now.
  virtual void record(Event event, cudaStream_t stream) = 0;
  // Later work of the stream waits for an event as it was recorded last; not at all if it never was.
  virtual void wait(cudaStream_t stream, Event event) = 0;
  // The calling thread waits for it.
  virtual void synchronize(Event event) = 0;

  // Work that is queued between these two is not run but recorded.
  virtual void begin_capture(cudaStream_t stream) = 0;
  // Null where there is not enough memory for the graph.
  virtual Graph end_capture(cudaStream_t stream) = 0;
  virtual void launch(Graph graph, cudaStream_t stream) = 0;
  virtual void destroy(Graph graph) = 0;
};

class DeviceScope {
 public:
  explicit DeviceScope(Device& device) : device_(device), before_(device.enter()) {}
  ~DeviceScope() { device_.leave(before_); }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  Device& device_;
  int before_;
};

// Something of a device that is destroyed with its owner.
template <typename Handle, void (Device::*kDestroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  Owned(Device& device, Handle handle) : device_(&device), handle_(handle) {}
  Owned(Owned&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_ != nullptr) (device_->*kDestroy)(handle_);
  }

  Handle get() const { return handle_; }

 private:
  Device* device_ = nullptr;
  Handle handle_ = nullptr;
};

using OwnedMemory = Owned<void*, &Device::free>;
using OwnedPinned = Owned<void*, &Device::free_pinned>;
using OwnedStream = Owned<cudaStream_t, &Device::destroy>;
using OwnedEvent = Owned<Event, &Device::destroy>;
using OwnedGraph = Owned<Graph, &Device::destroy>;

}  // namespace srdgan::gpu
