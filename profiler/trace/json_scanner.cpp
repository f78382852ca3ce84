// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/json_scanner.h"

#include <array>
#include <charconv>
#include <cmath>

#include "profiler/trace/string_pool.h"

namespace lathe {
namespace {

constexpr int max_nesting = 256;

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_number_char(char c) {
  return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Four hexadecimal digits at `at`, or -1.
int32_t hex4(std::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int32_t code = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int digit = hex_value(text[i]);
    if (digit < 0) return -1;
    code = code << 4 | digit;
  }
  return code;
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// Whether the text follows JSON's grammar of numbers (no leading zeros, digits around the point).
bool is_strict_number(std::string_view text) {
  size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
  const auto digits = [&] {
    const size_t first = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - first;
  };
  const bool zero = i < text.size() && text[i] == '0';
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (i < text.size() && text[i] == '.' && (++i, digits() == 0)) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

}  // namespace

bool JsonScanner::fail(const char* what) {
  if (error_ == nullptr) error_ = what;
  return false;
}

char JsonScanner::peek() {
  while (at_ < end_ && is_space(*at_)) ++at_;
  return at_ < end_ ? *at_ : '\0';
}

bool JsonScanner::take(char c) {
  if (peek() != c || at_ == end_) return false;
  ++at_;
  return true;
}

bool JsonScanner::expect(char c) {
  if (take(c)) return true;
  switch (c) {
    case '{':
      return fail("expected '{'");
    case ':':
      return fail("expected ':'");
    case '"':
      return fail("expected a string");
    case '}':
      return fail("expected ',' or '}'");
    default:
      return fail("expected ',' or ']'");
  }
}

bool JsonScanner::raw_string(std::string_view& raw, bool& plain) {
  if (!expect('"')) return false;
  const char* first = at_;
  plain = true;
  while (at_ < end_ && *at_ != '"') {
    if (*at_ == '\\') {
      plain = false;
      if (++at_ == end_) break;
    } else if (static_cast<unsigned char>(*at_) < 0x20) {
      plain = false;
    }
    ++at_;
  }
  if (at_ == end_) return fail("the text ends inside a string");
  raw = {first, static_cast<size_t>(at_ - first)};
  ++at_;
  return true;
}

bool JsonScanner::unescape(std::string_view raw, std::string& out) {
  out.clear();
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    switch (const char c = raw[++i]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        const int32_t code = hex4(raw, i + 1);
        if (code < 0) return fail("\\u without four hexadecimal digits");
        i += 4;
        const bool high = code >= 0xd800 && code < 0xdc00;
        const int32_t low =
            high && i + 2 < raw.size() && raw[i + 1] == '\\' && raw[i + 2] == 'u' ? hex4(raw, i + 3) : -1;
        if (low >= 0xdc00 && low < 0xe000) {
          append_utf8(out, 0x10000u + (static_cast<uint32_t>(code - 0xd800) << 10) +
                               static_cast<uint32_t>(low - 0xdc00));
          i += 6;
        } else {
          append_utf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffdu : static_cast<uint32_t>(code));
        }
        break;
      }
      default:
        out += c;  // quote, slash, backslash; an unknown escape stands for itself
    }
  }
  return true;
}

bool JsonScanner::string(std::string_view& out) {
  bool plain = true;
  if (!raw_string(out, plain)) return false;
  if (plain) return true;
  if (!unescape(out, scratch_)) return false;
  out = scratch_;
  return true;
}

bool JsonScanner::number(std::string_view& out) {
  peek();
  const char* first = at_;
  if (at_ < end_ && *at_ == '-') ++at_;
  if (at_ < end_ && (*at_ == 'N' || *at_ == 'I' || *at_ == 'n' || *at_ == 'i')) {
    while (at_ < end_ && ((*at_ >= 'a' && *at_ <= 'z') || (*at_ >= 'A' && *at_ <= 'Z'))) ++at_;
  } else {
    while (at_ < end_ && is_number_char(*at_)) ++at_;
  }
  out = {first, static_cast<size_t>(at_ - first)};
  if (out.empty() || out == "-")
    return fail(at_ == end_ ? "the text ends where a value was due" : "expected a value");
  return true;
}

bool JsonScanner::literal(std::string_view& out) {
  peek();
  for (const std::string_view word : {"true", "false", "null"}) {
    if (static_cast<size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) continue;
    at_ += word.size();
    out = word;
    return true;
  }
  const std::string_view rest(at_, static_cast<size_t>(end_ - at_));
  for (const std::string_view word : {"true", "false", "null"})
    if (!rest.empty() && word.substr(0, rest.size()) == rest) at_ = end_;  // cut off within the word
  return fail("expected a value");
}

