// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/arguments.h"

#include <bit>
#include <cstring>

namespace lathe {

static_assert(sizeof(Arg) == 16, "hashed and compared as bytes: no padding");

Arg Arg::real(StringId key, double value) {
  return {key, ArgKind::real, std::bit_cast<int64_t>(value)};
}
double Arg::real_value() const {
  return std::bit_cast<double>(bits);
}

ArgumentTable::ArgumentTable() : begins_{0}, slots_(64, ArgsId::none) {
  intern({});
}

size_t ArgumentTable::slot_of(std::span<const Arg> args, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    if (slots_[i] == ArgsId::none) return i;
    const std::span<const Arg> other = (*this)[ArgsId(size_t{slots_[i]})];
    if (other.size() == args.size() &&
        (args.empty() || std::memcmp(other.data(), args.data(), args.size_bytes()) == 0))
      return i;
  }
}

ArgsId ArgumentTable::intern(std::span<const Arg> args) {
  const size_t at = slot_of(args, hash_bytes(args.data(), args.size_bytes()));
  if (slots_[at] != ArgsId::none) return ArgsId(size_t{slots_[at]});
  const ArgsId id(size());
  slots_[at] = id.index;
  args_.insert(args_.end(), args.begin(), args.end());
  begins_.push_back(args_.size());
  if (size() * 2 > slots_.size()) {
    slots_.assign(slots_.size() * 2, ArgsId::none);
    for (size_t i = 0; i < size(); ++i) {
      const std::span<const Arg> own = (*this)[ArgsId(i)];
      slots_[slot_of(own, hash_bytes(own.data(), own.size_bytes()))] = static_cast<uint32_t>(i);
    }
  }
  return id;
}

size_t ArgumentTable::memory_bytes() const {
  return args_.capacity() * sizeof(Arg) + begins_.capacity() * sizeof(uint64_t) +
         slots_.capacity() * sizeof(uint32_t);
}

}  // namespace lathe
