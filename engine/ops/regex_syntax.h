// SPDX-License-Identifier: Apache-2.0
// The syntax tree of a regular expression. Internal to regex.cpp and regex_syntax.cpp.
#pragma once

#include "engine/ops/regex.h"

namespace lathe {

struct RegexTree {
  enum class Kind : uint8_t {
    sequence,     ///< all children in order; none: the empty text
    alternative,  ///< one of the children
    repeat,       ///< child 0, `least` to `most` times
    set,
    text_begin,
    text_end,
    line_begin,
    line_end,
    word,
    not_word,
  };
  Kind kind = Kind::sequence;
  CodeSet set;
  std::vector<RegexTree> children;
  int least = 0, most = -1;  ///< most -1: no limit
};

/// Groups nest at most 1000 deep, and repetitions go up to 1000, as in RE2.
Result<RegexTree> parse_regex(std::string_view pattern, const std::string& where);

}  // namespace lathe
