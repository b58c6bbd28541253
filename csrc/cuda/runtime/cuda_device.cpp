#include <new>
#include <stdexcept>
#include <string>

#include "csrc/cuda/open_device.h"
#include "csrc/kernels/cuda/read_gpu.h"

namespace srdgan::gpu {
namespace {

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // so that no later call returns it
  if (error == cudaErrorMemoryAllocation) throw std::bad_alloc();
  throw std::runtime_error(std::string("CUDA cannot ") + what + ": " + cudaGetErrorString(error));
}

// Whether memory was there.
bool check_memory(cudaError_t error, const char* what) {
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return false;
  }
  check(error, what);
  return true;
}

cudaEvent_t cuda(Event event) { return reinterpret_cast<cudaEvent_t>(event); }
cudaGraphExec_t cuda(Graph graph) { return reinterpret_cast<cudaGraphExec_t>(graph); }

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int index) : index_(index) {
    int count = 0;
    check(cudaGetDeviceCount(&count), "count the GPUs");
    if (index < 0 || index >= count)
      throw std::runtime_error("the GPU must be 0.." + std::to_string(count - 1) + ", got " + std::to_string(index));
  }

  int enter() override {
    int before = 0;
    check(cudaGetDevice(&before), "name its GPU");
    if (before != index_) check(cudaSetDevice(index_), "choose a GPU");
    return before;
  }
  void leave(int before) override {
    if (before != index_) cudaSetDevice(before);
  }

  int64_t free_bytes() override {
    size_t free = 0, all = 0;
    check(cudaMemGetInfo(&free, &all), "tell the free memory");
    return static_cast<int64_t>(free);
  }
  Gpu gpu() override {
    Gpu gpu{};
    check(read_gpu(index_, &gpu), "describe the GPU");
    return gpu;
  }

  void* allocate(int64_t bytes) override {
    void* memory = nullptr;
    return check_memory(cudaMalloc(&memory, static_cast<size_t>(bytes)), "allocate memory") ? memory : nullptr;
  }
  void free(void* memory) override { cudaFree(memory); }
  void* allocate_pinned(int64_t bytes) override {
    void* memory = nullptr;
    return check_memory(cudaMallocHost(&memory, static_cast<size_t>(bytes)), "allocate memory") ? memory : nullptr;
  }
  void free_pinned(void* memory) override { cudaFreeHost(memory); }

  cudaStream_t create_stream() override {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "create a stream");
    return stream;
  }
  void destroy(cudaStream_t stream) override { cudaStreamDestroy(stream); }
  Event create_event() override {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "create an event");
    return reinterpret_cast<Event>(event);
  }
  void destroy(Event event) override { cudaEventDestroy(cuda(event)); }

  void copy(void* to, const void* from, int64_t bytes, cudaStream_t stream) override {
    check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault, stream), "copy");
  }
  void record(Event event, cudaStream_t stream) override { check(cudaEventRecord(cuda(event), stream), "record"); }
  void wait(cudaStream_t stream, Event event) override { check(cudaStreamWaitEvent(stream, cuda(event), 0), "wait"); }
  void synchronize(Event event) override { check(cudaEventSynchronize(cuda(event)), "compute"); }

  void begin_capture(cudaStream_t stream) override {
    // Other threads, such as PyTorch's, may allocate meanwhile.
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "record a graph");
  }
  Graph end_capture(cudaStream_t stream) override {
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream, &graph), "record a graph");
    cudaGraphExec_t executable = nullptr;
    const cudaError_t error = cudaGraphInstantiateWithFlags(&executable, graph, 0);
    cudaGraphDestroy(graph);
    return check_memory(error, "prepare a graph") ? reinterpret_cast<Graph>(executable) : nullptr;
  }
  void launch(Graph graph, cudaStream_t stream) override {
    check(cudaGraphLaunch(cuda(graph), stream), "launch a graph");
  }
  void destroy(Graph graph) override { cudaGraphExecDestroy(cuda(graph)); }

 private:
  int index_;
};

}  // namespace

std::unique_ptr<Device> open_device(int index) { return std::make_unique<CudaDevice>(index); }

}  // namespace srdgan::gpu
