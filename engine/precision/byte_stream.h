// SPDX-License-Identifier: Apache-2.0
// Numbers and texts as bytes, and back with every bound checked. Little-endian, whatever the machine.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace lathe {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& to) : to_(to) {}
  void fixed(uint64_t value) {
    for (int i = 0; i < 8; ++i) to_ += static_cast<char>(value >> (8 * i));
  }
  void real(double value) { fixed(std::bit_cast<uint64_t>(value)); }
  /// Seven bits a byte: small numbers are short.
  void number(uint64_t value) {
    for (; value >= 128; value >>= 7) to_ += static_cast<char>(value | 128);
    to_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    number(value.size());
    to_ += value;
  }

 private:
  std::string& to_;
};

/// Each function tells whether it could read; what it gives is untouched where not.
class ByteReader {
 public:
  explicit ByteReader(std::string_view from) : from_(from) {}
  bool fixed(uint64_t& value) {
    if (from_.size() < 8) return false;
    value = 0;
    for (size_t i = 0; i < 8; ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(from_[i])) << (8 * i);
    from_.remove_prefix(8);
    return true;
  }
  bool real(double& value) {
    uint64_t bits = 0;
    if (!fixed(bits)) return false;
    value = std::bit_cast<double>(bits);
    return true;
  }
  bool number(uint64_t& value) {
    uint64_t made = 0;
    for (int shift = 0; shift < 64 && !from_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(from_.front());
      from_.remove_prefix(1);
      made |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte >= 128) continue;
      value = made;
      return true;
    }
    return false;
  }
  bool text(std::string& value) {
    uint64_t size = 0;
    if (!number(size) || size > from_.size()) return false;
    value.assign(from_.substr(0, size));
    from_.remove_prefix(size);
    return true;
  }
  bool at_end() const { return from_.empty(); }

 private:
  std::string_view from_;
};

}  // namespace lathe
