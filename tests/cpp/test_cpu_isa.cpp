// The choice of the instruction set.
#include <stdexcept>
#include <string>

#include "csrc/common/cpu_isa.h"
#include "tests/cpp/check.h"

using namespace srdgan;

int main() {
  CHECK(choose_cpu_isa(nullptr) == best_cpu_isa(), "no request");
  CHECK(choose_cpu_isa("") == best_cpu_isa(), "an empty request");
  CHECK(cpu_supports(CpuIsa::kPortable), "portable code runs everywhere");
  for (CpuIsa isa : {CpuIsa::kPortable, CpuIsa::kAvx2, CpuIsa::kAvx512}) {
    const char* name = cpu_isa_name(isa);
    std::string message;
    try {
      CHECK(choose_cpu_isa(name) == isa, "%s", name);
    } catch (const std::invalid_argument& error) {
      message = error.what();
    }
    CHECK(cpu_supports(isa) == message.empty(), "%s: %s", name, message.c_str());
  }
  std::string message;
  try {
    choose_cpu_isa("sse9");
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  CHECK(message == "SRDGAN_RT_CPU_ISA must be avx512, avx2 or portable, got sse9", "%s", message.c_str());
  return test_result();
}
