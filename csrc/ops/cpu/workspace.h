// Memory for the time of a call.
#pragma once

#include <cstdint>

namespace srdgan {

// Floats with any contents, the first of them on a cache line. Some memory stays with the process for later calls of
// any thread, because new pages from the system take up to a tenth of the time of a small picture.
class Workspace {
 public:
  // Throws if there is not enough memory.
  explicit Workspace(int64_t floats);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  float* data() const { return data_; }

  static constexpr int64_t kLine = 16;  // floats
  // The first cache line in memory of another origin, which must be kLine floats longer.
  static float* align(float* p);

  // Bytes that are kept at most.
  static constexpr int64_t kKept = int64_t{128} << 20;

 private:
  int64_t floats_;
  float* data_;
};

}  // namespace srdgan
