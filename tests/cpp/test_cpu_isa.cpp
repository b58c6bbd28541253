// The choice of the instruction set.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "csrc/common/cpu_isa.h"
#include "tests/cpp/check.h"

using namespace srdgan;

int main() {
  CHECK(choose_cpu_isa(nullptr) == best_cpu_isa(), "no request");
  CHECK(choose_cpu_isa("") == best_cpu_isa(), "an empty request");
  CHECK(cpu_supports(CpuIsa::kPortable), "portable code runs everywhere");
  for (CpuIsa isa : known_cpu_isas()) {
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
#if defined(__x86_64__)
  CHECK(message == "SRDGAN_RT_CPU_ISA must be avx512, avx2 or portable, got sse9", "%s", message.c_str());
#elif defined(__aarch64__)
  CHECK(message == "SRDGAN_RT_CPU_ISA must be neon_i8mm, neon_dotprod, neon or portable, got sse9", "%s",
        message.c_str());
#endif
  // For the test under emulators, which knows what their processors have.
  if (const char* expected = std::getenv("SRDGAN_TEST_BEST_ISA"))
    CHECK(std::string(cpu_isa_name(best_cpu_isa())) == expected, "best is %s", cpu_isa_name(best_cpu_isa()));
  CHECK(cpu_isa_name(best_cpu_isa()) == std::string(cpu_isa_name(*known_cpu_isas().begin())) ||
            !cpu_supports(*known_cpu_isas().begin()),
        "a better one is supported");
  return test_result();
}
