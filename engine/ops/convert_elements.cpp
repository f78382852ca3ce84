// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/convert_elements.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

namespace lathe {
namespace {

// Elements go through a wide type that holds all values of the source: float, double, int64_t or uint64_t.
constexpr size_t chunk = 1024;

template <class T>
constexpr bool is_small_integer =
    std::is_same_v<T, U4> || std::is_same_v<T, I4> || std::is_same_v<T, U2> || std::is_same_v<T, I2>;
template <class T>
constexpr bool is_half = std::is_same_v<T, F16> || std::is_same_v<T, BF16>;

template <class T>
constexpr auto widen(T value) {
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, uint64_t> || std::is_same_v<T, float>)
    return value;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<int64_t>(value);
  else if constexpr (is_small_integer<T>)
    return static_cast<int64_t>(value.value);
  else if constexpr (is_half<T>)
    return static_cast<float>(value);
  else
    return to_f32(value);
}
template <class T>
using Widened = decltype(widen(T()));

/// Truncated towards zero; saturating; NaN gives 0.
template <class T, class W>
T saturated(W value) {
  if (std::isnan(value)) return 0;
  // The smallest integer is exact in W; the largest may round up to one too many.
  if (value <= static_cast<W>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (value >= static_cast<W>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}

template <class T, class W>
T narrow(W value, const ConversionOptions& options) {
  constexpr bool from_float = std::is_floating_point_v<W>;
  if constexpr (std::is_same_v<T, bool>) {
    return value != W(0);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else if constexpr (is_half<T>) {
    if constexpr (std::is_same_v<W, float>)
      return T(value);
    else
      return T(to_f32_odd(value));
  } else if constexpr (std::is_integral_v<T>) {
    if constexpr (!from_float)
      return static_cast<T>(value);
    else if constexpr (sizeof(T) >= 4)
      return saturated<T>(value);
    else
      return static_cast<T>(saturated<int32_t>(value));
  } else if constexpr (is_small_integer<T>) {
    if constexpr (from_float)
      return wrap_small_integer<T>(saturated<int32_t>(value));
    else
      return wrap_small_integer<T>(static_cast<int64_t>(value));
  } else if constexpr (std::is_same_v<T, F8E8M0>) {
    return to_scale(static_cast<float>(value), options.scale_rounding, options.saturate);
  } else {
    return to_low_precision<T>(static_cast<double>(value), options.saturate);
  }
}

/// Calls visitor(T{}) for every convertible type but strings.
template <class Visitor>
bool visit_number(ElementType type, Visitor&& visitor) {
  return visit_numeric(type, visitor) || visit_low_precision(type, visitor) ||
         visit_small_integer(type, visitor) || visit_type<bool, F8E8M0>(type, visitor);
}

template <class W>
void store(const W* from, size_t count, Tensor& to, size_t offset, const ConversionOptions& options) {
  visit_number(to.type(), [&](auto tag) {
    using T = decltype(tag);
    T* out = to.mutable_data<T>().data() + offset;
    for (size_t i = 0; i < count; ++i) out[i] = narrow<T>(from[i], options);
  });
}

void convert_numbers(const Tensor& from, Tensor& to, const ConversionOptions& options) {
  visit_number(from.type(), [&](auto tag) {
    using T = decltype(tag);
    const auto elements = from.data<T>();
    std::array<Widened<T>, chunk> wide;
    for (size_t begin = 0; begin < elements.size(); begin += chunk) {
      const size_t count = std::min(chunk, elements.size() - begin);
      for (size_t i = 0; i < count; ++i) wide[i] = widen(elements[begin + i]);
      store(wide.data(), count, to, begin, options);
    }
  });
}

template <class W>
std::string print(W value) {
  if constexpr (std::is_floating_point_v<W>) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "INF" : "-INF";
  }
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

void print_numbers(const Tensor& from, Tensor& to) {
  visit_number(from.type(), [&](auto tag) {
    using T = decltype(tag);
    std::string* out = to.mutable_strings().data();
    for (const T element : from.data<T>()) *out++ = print(widen(element));
  });
}

/// All of `text` as a number; false when it is none.
template <class W>
bool parse(std::string_view text, W& value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(blank) - first + 1);
  // from_chars takes no plus sign.
  return text.size() > 1 && text[0] == '+' && text[1] != '-' ? text.substr(1) : text;
}

template <class T>
bool parse_element(std::string_view text, T& out, const ConversionOptions& options) {
  if constexpr (std::is_integral_v<T> || is_small_integer<T>) {
    int64_t whole = 0;
    if (parse(text, whole)) return out = narrow<T>(whole, options), true;
    uint64_t large = 0;
    if (parse(text, large)) return out = narrow<T>(large, options), true;
  } else if constexpr (std::is_same_v<T, float>) {
    if (parse(text, out)) return true;
  }
  double value = 0;
  if (!parse(text, value)) {
    // Also what is out of range for double: it reads as infinity or 0.
    long double wide = 0;
    if (!parse(text, wide)) return false;
    value = static_cast<double>(wide);
  }
  out = narrow<T>(value, options);
  return true;
}

Status parse_numbers(const Tensor& from, Tensor& to, const ConversionOptions& options) {
  Status status;
  visit_number(to.type(), [&](auto tag) {
    using T = decltype(tag);
    T* out = to.mutable_data<T>().data();
    for (const std::string& text : from.strings())
      if (!parse_element(trimmed(text), *out++, options)) {
        status = bad_input("", "cannot read '" + text.substr(0, 64) + "' as " + to_string(to.type()));
        return;
      }
  });
  return status;
}

}  // namespace

bool is_convertible(ElementType type) {
  return type == ElementType::string || visit_number(type, [](auto) {});
}

Status convert_elements(const Tensor& from, Tensor& to, const ConversionOptions& options) {
  for (const ElementType type : {from.type(), to.type()})
    if (!is_convertible(type))
      return bad_input("", std::string("cannot convert elements of type ") + to_string(type));
  const bool from_text = from.type() == ElementType::string, to_text = to.type() == ElementType::string;
  if (from_text && to_text)
    to.mutable_strings() = from.strings();
  else if (from_text)
    return parse_numbers(from, to, options);
  else if (to_text)
    print_numbers(from, to);
  else
    convert_numbers(from, to, options);
  return {};
}

}  // namespace lathe
