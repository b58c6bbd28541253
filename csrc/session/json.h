// Reads the part of JSON that headers of safetensors files consist of: objects, arrays, strings and whole numbers.
#pragma once

#include <cstdint>
#include <string>

namespace srdgan {

class JsonReader {
 public:
  JsonReader(const char* begin, const char* end) : next_(begin), begin_(begin), end_(end) {}

  // Calls member(key) for each member of an object; it must read the value.
  template <typename Member>
  void read_object(const Member& member) {
    expect('{');
    if (accept('}')) return;
    do {
      const std::string key = read_string();
      expect(':');
      member(key);
    } while (accept(','));
    expect('}');
  }
  // Calls element() for each element of an array; it must read the value.
  template <typename Element>
  void read_array(const Element& element) {
    expect('[');
    if (accept(']')) return;
    do {
      element();
    } while (accept(','));
    expect(']');
  }
  std::string read_string();
  // A number of 0 or more.
  int64_t read_size();
  // Only white space may follow.
  void expect_end();

 private:
  void skip_space();
  bool accept(char c);
  void expect(char c);
  char take();
  uint32_t read_hex();
  [[noreturn]] void fail(const std::string& expected) const;

  const char* next_;
  const char* begin_;
  const char* end_;
};

}  // namespace srdgan
