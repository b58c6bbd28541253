// A test is a program: CHECK counts and prints what fails, `return test_result()` tells ctest.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

inline int num_checks = 0;
inline int num_failures = 0;

#define CHECK(condition, ...)                                     \
  do {                                                            \
    ++num_checks;                                                 \
    if (!(condition)) {                                           \
      ++num_failures;                                             \
      std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                   \
      std::printf("\n");                                          \
    }                                                             \
  } while (false)

// A test that checked nothing has not passed.
inline int test_result() {
  std::printf("%d checks, %d failures\n", num_checks, num_failures);
  return num_failures == 0 && num_checks > 0 ? 0 : 1;
}

// Repeatable numbers in [-1, 1).
inline std::vector<float> random_floats(int64_t count, uint32_t seed) {
  std::vector<float> values(count);
  uint32_t state = seed * 2654435761u + 1u;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return values;
}
