#include "csrc/common/cpu_isa.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace srdgan {

namespace {

#if defined(__x86_64__)

constexpr CpuIsa kBestFirst[] = {CpuIsa::kAvx512, CpuIsa::kAvx2, CpuIsa::kPortable};

// Not every Clang has names for them in __builtin_cpu_supports.
bool has_feature(int bit) {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> bit & 1) != 0;
}
bool has_avx_vnni() { return has_feature(4); }
bool has_avx512_bf16() { return has_feature(5); }

// Whether AMX multiplies numbers of this kind: kAmxBf16 or kAmxInt8.
constexpr unsigned kAmxBf16 = 1u << 22, kAmxInt8 = 1u << 25;
bool has_amx(unsigned numbers) {
#if defined(__linux__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  constexpr unsigned kTile = 1u << 24;
  if ((edx & numbers) == 0 || (edx & kTile) == 0) return false;
  // The tiles' 8 KB make a thread's saved state so much larger that Linux wants to be asked, once for the process.
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
#else
  (void)numbers;
  return false;
#endif
}

#elif defined(__aarch64__)

constexpr CpuIsa kBestFirst[] = {CpuIsa::kNeonI8mm, CpuIsa::kNeonDotprod, CpuIsa::kNeon, CpuIsa::kPortable};

#if defined(__APPLE__)
bool has_feature(const char* name) {
  int value = 0;
  size_t size = sizeof(value);
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}
bool has_dotprod() { return has_feature("hw.optional.arm.FEAT_DotProd"); }
bool has_i8mm() { return has_feature("hw.optional.arm.FEAT_I8MM"); }
#elif defined(__linux__)  // Android too
// Bits of the kernel's interface, which older headers do not name.
bool has_dotprod() { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }
bool has_i8mm() { return (getauxval(AT_HWCAP2) >> 13 & 1) != 0; }
#else
bool has_dotprod() { return false; }
bool has_i8mm() { return false; }
#endif

#else

constexpr CpuIsa kBestFirst[] = {CpuIsa::kPortable};

#endif

// "avx512, avx2 or portable"
std::string list_known_names() {
  std::string names;
  const CpuIsas known = known_cpu_isas();
  for (const CpuIsa& isa : known) {
    if (&isa != known.begin()) names += &isa + 1 == known.end() ? " or " : ", ";
    names += cpu_isa_name(isa);
  }
  return names;
}

}  // namespace

CpuIsas known_cpu_isas() { return {kBestFirst, static_cast<int>(sizeof(kBestFirst) / sizeof(kBestFirst[0]))}; }

bool cpu_supports(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kPortable:
      return true;
#if defined(__x86_64__)
    case CpuIsa::kAvx512:
      return __builtin_cpu_supports("avx512f");
    case CpuIsa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
    case CpuIsa::kNeon:
      return true;
    case CpuIsa::kNeonDotprod:
      return has_dotprod();
    case CpuIsa::kNeonI8mm:
      return has_dotprod() && has_i8mm();
#endif
    default:
      return false;
  }
}

bool cpu_has_fast_int8(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512) return cpu_supports(isa) && __builtin_cpu_supports("avx512vnni");
  if (isa == CpuIsa::kAvx2) return cpu_supports(isa) && has_avx_vnni();
#elif defined(__aarch64__)
  if (isa == CpuIsa::kNeonDotprod || isa == CpuIsa::kNeonI8mm) return cpu_supports(isa);
#endif
  (void)isa;
  return false;
}

bool cpu_has_int8_matrices(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512 && cpu_supports(isa)) {
    static const bool has = has_amx(kAmxInt8);
    return has;
  }
#endif
  (void)isa;
  return false;
}

bool cpu_has_fast_bf16(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa == CpuIsa::kAvx512 && cpu_supports(isa)) {
    static const bool has = has_avx512_bf16() && has_amx(kAmxBf16);
    return has;
  }
#endif
  (void)isa;
  return false;
}

CpuIsa best_cpu_isa() {
  for (CpuIsa isa : known_cpu_isas()) {
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
    case CpuIsa::kNeonI8mm:
      return "neon_i8mm";
    case CpuIsa::kNeonDotprod:
      return "neon_dotprod";
    case CpuIsa::kNeon:
      return "neon";
    case CpuIsa::kPortable:
      break;
  }
  return "portable";
}

CpuIsa choose_cpu_isa(const char* requested) {
  const std::string name = requested == nullptr ? "" : requested;
  if (name.empty()) return best_cpu_isa();
  for (CpuIsa isa : known_cpu_isas()) {
    if (name != cpu_isa_name(isa)) continue;
    if (!cpu_supports(isa)) throw std::invalid_argument("SRDGAN_RT_CPU_ISA=" + name + ": this processor lacks it");
    return isa;
  }
  throw std::invalid_argument("SRDGAN_RT_CPU_ISA must be " + list_known_names() + ", got " + name);
}

CpuIsa process_isa() {
  static const CpuIsa isa = choose_cpu_isa(std::getenv("SRDGAN_RT_CPU_ISA"));
  return isa;
}

}  // namespace srdgan
