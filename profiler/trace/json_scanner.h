// SPDX-License-Identifier: Apache-2.0
// A fast forgiving scanner of JSON text, one token at a time, that knows its byte offset. Raw control
// characters in strings, NaN and Infinity are let through (real trace writers emit them); what it hands on as
// JSON is valid again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lathe {

/// Once a method returned false the scanner has failed: error() and offset() say what and where.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  /// Next character that is no white space, without taking it; 0 at the end of the text.
  char peek();
  /// Takes `c`, after white space, if it comes next.
  bool take(char c);
  bool expect(char c);
  /// A string with its escapes resolved. The view lasts until the next string().
  bool string(std::string_view& out);
  /// Text of a number (or NaN, Infinity).
  bool number(std::string_view& out);
  /// true, false, null as their text.
  bool literal(std::string_view& out);
  bool skip_value();
  /// Appends the value as compact, valid JSON.
  bool copy_value(std::string& out);

  bool fail(const char* what);
  bool failed() const { return error_ != nullptr; }
  /// The text ended where more was due.
  bool at_end() const { return at_ == end_; }
  const char* error() const { return error_ != nullptr ? error_ : ""; }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }

 private:
  bool raw_string(std::string_view& raw, bool& plain);
  bool unescape(std::string_view raw, std::string& out);
  bool walk(std::string* out);
  bool scalar_key(std::string* out);
  bool scalar(std::string* out);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
  std::string scratch_;
};

/// `text` as a JSON string with its quotes; control characters escaped, everything else raw.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);
/// Shortest text that reads back as the same number; "null" for what JSON cannot say.
void append_json_number(std::string& out, double value);
/// The text as compact JSON if it is one whole JSON value.
std::optional<std::string> normalized_json(std::string_view text);

/// Number text as an integer, if it is one that fits.
std::optional<int64_t> parse_json_integer(std::string_view text);
std::optional<double> parse_json_real(std::string_view text);
/// Decimal microseconds to nanoseconds, exact up to the third decimal and rounded there.
std::optional<int64_t> parse_microseconds(std::string_view text);

}  // namespace lathe
