// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/regex.h"

#include <algorithm>

#include "engine/ops/letter_case.h"
#include "engine/ops/regex_syntax.h"
#include "engine/tensor/utf32.h"

namespace lathe {
namespace {

constexpr size_t max_instructions = 100'000;

bool is_word(char32_t code) {
  return (code >= U'0' && code <= U'9') || (code >= U'A' && code <= U'Z') || (code >= U'a' && code <= U'z') ||
         code == U'_';
}

}  // namespace

bool CodeSet::contains(char32_t code) const {
  const auto has = [this](char32_t c) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [c](const auto& range) { return c >= range.first && c <= range.second; });
  };
  const bool found = has(code) || (ignores_case && (has(to_lower(code)) || has(to_upper(code))));
  return found != negated;
}

/// Emits instructions for a tree; what follows the tree follows its instructions.
class RegexCompiler {
 public:
  using Code = Regex::Code;
  /// False when the program grows too large.
  bool emit(const RegexTree& tree) {
    // Repeated empty texts take no instructions, but time.
    if (++steps_ > max_instructions) return false;
    switch (tree.kind) {
      case RegexTree::Kind::sequence:
        return std::all_of(tree.children.begin(), tree.children.end(),
                           [this](const RegexTree& child) { return emit(child); });
      case RegexTree::Kind::alternative:
        return emit_alternative(tree);
      case RegexTree::Kind::repeat:
        return emit_repeat(tree);
      case RegexTree::Kind::set:
        regex.sets_.push_back(tree.set);
        return add(Code::set, regex.sets_.size() - 1);
      case RegexTree::Kind::text_begin:
        return add(Code::text_begin);
      case RegexTree::Kind::text_end:
        return add(Code::text_end);
      case RegexTree::Kind::line_begin:
        return add(Code::line_begin);
      case RegexTree::Kind::line_end:
        return add(Code::line_end);
      case RegexTree::Kind::word:
        return add(Code::word);
      case RegexTree::Kind::not_word:
        return add(Code::not_word);
    }
    return false;
  }
  bool add(Code code, size_t target = 0) {
    regex.program_.push_back({code, static_cast<uint32_t>(target)});
    return regex.program_.size() < max_instructions;
  }

  Regex regex;

 private:
  size_t size() const { return regex.program_.size(); }
  /// Makes the instruction at `at` point behind the last one.
  void land(size_t at) { regex.program_[at].target = static_cast<uint32_t>(size()); }

  bool emit_alternative(const RegexTree& tree) {
    std::vector<size_t> ends;
    for (size_t i = 0; i < tree.children.size(); ++i) {
      const bool last = i + 1 == tree.children.size();
      const size_t split = size();
      if (!last && !add(Code::split)) return false;
      if (!emit(tree.children[i])) return false;
      if (last) break;
      ends.push_back(size());
      if (!add(Code::jump)) return false;
      land(split);
    }
    for (const size_t end : ends) land(end);
    return true;
  }

  bool emit_repeat(const RegexTree& tree) {
    const RegexTree& item = tree.children.front();
    for (int i = 0; i < tree.least; ++i)
      if (!emit(item)) return false;
    if (tree.most < 0) {
      const size_t start = size();
      if (!add(Code::split) || !emit(item) || !add(Code::jump, start)) return false;
      land(start);
      return true;
    }
    std::vector<size_t> exits;
    for (int i = tree.least; i < tree.most; ++i) {
      exits.push_back(size());
      if (!add(Code::split) || !emit(item)) return false;
    }
    for (const size_t exit : exits) land(exit);
    return true;
  }

  size_t steps_ = 0;
};

Result<Regex> Regex::compile(std::string_view pattern, const std::string& where) {
  LATHE_ASSIGN(const RegexTree tree, parse_regex(pattern, where));
  RegexCompiler compiler;
  if (!compiler.emit(tree) || !compiler.add(Code::end))
    return unsupported(where,
                       "pattern takes more than " + std::to_string(max_instructions) + " instructions");
  return std::move(compiler.regex);
}

/// Instructions that wait for the next code point, each once.
struct Regex::Threads {
  explicit Threads(size_t instructions) : seen(instructions, 0) {}
  std::vector<uint32_t> waiting;
  std::vector<uint32_t> stack;
  std::vector<uint8_t> seen;
  bool ended = false;

  void clear() {
    waiting.clear();
    std::fill(seen.begin(), seen.end(), uint8_t{0});
    ended = false;
  }
};

bool Regex::holds(Code assertion, const std::u32string& text, size_t at) const {
  const bool begin = at == 0, end = at == text.size();
  const bool boundary = (!begin && is_word(text[at - 1])) != (!end && is_word(text[at]));
  switch (assertion) {
    case Code::text_begin:
      return begin;
    case Code::text_end:
      return end;
    case Code::line_begin:
      return begin || text[at - 1] == U'\n';
    case Code::line_end:
      return end || text[at] == U'\n';
    case Code::word:
      return boundary;
    default:
      return !boundary;
  }
}

void Regex::follow(Threads& threads, uint32_t start, const std::u32string& text, size_t at) const {
  threads.stack.push_back(start);
  while (!threads.stack.empty()) {
    const uint32_t i = threads.stack.back();
    threads.stack.pop_back();
    if (threads.seen[i] != 0) continue;
    threads.seen[i] = 1;
    const Instruction& instruction = program_[i];
    switch (instruction.code) {
      case Code::set:
        threads.waiting.push_back(i);
        break;
      case Code::end:
        threads.ended = true;
        break;
      case Code::split:
        threads.stack.push_back(instruction.target);
        threads.stack.push_back(i + 1);
        break;
      case Code::jump:
        threads.stack.push_back(instruction.target);
        break;
      default:
        if (holds(instruction.code, text, at)) threads.stack.push_back(i + 1);
    }
  }
}

bool Regex::matches(std::string_view text) const {
  std::u32string codes;
  if (!utf8_to_utf32(text, codes)) return false;
  Threads now(program_.size()), next(program_.size());
  follow(now, 0, codes, 0);
  for (size_t at = 0; at < codes.size(); ++at) {
    if (now.waiting.empty()) return false;
    for (const uint32_t i : now.waiting)
      if (sets_[program_[i].target].contains(codes[at])) follow(next, i + 1, codes, at + 1);
    std::swap(now, next);
    next.clear();
  }
  return now.ended;
}

}  // namespace lathe
