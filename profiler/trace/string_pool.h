// SPDX-License-Identifier: Apache-2.0
// Texts stored once, named by small ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"

namespace lathe {

using StringId = Id<struct TraceStringTag>;

/// A fast hash of bytes, the same on every machine of one byte order.
uint64_t hash_bytes(const void* data, size_t size);

/// `text` itself when it is valid UTF-8, else a copy with U+FFFD for what is not.
std::string to_valid_utf8(std::string_view text);
bool is_valid_utf8(std::string_view text);

/// Every text in it is valid UTF-8. Id 0 is the empty text. Views last until the next intern().
class StringPool {
 public:
  StringPool();
  StringId intern(std::string_view text);
  /// The id of a text that is in the pool, else an invalid one.
  StringId find(std::string_view text) const;
  std::string_view text(StringId id) const {
    return {bytes_.data() + offsets_[id.index], offsets_[id.index + 1] - offsets_[id.index]};
  }
  size_t size() const { return offsets_.size() - 1; }
  size_t memory_bytes() const;

 private:
  size_t slot_of(std::string_view text, uint64_t hash) const;
  void grow();

  std::vector<char> bytes_;
  std::vector<uint64_t> offsets_;
  struct Slot {
    uint32_t hash = 0;
    uint32_t id = StringId::none;
  };
  std::vector<Slot> slots_;  ///< open addressing, a power of two
};

}  // namespace lathe
