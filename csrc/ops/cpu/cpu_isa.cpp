#include "csrc/common/cpu_isa.h"

#include <torch/csrc/stable/library.h>

#include <string>

namespace srdgan {
namespace {

std::string cpu_isa() { return cpu_isa_name(process_isa()); }

// Those that this processor has, best first, with spaces between.
std::string cpu_isas() {
  std::string names;
  for (CpuIsa isa : known_cpu_isas()) {
    if (cpu_supports(isa)) names += (names.empty() ? "" : " ") + std::string(cpu_isa_name(isa));
  }
  return names;
}

bool has_fast_bf16() { return cpu_has_fast_bf16(process_isa()); }
bool has_fast_int8() { return cpu_has_fast_int8(process_isa()); }

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CompositeExplicitAutograd, m) {
  m.impl("cpu_isa", TORCH_BOX(&srdgan::cpu_isa));
  m.impl("cpu_isas", TORCH_BOX(&srdgan::cpu_isas));
  m.impl("has_fast_bf16", TORCH_BOX(&srdgan::has_fast_bf16));
  m.impl("has_fast_int8", TORCH_BOX(&srdgan::has_fast_int8));
}
