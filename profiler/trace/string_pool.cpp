// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/string_pool.h"

#include <cstring>

namespace lathe {
namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const auto product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// Bytes of the valid UTF-8 sequence at `p` (RFC 3629: no overlong forms, no surrogates), or 0.
size_t utf8_length(const unsigned char* p, size_t left) {
  if (p[0] < 0x80) return 1;
  size_t length = 0;
  uint32_t code = 0;
  if ((p[0] & 0xe0) == 0xc0)
    length = 2, code = p[0] & 0x1fu;
  else if ((p[0] & 0xf0) == 0xe0)
    length = 3, code = p[0] & 0x0fu;
  else if ((p[0] & 0xf8) == 0xf0)
    length = 4, code = p[0] & 0x07u;
  if (length == 0 || length > left) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (p[i] & 0x3fu);
  }
  constexpr uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
  return length;
}

}  // namespace

uint64_t hash_bytes(const void* data, size_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  uint64_t hash = 0x9e3779b97f4a7c15u ^ size;
  for (; size >= 8; size -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    hash = mix(hash ^ word, 0xd6e8feb86659fd93u);
  }
  uint64_t tail = 0;
  if (size > 0) std::memcpy(&tail, p, size);
  return mix(hash ^ tail, 0xa0761d6478bd642fu);
}

bool is_valid_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(p + i, text.size() - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(p + i, text.size() - i);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++i;
    } else {
      out.append(text.substr(i, length));
      i += length;
    }
  }
  return out;
}

StringPool::StringPool() : offsets_{0}, slots_(64) {
  intern("");
}

size_t StringPool::slot_of(std::string_view text, uint64_t hash) const {
  const auto tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.id == StringId::none) return i;
    if (slot.hash == tag && this->text(StringId(size_t{slot.id})) == text) return i;
  }
}

StringId StringPool::find(std::string_view text) const {
  const Slot& slot = slots_[slot_of(text, hash_bytes(text.data(), text.size()))];
  return slot.id == StringId::none ? StringId() : StringId(size_t{slot.id});
}

StringId StringPool::intern(std::string_view text) {
  const uint64_t hash = hash_bytes(text.data(), text.size());
  const size_t at = slot_of(text, hash);
  if (slots_[at].id != StringId::none) return StringId(size_t{slots_[at].id});
  if (!is_valid_utf8(text)) return intern(to_valid_utf8(text));
  const StringId id(size());
  slots_[at] = {static_cast<uint32_t>(hash >> 32), id.index};
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  offsets_.push_back(bytes_.size());
  if (size() * 2 > slots_.size()) grow();
  return id;
}

void StringPool::grow() {
  slots_.assign(slots_.size() * 2, Slot{});
  for (size_t i = 0; i < size(); ++i) {
    const std::string_view own = text(StringId(i));
    const uint64_t hash = hash_bytes(own.data(), own.size());
    slots_[slot_of(own, hash)] = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(i)};
  }
}

size_t StringPool::memory_bytes() const {
  return bytes_.capacity() + offsets_.capacity() * sizeof(uint64_t) + slots_.capacity() * sizeof(Slot);
}

}  // namespace lathe
