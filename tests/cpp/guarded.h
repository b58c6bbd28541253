// Memory of just the size that was asked for, without a single usable number in it, and a guard behind it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

constexpr float kUntouched = 12345.0f;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class Guarded {
 public:
  explicit Guarded(int64_t floats) : floats_(floats), memory_(floats + kGuard, kUntouched) { forget(); }
  float* data() { return memory_.data(); }
  // Fills it with NaNs again, as scratch memory for the next call.
  float* forget() {
    std::fill_n(memory_.begin(), floats_, kNan);
    return data();
  }
  // Whether nothing was written behind it.
  bool kept() const {
    return std::all_of(memory_.begin() + floats_, memory_.end(), [](float v) { return v == kUntouched; });
  }

 private:
  static constexpr int64_t kGuard = 4096;
  int64_t floats_;
  std::vector<float> memory_;
};
