// Errors inside a session. The interface, which throws nothing, makes a Status of them.
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

// Begins messages about files that are no safetensors files.
constexpr const char* kNoSafetensors = "damaged, or not a safetensors file: ";

// An argument of the caller breaks a rule.
inline void require_argument(bool condition, const std::string& message) {
  if (!condition) throw Failure(StatusCode::kInvalidArgument, message);
}
// Makes no std::string, which allocates, unless it fails.
inline void require_argument(bool condition, const char* message) {
  if (!condition) throw Failure(StatusCode::kInvalidArgument, message);
}

// An enumeration, which C can set to any number, has none of its values 0 .. last.
template <typename Enum>
void require_choice(const char* name, Enum value, Enum last) {
  const auto index = static_cast<int32_t>(value), end = static_cast<int32_t>(last);
  require_argument(index >= 0 && index <= end,
                   std::string(name) + " must be 0.." + std::to_string(end) + ", got " + std::to_string(index));
}

// Bytes of the UTF-8 character that begins there; 0 where none does, as for control characters. Code points that are
// not characters (surrogates, those above U+10FFFF) and forms that are too long are none.
inline size_t utf8_length(const char* text) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= ' ' && byte(0) != 0x7f ? 1 : 0;
  if (byte(0) < 0xc0 || byte(0) >= 0xf8) return 0;
  const size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  uint32_t code = byte(0) & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;  // the terminating 0, too
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kFirst[] = {0, 0, 0xa0, 0x800, 0x10000};  // 0x80 .. 0x9f are control characters
  const bool is_character = code >= kFirst[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return is_character ? length : 0;
}

// One printable line of UTF-8; a file can put anything into names. Longer ones are cut.
inline Status make_status(StatusCode code, const char* message) noexcept {
  Status status;
  status.code = code;
  size_t end = 0;
  while (*message != 0) {
    const size_t length = utf8_length(message), stored = length > 0 ? length : 1;
    if (end + stored >= sizeof(status.message)) break;
    for (size_t i = 0; i < stored; ++i) status.message[end++] = length > 0 ? message[i] : '?';
    message += stored;
  }
  status.message[end] = 0;
  return status;
}

}  // namespace srdgan
