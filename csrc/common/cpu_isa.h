// Which instruction set the CPU kernels use.
#pragma once

namespace srdgan {

enum class CpuIsa {
  kPortable,
  kAvx2,
  kAvx512,
  kNeon,         // of every 64-bit ARM processor
  kNeonDotprod,  // with sums of four products of signed bytes (Armv8.2-A, optional there)
  kNeonI8mm,     // and of signed with unsigned bytes (Armv8.6-A)
};

// The instruction sets that the kernels have for this architecture, best first, behind them kPortable.
struct CpuIsas {
  const CpuIsa* first;
  int count;
  const CpuIsa* begin() const { return first; }
  const CpuIsa* end() const { return first + count; }
};
CpuIsas known_cpu_isas();

// The best one that this processor and its operating system support.
CpuIsa best_cpu_isa();

// Whether this processor can run `isa`.
bool cpu_supports(CpuIsa isa);

// Whether this processor has instructions for the registers of `isa` that multiply bytes and add four products to a sum
// of 32 bits: VNNI, dotprod, i8mm. Without them int8 is slower than float.
bool cpu_has_fast_int8(CpuIsa isa);

// Whether this processor, used with `isa`, multiplies matrices of bytes (AMX), and the operating system lets this
// process do so.
bool cpu_has_int8_matrices(CpuIsa isa);

// Whether this processor, used with `isa`, multiplies matrices of bfloat16 (AMX), and the operating system lets this
// process do so. Without that, bfloat16 is slower than float.
bool cpu_has_fast_bf16(CpuIsa isa);

// "portable", "avx2", "avx512", "neon", "neon_dotprod" or "neon_i8mm".
const char* cpu_isa_name(CpuIsa isa);

// The choice for this process: `requested` where it is a known name that the processor supports, the best one where it
// is null or empty. Throws std::invalid_argument with a one-line message otherwise.
CpuIsa choose_cpu_isa(const char* requested);

// The choice for this process, by the environment variable SRDGAN_RT_CPU_ISA at first use.
CpuIsa process_isa();

}  // namespace srdgan
