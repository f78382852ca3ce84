// SPDX-License-Identifier: Apache-2.0
// Failure as a value: Result<T> holds a T or an Error. Core code never throws across folders.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lathe {

/// What kind of failure it is; the command line turns it into an exit code.
enum class ErrorKind {
  usage,        ///< wrong arguments or settings (exit 2)
  bad_input,    ///< the file or data given is damaged, inconsistent or not understood (exit 3)
  unsupported,  ///< valid, but this build cannot do it (exit 3)
  resource,     ///< refused by limits, out of memory, disk full, no permission to write (exit 4)
  interrupted,  ///< the user asked to stop (exit 130)
  internal,     ///< a bug in Lathe (exit 70)
};

/// One failure: where it is (file, node, module; may be empty), what happened, and hints what to do.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string where;
  std::string what;
  std::vector<std::string> hints;

  Error& hint(std::string text) {
    hints.push_back(std::move(text));
    return *this;
  }
  /// "where: what", or "what" when where is empty.
  std::string text() const { return where.empty() ? what : where + ": " + what; }
};

inline Error usage_error(std::string where, std::string what) {
  return {ErrorKind::usage, std::move(where), std::move(what), {}};
}
inline Error bad_input(std::string where, std::string what) {
  return {ErrorKind::bad_input, std::move(where), std::move(what), {}};
}
inline Error unsupported(std::string where, std::string what) {
  return {ErrorKind::unsupported, std::move(where), std::move(what), {}};
}
inline Error resource_error(std::string where, std::string what) {
  return {ErrorKind::resource, std::move(where), std::move(what), {}};
}
inline Error interrupted() {
  return {ErrorKind::interrupted, "", "interrupted", {}};
}
inline Error internal_error(std::string where, std::string what) {
  return {ErrorKind::internal, std::move(where), std::move(what), {}};
}

/// A T or the Error that prevented it. Access value() only after ok().
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

/// Success, or the Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}
  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool failed_ = false;
};
using Status = Result<void>;

}  // namespace lathe

#define LATHE_CONCAT_INNER(a, b) a##b
#define LATHE_CONCAT(a, b) LATHE_CONCAT_INNER(a, b)
/// Returns the error of a Status or Result expression from the enclosing function, if it failed.
#define LATHE_TRY(expression)                                                                         \
  do {                                                                                                \
    if (auto lathe_status = (expression); !lathe_status.ok()) return std::move(lathe_status).error(); \
  } while (false)
/// Declares or assigns `target` from a Result expression, or returns its error.
#define LATHE_ASSIGN(target, expression) \
  LATHE_ASSIGN_IMPL(LATHE_CONCAT(lathe_result_, __LINE__), target, expression)
#define LATHE_ASSIGN_IMPL(result, target, expression) \
  auto result = (expression);                         \
  if (!result.ok()) return std::move(result).error(); \
  target = std::move(result).value()
