// SPDX-License-Identifier: Apache-2.0
// Regular expressions in the syntax of RE2, matched in time linear in the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

/// A set of code points.
struct CodeSet {
  std::vector<std::pair<char32_t, char32_t>> ranges;  ///< first and last
  bool negated = false;
  bool ignores_case = false;

  bool contains(char32_t code) const;
};

/// A compiled pattern. Immutable: any number of threads may match with it.
class Regex {
 public:
  /// `where` locates errors: bad_input for what RE2 refuses too, unsupported for Unicode classes (\pL) and
  /// patterns that take more than 100,000 instructions.
  static Result<Regex> compile(std::string_view pattern, const std::string& where);
  /// Whether all of `text` matches; text that is not UTF-8 never does.
  bool matches(std::string_view text) const;

 private:
  friend class RegexCompiler;
  enum class Code : uint8_t {
    set,
    split,
    jump,
    text_begin,
    text_end,
    line_begin,
    line_end,
    word,
    not_word,
    end
  };
  struct Instruction {
    Code code = Code::end;
    uint32_t target = 0;  ///< set: which one; jump: where to; split: where to besides the next
  };
  struct Threads;
  void follow(Threads& threads, uint32_t start, const std::u32string& text, size_t at) const;
  bool holds(Code assertion, const std::u32string& text, size_t at) const;

  std::vector<Instruction> program_;
  std::vector<CodeSet> sets_;
};

}  // namespace lathe
