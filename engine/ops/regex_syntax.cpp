// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/regex_syntax.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/tensor/utf32.h"

namespace lathe {
namespace {

constexpr int max_repeat = 1000, max_depth = 1000;
constexpr char32_t last_code = 0x10ffff;
using Ranges = std::vector<std::pair<char32_t, char32_t>>;
using Kind = RegexTree::Kind;

struct NamedRanges {
  std::u32string_view name;
  std::u32string_view pairs;  ///< first and last of each range
};
constexpr std::array<NamedRanges, 14> posix_classes{{
    {U"alnum", U"09AZaz"},
    {U"alpha", U"AZaz"},
    {U"ascii", std::u32string_view(U"\0\x7f", 2)},
    {U"blank", U"\t\t  "},
    {U"cntrl", std::u32string_view(U"\0\x1f\x7f\x7f", 4)},
    {U"digit", U"09"},
    {U"graph", U"!~"},
    {U"lower", U"az"},
    {U"print", U" ~"},
    {U"punct", U"!/:@[`{~"},
    {U"space", U"\t\r  "},
    {U"upper", U"AZ"},
    {U"word", U"09AZaz__"},
    {U"xdigit", U"09AFaf"},
}};

Ranges ranges_of(std::u32string_view pairs) {
  Ranges ranges;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) ranges.emplace_back(pairs[i], pairs[i + 1]);
  return ranges;
}

Ranges complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges out;
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) out.emplace_back(next, first - 1);
    next = std::max<char32_t>(next, last + 1);
  }
  if (next <= last_code) out.emplace_back(next, last_code);
  return out;
}

/// \d \s \w and their complements.
std::optional<Ranges> perl_class(char32_t letter) {
  switch (letter) {
    case U'd':
      return ranges_of(U"09");
    case U's':
      return ranges_of(U"\t\n\f\r  ");
    case U'w':
      return ranges_of(U"09AZaz__");
    case U'D':
      return complement(ranges_of(U"09"));
    case U'S':
      return complement(ranges_of(U"\t\n\f\r  "));
    case U'W':
      return complement(ranges_of(U"09AZaz__"));
    default:
      return std::nullopt;
  }
}

struct Flags {
  bool ignores_case = false, multi_line = false, dot_is_newline = false;
};

class Parser {
 public:
  Parser(std::u32string text, const std::string& where) : text_(std::move(text)), where_(where) {}

  Result<RegexTree> parse() {
    LATHE_ASSIGN(RegexTree tree, alternatives());
    if (!done()) return error("has a ) without a (");
    return tree;
  }

