// Switches between stacks, so that thousands of a kernel's threads can run in turn on one core.
#pragma once

#include <cstddef>

namespace simt {

// Saves the calling function's registers and stores its stack pointer in `*save`; goes on where `load` was saved.
extern "C" void simt_switch(void** save, void* load);

// The stack pointer with which simt_switch begins `entry` on the stack that ends at `top`. `entry` must not return.
void* new_fiber(std::byte* top, void (*entry)());

}  // namespace simt
