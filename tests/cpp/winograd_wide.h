// AVX-512's text of the Winograd steps in narrower instructions: the compiler takes its vectors apart, and the
// arithmetic stays what it is. winograd_wide.cpp is compiled once for each namespace, with the flags of its instruction
// set.
#pragma once

#include "csrc/kernels/cpu/winograd.h"

namespace srdgan {

namespace wide_portable {
extern const WinogradIsa<Float32> kFloats;
extern const WinogradIsa<Int8> kBytes;
}  // namespace wide_portable

namespace wide_avx2 {  // on x86-64 alone
extern const WinogradIsa<Float32> kFloats;
extern const WinogradIsa<Int8> kBytes;
}  // namespace wide_avx2

}  // namespace srdgan
