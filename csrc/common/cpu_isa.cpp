#include "csrc/common/cpu_isa.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace srdgan {

namespace {
constexpr CpuIsa kBestFirst[] = {CpuIsa::kAvx512, CpuIsa::kAvx2, CpuIsa::kPortable};

#if defined(__x86_64__)
// Not every Clang has a name for it in __builtin_cpu_supports.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 4 & 1) != 0;
}
#endif
}  // namespace

bool cpu_supports(CpuIsa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case CpuIsa::kAvx512:
      return __builtin_cpu_supports("avx512f");
    case CpuIsa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuIsa::kPortable:
      return true;
  }
#endif
  return isa == CpuIsa::kPortable;
}

bool cpu_supports_vnni(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512) return cpu_supports(isa) && __builtin_cpu_supports("avx512vnni");
  if (isa == CpuIsa::kAvx2) return cpu_supports(isa) && has_avx_vnni();
#endif
  (void)isa;
  return false;
}

CpuIsa best_cpu_isa() {
  for (CpuIsa isa : kBestFirst) {
    if (cpu_supports(isa)) return isa;
  }
  return CpuIsa::kPortable;
}

const char* cpu_isa_name(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kAvx512:
      return "avx512";
    case CpuIsa::kAvx2:
      return "avx2";
    case CpuIsa::kPortable:
      break;
  }
  return "portable";
}

CpuIsa choose_cpu_isa(const char* requested) {
  const std::string name = requested == nullptr ? "" : requested;
  if (name.empty()) return best_cpu_isa();
  for (CpuIsa isa : kBestFirst) {
    if (name != cpu_isa_name(isa)) continue;
    if (!cpu_supports(isa)) throw std::invalid_argument("SRDGAN_RT_CPU_ISA=" + name + ": this processor lacks it");
    return isa;
  }
  throw std::invalid_argument("SRDGAN_RT_CPU_ISA must be avx512, avx2 or portable, got " + name);
}

CpuIsa process_isa() {
  static const CpuIsa isa = choose_cpu_isa(std::getenv("SRDGAN_RT_CPU_ISA"));
  return isa;
}

}  // namespace srdgan
