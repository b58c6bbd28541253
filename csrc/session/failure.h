// What goes wrong inside a session, until the interface makes a Status of it.
#pragma once

#include <stdexcept>
#include <string>

#include "include/srdgan/session.h"

namespace srdgan {

class Failure : public std::runtime_error {
 public:
  Failure(StatusCode code, const std::string& message) : std::runtime_error(message), code(code) {}
  StatusCode code;
};

// The model file breaks a rule.
inline void require_model(bool condition, const std::string& message) {
  if (!condition) throw Failure(StatusCode::kBadModel, message);
}

// An argument of the caller breaks a rule.
inline void require_argument(bool condition, const std::string& message) {
  if (!condition) throw Failure(StatusCode::kInvalidArgument, message);
}
// Makes no std::string, which allocates, unless it fails.
inline void require_argument(bool condition, const char* message) {
  if (!condition) throw Failure(StatusCode::kInvalidArgument, message);
}

// One printable line; a file can put anything into names. Longer ones are cut.
inline Status make_status(StatusCode code, const char* message) noexcept {
  Status status;
  status.code = code;
  size_t length = 0;
  for (; message[length] != 0 && length + 1 < sizeof(status.message); ++length) {
    const char c = message[length];
    status.message[length] = c >= ' ' && c <= '~' ? c : '?';
  }
  status.message[length] = 0;
  return status;
}

}  // namespace srdgan
