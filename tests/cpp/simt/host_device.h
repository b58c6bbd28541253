// A Device (csrc/cuda/device.h) on the CPU. Streams are queues of work. CUDA promises nothing about the order of work
// in different streams but what events say; so this device has several orders in which it runs them, all of them legal.
// Who forgets an event, or reads memory too early, gets another result in one of them, or a fault.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "csrc/cuda/device.h"
#include "tests/cpp/guarded_pages.h"
#include "tests/cpp/simt/kernel.h"

namespace simt {

// When streams run their work.
struct Timing {
  // The streams of these numbers, by their creation, run everything as soon as events allow; bit i is stream i. The
  // others run nothing before somebody waits for it.
  uint64_t eager_streams = 0;
  // Not 0: after each step, some streams run some of their work, by repeatable chance.
  uint32_t seed = 0;
};

// The order of work is wrong.
struct OrderFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The null stream is a caller who works at once: what it records is done, and it waits on the spot.
class HostDevice : public srdgan::gpu::Device {
 public:
  explicit HostDevice(Timing timing = {}, int64_t memory_bytes = int64_t{1} << 40,
                      const srdgan::gpu::Gpu& gpu = {100 << 10, 120});
  ~HostDevice() override;

  int enter() override { return 0; }
  void leave(int) override {}
  int64_t free_bytes() override { return memory_bytes - used_bytes; }
  srdgan::gpu::Gpu gpu() override { return gpu_; }
  void* allocate(int64_t bytes) override;
  void free(void* memory) override;
  void* allocate_pinned(int64_t bytes) override;
  void free_pinned(void* memory) override;
  cudaStream_t create_stream() override;
  void destroy(cudaStream_t stream) override;
  srdgan::gpu::Event create_event() override;
  void destroy(srdgan::gpu::Event event) override;
  void copy(void* to, const void* from, int64_t bytes, cudaStream_t stream) override;
  void record(srdgan::gpu::Event event, cudaStream_t stream) override;
  void wait(cudaStream_t stream, srdgan::gpu::Event event) override;
  void synchronize(srdgan::gpu::Event event) override;
  void begin_capture(cudaStream_t stream) override;
  srdgan::gpu::Graph end_capture(cudaStream_t stream) override;
  void launch(srdgan::gpu::Graph graph, cudaStream_t stream) override;
  void destroy(srdgan::gpu::Graph graph) override;

  int64_t memory_bytes;
  int64_t used_bytes = 0;
  // Counts since the beginning.
  int num_allocations = 0, num_kernels = 0, num_captures = 0, num_graph_launches = 0;
  int num_early_kernels = 0;  // that began before the end of the one before
  // Whether copies may use memory that is not this device's.
  bool takes_any_memory = false;
  // What was wrong with the destruction of something; destructors cannot throw.
  std::string fault;
  // The next so many allocations of device memory fail, however much there is.
  int num_failures_left = 0;

 private:
  struct Step;
  struct Stream;

  void require_no_capture(const char* what);
  void check_range(const void* memory, int64_t bytes);
  void* add_memory(int64_t bytes, const char* name);
  void remove_memory(void* memory);
  void queue(Stream& stream, Step step);
  void run_eager();
  void run_first(Stream& stream);
  void run_kernel(Stream& stream, const Launch& launch);
  bool is_ready(const Stream& stream) const;
  void finish(srdgan::gpu::Event event, int64_t record);

  Timing timing_;
  srdgan::gpu::Gpu gpu_;
  uint32_t random_state_;
  std::map<const void*, std::unique_ptr<GuardedPages>> memory_;
  std::vector<std::unique_ptr<Stream>> streams_;  // destroyed ones stay, as null
  Stream* capturing_ = nullptr;
};

}  // namespace simt
