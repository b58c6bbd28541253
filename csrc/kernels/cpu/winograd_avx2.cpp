#include "csrc/kernels/cpu/winograd.h"

#if defined(__x86_64__)

#pragma GCC target("avx2,fma")

namespace srdgan {
namespace {

constexpr int kLanes = 8;
constexpr int kBlockTiles = 6;
constexpr int kBlockVectors = 2;

#include "csrc/kernels/cpu/winograd_lanes.h"

}  // namespace

const WinogradIsa& winograd_avx2() {
  static constexpr WinogradIsa isa = {transform_input, multiply, transform_output};
  return isa;
}

}  // namespace srdgan

#endif
