// What launchers must know of a GPU, and when a kernel may start. Host code.
#pragma once

#include <cstdint>

namespace srdgan::gpu {

struct Gpu {
  int64_t multiprocessor_shared_bytes;  // cudaDevAttrMaxSharedMemoryPerMultiprocessor: decides how large tiles are
  int compute_capability;               // times ten

  bool can_start_early() const { return compute_capability >= 90; }
};

enum class Start {
  kInTurn,  // when the work before it in the stream has finished
  // Programmatic dependent launch: as soon as each block of the kernel before has called allow_next_kernel() or ended.
  // All threads must call wait_for_previous_kernel(), and may only read before it what no kernel writes, such as
  // weights. Only where Gpu::can_start_early(), and directly behind another kernel.
  kEarly,
};

}  // namespace srdgan::gpu
