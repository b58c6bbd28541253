#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {
namespace {

constexpr int kLanes = 4;
constexpr int kBlockTiles = 3;
constexpr int kBlockVectors = 4;

#include "csrc/kernels/cpu/winograd_lanes.h"

}  // namespace

const WinogradIsa& winograd_portable() {
  static constexpr WinogradIsa isa = {transform_input, multiply, transform_output};
  return isa;
}

}  // namespace srdgan
