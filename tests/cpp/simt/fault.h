// How a kernel's faults are told.
#pragma once

#include <stdexcept>
#include <string>

namespace simt {

// A line of a kernel's source.
struct Site {
  const char* file = "";
  int line = 0;
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

inline std::string name(Site site) { return std::string(site.file) + ":" + std::to_string(site.line); }

// "file:line: block (x, y, z), thread (x, y, z): what is wrong". Thrown by the launch.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Ends the kernel that is being executed.
[[noreturn, gnu::format(printf, 2, 3)]] void fail(Site site, const char* format, ...);

}  // namespace simt
