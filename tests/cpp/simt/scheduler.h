// The threads of the block that is being executed (kernel.h). A thread runs until it must wait for others.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/cpp/simt/banks.h"
#include "tests/cpp/simt/cp_async.h"
#include "tests/cpp/simt/fault.h"
#include "tests/cpp/simt/global_memory.h"
#include "tests/cpp/simt/ready_threads.h"
#include "tests/cpp/simt/shared_memory.h"

// CUDA's names for the place of the thread that is running.
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

namespace simt {

constexpr std::array<Order, 3> kOrders = {Order::kForward, Order::kBackward, Order::kRandom};
inline Order order = Order::kForward;  // of the next kernel

// ---- What the primitives are made of; called while a kernel is executed.

int thread_in_block();
inline int lane() { return thread_in_block() % kWarp; }

// All lanes of the warp call this, each with its own arguments. The last one to come calls `work` with those of all.
// Lanes that come from different lines are a fault.
void meet(const char* operation, Site site, void* arguments, void (*work)(void* const* lanes, Site site));

// All threads of the block that have not ended must call this.
void meet_block(Site site);

// What the bytes of shared memory hold that nothing was written to. It differs between the orders, so that a result
// made of it does, too. In kForward it is NaN in each floating-point type.
int poison();
SharedMemory& shared_memory();
// The running thread, and its warp, for shared_memory().
SharedMemory::Who this_lane();
SharedMemory::Who this_warp();
// Adds an access of the running thread to shared memory to `counts`.
void log_access(AccessKind kind, Site site, int32_t offset, int bytes);

// A fault unless `address`, in global memory, is a multiple of `bytes`.
void check_global(const void* address, size_t bytes, const char* operation, Site site);
// Notes an access to it; when the kernel has ended, a conflict between blocks is a fault.
void log_global(GlobalAccess kind, const void* address, size_t bytes, Site site);

// The running thread's copies.
Copies& copies();

// Whether the kernel before this one has not ended: what that one stores cannot be read yet.
bool is_ahead();
void wait_for_previous_kernel(Site site);
void allow_next_kernel(Site site);
// The line of the running thread's last primitive; line 0 if there was none.
Site last_site();

}  // namespace simt
