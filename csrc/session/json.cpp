#include "csrc/session/json.h"

#include <cstring>

#include "csrc/session/failure.h"

namespace srdgan {
namespace {

void append_utf8(std::string& text, uint32_t code) {
  const auto put = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

}  // namespace

void JsonReader::fail(const std::string& expected) const {
  throw Failure(StatusCode::kBadModel,
                kNoSafetensors + ("its header has no " + expected) + " at byte " + std::to_string(next_ - begin_));
}

void JsonReader::skip_space() {
  while (next_ < end_ && std::strchr(" \t\r\n", *next_) != nullptr && *next_ != 0) ++next_;
}

bool JsonReader::accept(char c) {
  skip_space();
  if (next_ == end_ || *next_ != c) return false;
  ++next_;
  return true;
}

void JsonReader::expect(char c) {
  if (!accept(c)) fail(std::string("'") + c + "'");
}

char JsonReader::take() {
  if (next_ == end_) fail("end of a string");
  return *next_++;
}

uint32_t JsonReader::read_hex() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = take();
    const char* digits = "0123456789abcdef";
    const char* found = c == 0 ? nullptr : std::strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    if (found == nullptr) fail("four hexadecimal digits");
    code = code * 16 + static_cast<uint32_t>(found - digits);
  }
  return code;
}

std::string JsonReader::read_string() {
  expect('"');
  std::string text;
  for (char c = take(); c != '"'; c = take()) {
    if (static_cast<unsigned char>(c) < ' ') fail("printable character");
    if (c != '\\') {
      text += c;
      continue;
    }
    const char* escapes = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const char escape = take();
    if (escape == 'u') {
      uint32_t code = read_hex();
      if (code >= 0xD800 && code < 0xDC00) {
        if (take() != '\\' || take() != 'u') fail("second half of a character");
        const uint32_t low = read_hex();
        if (low < 0xDC00 || low > 0xDFFF) fail("second half of a character");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code <= 0xDFFF) {
        fail("first half of a character");
      }
      append_utf8(text, code);
      continue;
    }
    const char* found = escapes;
    while (*found != 0 && *found != escape) found += 2;
    if (*found == 0) fail("known escape");
    text += found[1];
  }
  return text;
}

int64_t JsonReader::read_size() {
  skip_space();
  constexpr int64_t kMax = int64_t{1} << 50;
  const char* first = next_;
  int64_t value = 0;
  for (; next_ < end_ && *next_ >= '0' && *next_ <= '9'; ++next_) {
    value = value * 10 + (*next_ - '0');
    if (value > kMax) fail("number below 2^50");
  }
  if (next_ == first) fail("whole number");
  return value;
}

void JsonReader::expect_end() {
  skip_space();
  if (next_ != end_) fail("end");
}

}  // namespace srdgan
