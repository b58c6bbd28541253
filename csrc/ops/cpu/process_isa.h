#pragma once

#include "csrc/common/cpu_isa.h"

namespace srdgan {

// The instruction set of this process: the best one, or what the environment variable SRDGAN_RT_CPU_ISA asks for at
// first use.
CpuIsa process_isa();

}  // namespace srdgan
