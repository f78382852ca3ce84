// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/shape.h"

#include "engine/base/checked.h"
#include "engine/base/strings.h"

namespace lathe {

std::optional<int64_t> checked_element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
      continue;
    }
    const auto product = checked_mul(count, size);
    if (!product) return std::nullopt;
    count = *product;
  }
  return empty ? 0 : count;
}

int64_t element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

std::string to_string(std::span<const int64_t> shape) {
  if (shape.empty()) return "scalar";
  std::string out;
  for (size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? "x" : "") + std::to_string(shape[i]);
  return out;
}

Result<Shape> parse_shape(std::string_view text) {
  if (text.empty() || text == "scalar") return Shape{};
  const char separator = text.find(',') != std::string_view::npos ? ',' : 'x';
  Shape shape;
  for (const std::string& part : split(text, separator)) {
    int64_t size = 0;
    if (!parse_int(part, size) || size < 0)
      return usage_error("", "'" + std::string(text) + "' is not a shape like 1x3x224x224");
    shape.push_back(size);
  }
  return shape;
}

std::optional<Shape> broadcast(std::span<const int64_t> a, std::span<const int64_t> b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    out[out.size() - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

std::vector<int64_t> row_major_strides(std::span<const int64_t> shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

std::vector<int64_t> broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> target) {
  std::vector<int64_t> own = row_major_strides(shape);
  std::vector<int64_t> strides(target.size(), 0);
  const size_t offset = target.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    strides[offset + i] = shape[i] == 1 && target[offset + i] != 1 ? 0 : own[i];
  return strides;
}

std::optional<int64_t> normalize_axis(int64_t axis, size_t rank) {
  const auto n = static_cast<int64_t>(rank);
  if (axis < -n || axis >= n) return std::nullopt;
  return axis < 0 ? axis + n : axis;
}

}  // namespace lathe
