// The instruction sets that a test runs: all that this processor has or, where SRDGAN_TEST_ISA names one, that one
// alone, for emulated processors that are slow (emulate_avx512.sh passes the variable on).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "csrc/common/cpu_isa.h"

inline std::vector<srdgan::CpuIsa> find_tested_isas() {
  using srdgan::CpuIsa;
  const char* only = std::getenv("SRDGAN_TEST_ISA");
  std::vector<CpuIsa> isas;
  for (CpuIsa isa : srdgan::known_cpu_isas()) {
    if (only != nullptr && std::string(only) != srdgan::cpu_isa_name(isa)) continue;
    if (srdgan::cpu_supports(isa)) {
      isas.insert(isas.begin(), isa);  // the best one comes last
    } else {
      std::printf("this processor lacks %s\n", srdgan::cpu_isa_name(isa));
    }
  }
  return isas;
}

inline const std::vector<srdgan::CpuIsa>& tested_isas() {
  static const std::vector<srdgan::CpuIsa> isas = find_tested_isas();
  return isas;
}
