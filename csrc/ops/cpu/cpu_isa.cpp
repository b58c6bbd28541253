#include "csrc/common/cpu_isa.h"

#include <torch/csrc/stable/library.h>

#include <string>

namespace srdgan {
namespace {

std::string cpu_isa() { return cpu_isa_name(process_isa()); }
bool has_vnni() { return cpu_supports_vnni(process_isa()); }

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CompositeExplicitAutograd, m) {
  m.impl("cpu_isa", TORCH_BOX(&srdgan::cpu_isa));
  m.impl("has_vnni", TORCH_BOX(&srdgan::has_vnni));
}
