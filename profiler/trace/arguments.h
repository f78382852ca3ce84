// SPDX-License-Identifier: Apache-2.0
// Typed arguments of slices: sets of key and value, each set stored once.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "profiler/trace/string_pool.h"

namespace lathe {

/// A set of arguments in an ArgumentTable; 0 is the empty set.
using ArgsId = Id<struct TraceArgsTag>;

enum class ArgKind : uint32_t {
  null,
  boolean,
  integer,
  real,
  string,
  json,  ///< a list or object, kept as compact valid JSON
};

/// One argument, 16 bytes. Read it through the accessor of its kind.
struct Arg {
  StringId key;
  ArgKind kind = ArgKind::null;
  int64_t bits = 0;

  static Arg null(StringId key) { return {key, ArgKind::null, 0}; }
  static Arg boolean(StringId key, bool value) { return {key, ArgKind::boolean, value}; }
  static Arg integer(StringId key, int64_t value) { return {key, ArgKind::integer, value}; }
  static Arg real(StringId key, double value);
  static Arg string(StringId key, StringId value) { return {key, ArgKind::string, value.index}; }
  static Arg json(StringId key, StringId text) { return {key, ArgKind::json, text.index}; }

  double real_value() const;                                             ///< of kind real
  StringId text() const { return StringId(static_cast<size_t>(bits)); }  ///< of kind string or json
  bool is_number() const { return kind == ArgKind::integer || kind == ArgKind::real; }
  double number() const { return kind == ArgKind::real ? real_value() : static_cast<double>(bits); }
};

class ArgumentTable {
 public:
  ArgumentTable();
  ArgsId intern(std::span<const Arg> args);
  std::span<const Arg> operator[](ArgsId id) const {
    return {args_.data() + begins_[id.index], args_.data() + begins_[id.index + 1]};
  }
  size_t size() const { return begins_.size() - 1; }
  size_t memory_bytes() const;

 private:
  size_t slot_of(std::span<const Arg> args, uint64_t hash) const;

  std::vector<Arg> args_;
  std::vector<uint64_t> begins_;
  std::vector<uint32_t> slots_;
};

}  // namespace lathe
