// SPDX-License-Identifier: Apache-2.0
// A number that changes with what it is made of: keys of files that keep what was found.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/tensor/tensor.h"

namespace lathe {

/// FNV-1a, eight bytes at a time.
class ContentHash {
 public:
  void add(const void* bytes, size_t count) {
    const auto* from = static_cast<const char*>(bytes);
    for (; count >= sizeof(uint64_t); from += sizeof(uint64_t), count -= sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, from, sizeof(word));
      mix(word);
    }
    for (; count > 0; ++from, --count) mix(static_cast<unsigned char>(*from));
  }
  void add(std::string_view text) {
    mix(text.size());
    add(text.data(), text.size());
  }
  void add(const Tensor& tensor) {
    mix(static_cast<uint64_t>(tensor.type()));
    for (const int64_t size : tensor.shape()) mix(static_cast<uint64_t>(size));
    if (tensor.type() == ElementType::string)
      for (const std::string& each : tensor.strings()) add(std::string_view(each));
    else
      add(tensor.raw(), tensor.bytes());
  }
  uint64_t value() const { return value_; }

 private:
  void mix(uint64_t word) {
    value_ = (value_ ^ word) * 0x100000001b3ULL;
    value_ ^= value_ >> 32;  // high bits of a word reach the low ones
  }
  uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace lathe