 private:
  bool done() const { return at_ == text_.size(); }
  char32_t peek() const { return done() ? 0 : text_[at_]; }
  bool accept(char32_t code) {
    if (done() || text_[at_] != code) return false;
    ++at_;
    return true;
  }
  bool accept(std::u32string_view word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  Error error(const std::string& what) const {
    return bad_input(where_, "pattern " + what + " at character " + std::to_string(at_));
  }

  RegexTree leaf(Kind kind) const {
    RegexTree tree;
    tree.kind = kind;
    return tree;
  }
  RegexTree set_of(Ranges ranges, bool negated = false) const {
    RegexTree tree = leaf(Kind::set);
    tree.set = {std::move(ranges), negated, flags_.ignores_case};
    return tree;
  }

  Result<RegexTree> alternatives() {
    if (++depth_ > max_depth) return error("nests too deep");
    RegexTree tree = leaf(Kind::alternative);
    do {
      LATHE_ASSIGN(RegexTree branch, sequence());
      tree.children.push_back(std::move(branch));
    } while (accept(U'|'));
    --depth_;
    return tree.children.size() == 1 ? std::move(tree.children.front()) : std::move(tree);
  }

  Result<RegexTree> sequence() {
    RegexTree tree;
    while (!done() && peek() != U'|' && peek() != U')') {
      if (accept(U"\\Q")) {
        for (; !done() && !accept(U"\\E"); ++at_) tree.children.push_back(set_of({{peek(), peek()}}));
        continue;
      }
      LATHE_ASSIGN(RegexTree item, atom());
      LATHE_ASSIGN(item, repeated(std::move(item)));
      tree.children.push_back(std::move(item));
    }
    return tree;
  }

  /// Minimum and maximum of a repetition that starts here, which is passed over; a { that starts none is a
  /// literal.
  std::optional<std::pair<int, int>> repetition() {
    if (accept(U'*')) return std::pair(0, -1);
    if (accept(U'+')) return std::pair(1, -1);
    if (accept(U'?')) return std::pair(0, 1);
    const size_t start = at_;
    if (accept(U'{')) {
      const auto least = number();
      auto most = least;
      if (least && accept(U',')) most = peek() == U'}' ? std::optional(-1) : number();
      if (least && most && accept(U'}')) return std::pair(*least, *most);
    }
    at_ = start;
    return std::nullopt;
  }

  std::optional<int> number() {
    std::optional<int> value;
    while (peek() >= U'0' && peek() <= U'9')
      value = std::min(value.value_or(0) * 10 + static_cast<int>(text_[at_++] - U'0'), 1'000'000);
    return value;
  }

  Result<RegexTree> repeated(RegexTree item) {
    const auto counts = repetition();
    if (!counts) return item;
    const auto [least, most] = *counts;
    if (std::max(least, most) > max_repeat || (most >= 0 && most < least))
      return error("has a bad repetition count");
    accept(U'?');  // greedy or not makes no difference to a full match
    if (repetition()) return error("repeats a repetition");
    RegexTree tree = leaf(Kind::repeat);
    tree.least = least;
    tree.most = most;
    tree.children.push_back(std::move(item));
    return tree;
  }

  Result<RegexTree> atom() {
    const char32_t code = peek();
    if (code == U'*' || code == U'+' || code == U'?') return error("has nothing to repeat");
    ++at_;
    switch (code) {
      case U'(':
        return group();
      case U'[':
        return bracket();
      case U'\\':
        return escape();
      case U'.':
        return flags_.dot_is_newline ? set_of({{0, last_code}}) : set_of({{U'\n', U'\n'}}, true);
      case U'^':
        return leaf(flags_.multi_line ? Kind::line_begin : Kind::text_begin);
      case U'$':
        return leaf(flags_.multi_line ? Kind::line_end : Kind::text_end);
      default:
        return set_of({{code, code}});
    }
  }

  /// After "(".
  Result<RegexTree> group() {
    const Flags outer = flags_;
    if (accept(U'?')) {
      if (accept(U"P<") || accept(U'<')) {
        LATHE_TRY(group_name());
      } else {
        LATHE_TRY(group_flags());
        if (accept(U')')) return RegexTree();  // (?i): for the rest of the group around it
        if (!accept(U':')) return error("has an unknown kind of group");
      }
    }
    LATHE_ASSIGN(RegexTree tree, alternatives());
    if (!accept(U')')) return error("has a ( without a )");
    flags_ = outer;
    return tree;
  }

  Status group_name() {
    const size_t start = at_;
    while (!done() && peek() != U'>') ++at_;
    if (at_ == start || !accept(U'>')) return error("has a group with a bad name");
    return {};
  }

  Status group_flags() {
    bool value = true;
    for (; !done() && peek() != U')' && peek() != U':'; ++at_) {
      switch (peek()) {
        case U'i':
          flags_.ignores_case = value;
          break;
        case U'm':
          flags_.multi_line = value;
          break;
        case U's':
          flags_.dot_is_newline = value;
          break;
        case U'U':
          break;  // makes no difference to a full match
        case U'-':
          if (!value) return error("has an unknown kind of group");
          value = false;
          break;
        default:
          return error("has an unknown kind of group");
      }
    }
    return {};
  }

  /// After "\".
  Result<RegexTree> escape() {
    const char32_t code = peek();
    if (code == U'A' || code == U'z' || code == U'b' || code == U'B') {
      ++at_;
      return leaf(code == U'A'   ? Kind::text_begin
                  : code == U'z' ? Kind::text_end
                  : code == U'b' ? Kind::word
                                 : Kind::not_word);
    }
    if (auto ranges = perl_class(code)) {
      ++at_;
      return set_of(std::move(*ranges));
    }
    LATHE_ASSIGN(const char32_t literal, escaped_code());
    return set_of({{literal, literal}});
  }

  /// One code point, after "\".
  Result<char32_t> escaped_code() {
    if (done()) return error("ends in a backslash");
    const char32_t code = text_[at_++];
    constexpr std::u32string_view names = U"aftnrv", values = U"\a\f\t\n\r\v";
    if (const size_t i = names.find(code); i != std::u32string_view::npos) return values[i];
    if (code == U'p' || code == U'P' || code == U'C')
      return unsupported(where_, "Unicode classes and \\C in patterns are not supported");
    if (code == U'x') return hexadecimal();
    if (code >= U'0' && code <= U'7') {
      // \1 to \7 alone would be a back-reference, which RE2 does not have.
      if (code != U'0' && !(peek() >= U'0' && peek() <= U'7')) return error("has a back-reference");
      char32_t value = code - U'0';
      for (int i = 0; i < 2 && peek() >= U'0' && peek() <= U'7'; ++i)
        value = value * 8 + (text_[at_++] - U'0');
      return value;
    }
    const bool letter = (code | 0x20) >= U'a' && (code | 0x20) <= U'z';
    if (code >= 0x80 || letter || code == U'8' || code == U'9') return error("has an unknown escape");
    return code;
  }

  /// "7F" or "{10FFFF}", after "\x".
  Result<char32_t> hexadecimal() {
    const bool braces = accept(U'{');
    char32_t value = 0;
    int digits = 0;
    for (; digits < (braces ? 8 : 2); ++digits, ++at_) {
      const char32_t code = peek(), lower = code | 0x20;
      if (code >= U'0' && code <= U'9')
        value = value * 16 + (code - U'0');
      else if (lower >= U'a' && lower <= U'f')
        value = value * 16 + (lower - U'a' + 10);
      else
        break;
    }
    if (digits == 0 || (!braces && digits != 2) || (braces && !accept(U'}')) || value > last_code)
      return error("has a bad hexadecimal escape");
    return value;
  }

  /// A character class, after "[".
  Result<RegexTree> bracket() {
    const bool negated = accept(U'^');
    Ranges ranges;
    for (bool first = true; first || peek() != U']'; first = false) {
      if (done()) return error("has a [ without a ]");
      LATHE_ASSIGN(const bool named, named_class(ranges));
      if (named) continue;
      LATHE_ASSIGN(const char32_t low, class_code());
      char32_t high = low;
      if (peek() == U'-' && at_ + 1 < text_.size() && text_[at_ + 1] != U']') {
        ++at_;
        LATHE_ASSIGN(high, class_code());
      }
      if (high < low) return error("has a range that runs backwards");
      ranges.emplace_back(low, high);
    }
    ++at_;
    return set_of(std::move(ranges), negated);
  }

  Result<char32_t> class_code() {
    if (accept(U'\\')) return escaped_code();
    return text_[at_++];
  }

  /// Adds [:alpha:], [:^alpha:] or \d where one stands here.
  Result<bool> named_class(Ranges& ranges) {
    std::optional<Ranges> found;
    if (accept(U"[:")) {
      const bool negated = accept(U'^');
      for (const auto& [name, pairs] : posix_classes)
        if (!found && accept(std::u32string(name) + U":]"))
          found = negated ? complement(ranges_of(pairs)) : ranges_of(pairs);
      if (!found) return error("has an unknown class");
    } else if (peek() == U'\\' && at_ + 1 < text_.size()) {
      found = perl_class(text_[at_ + 1]);
      if (found) at_ += 2;
    }
    if (found) ranges.insert(ranges.end(), found->begin(), found->end());
    return found.has_value();
  }

  std::u32string text_;
  const std::string& where_;
  size_t at_ = 0;
  int depth_ = 0;
  Flags flags_;
};

}  // namespace

Result<RegexTree> parse_regex(std::string_view pattern, const std::string& where) {
  std::u32string text;
  if (!utf8_to_utf32(pattern, text)) return bad_input(where, "pattern is not UTF-8");
  return Parser(std::move(text), where).parse();
}

}  // namespace lathe