bool JsonScanner::scalar(std::string* out) {
  std::string_view text;
  switch (peek()) {
    case '"': {
      bool plain = true;
      if (!raw_string(text, plain)) return false;
      if (out == nullptr) return true;
      if (plain) {
        *out += '"';
        out->append(text);
        *out += '"';
        return true;
      }
      if (!unescape(text, scratch_)) return false;
      append_json_string(*out, scratch_);
      return true;
    }
    case 't':
    case 'f':
      if (!literal(text)) return false;
      break;
    case 'n':
      if (end_ - at_ > 1 && at_[1] == 'a') {  // nan
        if (!number(text)) return false;
        text = "null";
      } else if (!literal(text)) {
        return false;
      }
      break;
    default: {
      if (!number(text)) return false;
      if (out == nullptr || is_strict_number(text)) break;
      const std::optional<double> value = parse_json_real(text);
      if (!value) return fail("not a number");
      append_json_number(*out, *value);
      return true;
    }
  }
  if (out != nullptr) out->append(text);
  return true;
}

// Without recursion: a file may nest as deep as it likes, the answer is an error.
bool JsonScanner::walk(std::string* out) {
  std::array<char, max_nesting> closers;
  int depth = 0;
  const auto put = [&](char c) {
    if (out != nullptr) *out += c;
  };
  for (;;) {
    const char c = peek();
    if (c == '{' || c == '[') {
      if (depth == max_nesting) return fail("nested too deep");
      ++at_;
      put(c);
      closers[static_cast<size_t>(depth++)] = c == '{' ? '}' : ']';
      if (peek() != closers[static_cast<size_t>(depth - 1)]) {
        if (c == '[') continue;
        if (!scalar_key(out)) return false;
        continue;
      }
    } else if (!scalar(out)) {
      return false;
    }
    for (;;) {  // after a value
      if (depth == 0) return true;
      const char closer = closers[static_cast<size_t>(depth - 1)];
      if (take(closer)) {
        put(closer);
        --depth;
        continue;
      }
      if (!take(',')) return expect(closer);
      if (peek() == closer) continue;  // trailing comma
      put(',');
      if (closer == '}' && !scalar_key(out)) return false;
      break;
    }
  }
}

bool JsonScanner::scalar_key(std::string* out) {
  if (peek() != '"') return expect('"');
  if (!scalar(out) || !expect(':')) return false;
  if (out != nullptr) *out += ':';
  return true;
}

bool JsonScanner::skip_value() {
  return walk(nullptr);
}
bool JsonScanner::copy_value(std::string& out) {
  return walk(&out);
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  if (is_valid_utf8(text))
    append_json_string(out, text);
  else
    append_json_string(out, to_valid_utf8(text));
  return out;
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, end);
}

std::optional<std::string> normalized_json(std::string_view text) {
  JsonScanner scanner(text);
  std::string out;
  if (!scanner.copy_value(out) || scanner.peek() != '\0' || !scanner.at_end()) return std::nullopt;
  return is_valid_utf8(out) ? out : to_valid_utf8(out);
}

std::optional<int64_t> parse_json_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_json_real(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_microseconds(std::string_view text) {
  const auto by_double = [&]() -> std::optional<int64_t> {
    const std::optional<double> value = parse_json_real(text);
    if (!value || !std::isfinite(*value)) return std::nullopt;
    const double nanoseconds = *value * 1000;
    constexpr double limit = 2.0e18;
    if (nanoseconds > limit || nanoseconds < -limit)
      return nanoseconds > 0 ? int64_t{1} << 61 : -(int64_t{1} << 61);
    return std::llround(nanoseconds);
  };
  size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
  const size_t first = i;
  int64_t value = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) {
    if (i - first >= 15) return by_double();
    value = value * 10 + (text[i] - '0');
  }
  if (i == first) return by_double();
  value *= 1000;
  if (i < text.size() && text[i] == '.') {
    ++i;
    int64_t scale = 100;
    bool round_up = false;
    for (size_t decimals = 0; i < text.size() && is_digit(text[i]); ++i, ++decimals, scale /= 10) {
      if (decimals < 3) value += scale * (text[i] - '0');
      if (decimals == 3) round_up = text[i] >= '5';
    }
    value += round_up ? 1 : 0;
  }
  if (i != text.size()) return by_double();
  return text[0] == '-' ? -value : value;
}

}  // namespace lathe
