// Which instruction set the CPU kernels use.
#pragma once

namespace srdgan {

enum class CpuIsa { kPortable, kAvx2, kAvx512 };

// The best one that this processor and its operating system support.
CpuIsa best_cpu_isa();

// Whether this processor can run `isa`.
bool cpu_supports(CpuIsa isa);

// Whether this processor has VNNI for the registers of `isa`: an instruction that multiplies bytes and adds four
// products to a sum of 32 bits.
bool cpu_supports_vnni(CpuIsa isa);

// "portable", "avx2" or "avx512".
const char* cpu_isa_name(CpuIsa isa);

// The choice for this process: `requested` where it is a known name that the processor supports, the best one where it
// is null or empty. Throws std::invalid_argument with a one-line message otherwise.
CpuIsa choose_cpu_isa(const char* requested);

// The choice for this process, by the environment variable SRDGAN_RT_CPU_ISA at first use.
CpuIsa process_isa();

}  // namespace srdgan
