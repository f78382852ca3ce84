// SPDX-License-Identifier: Apache-2.0
#include "engine/data/prepare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/checked.h"
#include "engine/data/resample.h"

namespace lathe {
namespace {

constexpr int64_t max_elements = int64_t{1} << 30;

// Everything is computed in double: exact for the integers that occur, and rounded once, at the end.

size_t channel_axis(Layout layout, size_t rank) {
  return layout == Layout::nchw ? 1 : rank - 1;
}
size_t height_axis(Layout layout) {
  return layout == Layout::nchw ? 2 : 1;
}

Status check_image_rank(const Grid& grid, const char* what) {
  if (grid.shape.size() == 4) return {};
  return bad_input("", std::string(what) + " needs data with four axes, batch included; it has shape " +
                           to_string(grid.shape));
}

Status check_size(const Shape& shape) {
  const auto count = checked_element_count(shape);
  if (count && *count <= max_elements) return {};
  return resource_error("", "would grow to shape " + to_string(shape) + ", which is too large");
}

/// NCHW to NHWC or back.
Grid transpose(const Grid& from, Layout layout) {
  const auto [rows, columns] = layout == Layout::nhwc
                                   ? std::pair(from.shape[1], from.shape[2] * from.shape[3])
                                   : std::pair(from.shape[1] * from.shape[2], from.shape[3]);
  Grid to;
  to.shape = layout == Layout::nhwc ? Shape{from.shape[0], from.shape[2], from.shape[3], from.shape[1]}
                                    : Shape{from.shape[0], from.shape[3], from.shape[1], from.shape[2]};
  to.values.resize(from.values.size());
  const int64_t plane = rows * columns;
  for (int64_t batch = 0; batch < from.shape[0]; ++batch)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        to.values[static_cast<size_t>(batch * plane + column * rows + row)] =
            from.values[static_cast<size_t>(batch * plane + row * columns + column)];
  return to;
}

std::pair<int64_t, int64_t> resized(const Resize& resize, int64_t height, int64_t width) {
  const auto scaled = [](int64_t size, double by) {
    return std::max<int64_t>(std::llround(static_cast<double>(size) * by), 1);
  };
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  if (resize.shorter > 0) {
    double by = static_cast<double>(resize.shorter) / std::min(h, w);
    if (resize.longer > 0) by = std::min(by, static_cast<double>(resize.longer) / std::max(h, w));
    return {scaled(height, by), scaled(width, by)};
  }
  if (!resize.keep_aspect) return {resize.height, resize.width};
  const double by = std::min(static_cast<double>(resize.height) / h, static_cast<double>(resize.width) / w);
  return {scaled(height, by), scaled(width, by)};
}

Status apply_resize(Grid& grid, const Recipe& recipe, Layout layout, std::optional<ImageGeometry>& geometry) {
  LATHE_TRY(check_image_rank(grid, "resize"));
  const size_t axis = height_axis(layout);
  const int64_t height = grid.shape[axis], width = grid.shape[axis + 1];
  if (height == 0 || width == 0) return bad_input("", "resize: the image is empty");
  const auto [new_height, new_width] = resized(*recipe.resize, height, width);
  Shape shape = grid.shape;
  shape[axis] = new_height;
  shape[axis + 1] = new_width;
  LATHE_TRY(check_size(shape));
  shape[axis] = height;
  LATHE_TRY(check_size(shape));  // between the two passes
  resample_axis(grid, axis + 1, new_width);
  resample_axis(grid, axis, new_height);
  if (!geometry) geometry = ImageGeometry{width, height, 1, 1, 0, 0};
  geometry->scale_x = static_cast<double>(new_width) / static_cast<double>(width);
  geometry->scale_y = static_cast<double>(new_height) / static_cast<double>(height);
  return {};
}

Status apply_repeat(Grid& grid, const Repeat& repeat) {
  const auto axis = normalize_axis(repeat.axis, grid.shape.size());
  if (!axis)
    return bad_input(
        "", "repeat: there is no axis " + std::to_string(repeat.axis) + " in shape " + to_string(grid.shape));
  Shape shape = grid.shape;
  const auto times = checked_mul(shape[static_cast<size_t>(*axis)], repeat.times);
  shape[static_cast<size_t>(*axis)] = times.value_or(max_elements + 1);
  LATHE_TRY(check_size(shape));
  // The block from the axis on is repeated whole, as numpy's tile does.
  int64_t block = 1;
  for (size_t i = static_cast<size_t>(*axis); i < grid.shape.size(); ++i) block *= grid.shape[i];
  std::vector<double> values;
  values.reserve(grid.values.size() * static_cast<size_t>(repeat.times));
  for (auto at = grid.values.begin(); at != grid.values.end(); at += block)
    for (int64_t i = 0; i < repeat.times; ++i) values.insert(values.end(), at, at + block);
  grid = {std::move(shape), std::move(values)};
  return {};
}

Status apply_normalization(Grid& grid, const Recipe& recipe, Layout layout) {
  const size_t rank = grid.shape.size();
  const bool per_channel = recipe.mean.size() > 1 || recipe.std.size() > 1;
  if (per_channel && rank < 2) return bad_input("", "mean and std per channel need data with a channel axis");
  const size_t axis = per_channel ? channel_axis(layout, rank) : 0;
  for (const auto& [name, list] : {std::pair("mean", &recipe.mean), std::pair("std", &recipe.std)})
    if (list->size() > 1 && static_cast<int64_t>(list->size()) != grid.shape[axis])
      return bad_input("", std::string(name) + " has " + std::to_string(list->size()) + " numbers for " +
                               std::to_string(grid.shape[axis]) + " channels of shape " +
                               to_string(grid.shape));
  size_t inner = 1;
  for (size_t i = axis + 1; per_channel && i < rank; ++i) inner *= static_cast<size_t>(grid.shape[i]);
  const size_t channels = per_channel ? static_cast<size_t>(grid.shape[axis]) : 1;
  const auto pick = [](const std::vector<double>& list, size_t channel, double fallback) {
    return list.empty() ? fallback : list[list.size() == 1 ? 0 : channel];
  };
  for (size_t i = 0; i < grid.values.size(); ++i) {
    const size_t channel = per_channel ? i / inner % channels : 0;
    grid.values[i] =
        (grid.values[i] * recipe.scale - pick(recipe.mean, channel, 0)) / pick(recipe.std, channel, 1);
  }
  return {};
}

Status apply_pad(Grid& grid, const Pad& pad, Layout layout) {
  LATHE_TRY(check_image_rank(grid, "pad"));
  const size_t axis = height_axis(layout);
  const auto target = [&](int64_t size, int64_t least) {
    return ceil_div(std::max(size, least), pad.multiple) * pad.multiple;
  };
  const Shape from = grid.shape;
  Shape to = from;
  to[axis] = target(from[axis], pad.height);
  to[axis + 1] = target(from[axis + 1], pad.width);
  LATHE_TRY(check_size(to));
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < axis; ++i) outer *= from[i];
  for (size_t i = axis + 2; i < from.size(); ++i) inner *= from[i];
  std::vector<double> values(static_cast<size_t>(element_count(to)), pad.value);
  for (int64_t block = 0; block < outer; ++block)
    for (int64_t row = 0; row < from[axis]; ++row)
      std::copy_n(grid.values.begin() + (block * from[axis] + row) * from[axis + 1] * inner,
                  from[axis + 1] * inner, values.begin() + (block * to[axis] + row) * to[axis + 1] * inner);
  grid = {std::move(to), std::move(values)};
  return {};
}

/// Elements as double; false where the type has no numbers.
bool load(const Tensor& tensor, Grid& grid) {
  grid.shape = tensor.shape();
  grid.values = tensor.to_double();
  return tensor.type() != ElementType::string && static_cast<int64_t>(grid.values.size()) == tensor.count();
}

template <class T>
bool fits(double value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    return value >= static_cast<double>(std::numeric_limits<T>::min()) &&
           value < std::ldexp(1.0, std::numeric_limits<T>::digits);
  return true;
}

Result<Tensor> store(const Grid& grid, ElementType type) {
  LATHE_ASSIGN(Tensor tensor, Tensor::allocate(type, grid.shape));
  Status status;
  const auto fill = [&](auto zero) {
    using T = decltype(zero);
    auto to = tensor.mutable_data<T>();
    for (size_t i = 0; i < grid.values.size(); ++i) {
      const double value = std::is_integral_v<T> ? std::nearbyint(grid.values[i]) : grid.values[i];
      if constexpr (std::is_same_v<T, bool>) {
        to[i] = grid.values[i] != 0;
      } else if (fits<T>(value)) {
        to[i] = static_cast<T>(value);
      } else {
        to[i] = T{};
        if (status.ok())
          status = bad_input("", "element " + std::to_string(i) + " is " + std::to_string(grid.values[i]) +
                                     ", which does not fit the type " + to_string(type));
      }
    }
  };
  if (!visit_numeric(type, fill) && !visit_type<bool>(type, fill))
    return unsupported("", std::string("data cannot be prepared for an input of type ") + to_string(type));
  LATHE_TRY(status);
  return tensor;
}

Result<Tensor> finish(Grid grid, const Recipe& recipe, Layout layout, ElementType type,
                      std::optional<ImageGeometry>& geometry) {
  if (recipe.resize) LATHE_TRY(apply_resize(grid, recipe, layout, geometry));
  if (recipe.repeat) LATHE_TRY(apply_repeat(grid, *recipe.repeat));
  if (recipe.changes_values()) LATHE_TRY(apply_normalization(grid, recipe, layout));
  if (recipe.pad) LATHE_TRY(apply_pad(grid, *recipe.pad, layout));
  return store(grid, type);
}

}  // namespace

std::optional<Layout> layout_of(const InputSpec& input) {
  if (!input.axes || input.axes->size() != 4) return std::nullopt;
  const auto channels = [&](size_t axis) {
    return (*input.axes)[axis].size == 1 || (*input.axes)[axis].size == 3;
  };
  if (channels(1)) return Layout::nchw;
  if (channels(3)) return Layout::nhwc;
  return std::nullopt;
}

Result<Tensor> convert_elements(const Tensor& tensor, ElementType type) {
  if (tensor.type() == type) return tensor;
  Grid grid;
  if (type == ElementType::string || !load(tensor, grid))
    return bad_input("", std::string("has elements of type ") + to_string(tensor.type()) +
                             ", the input takes " + to_string(type));
  return store(grid, type);
}

Result<Tensor> prepare_array(const Tensor& raw, const Recipe& recipe, ElementType type,
                             std::optional<ImageGeometry>& geometry) {
  if (recipe.empty()) return convert_elements(raw, type);
  Grid grid;
  if (!load(raw, grid))
    return bad_input("", std::string("elements of type ") + to_string(raw.type()) + " cannot be prepared");
  const Layout given = recipe.array_layout.value_or(recipe.layout.value_or(Layout::nchw));
  const Layout wanted = recipe.layout.value_or(given);
  if (given != wanted) {
    LATHE_TRY(check_image_rank(grid, "layout"));
    grid = transpose(grid, wanted);
  }
  return finish(std::move(grid), recipe, wanted, type, geometry);
}

Result<Tensor> prepare_image(const Image& image, const Recipe& recipe, const InputSpec& input,
                             std::optional<ImageGeometry>& geometry) {
  const bool grey = recipe.channels == Channels::grey;
  Grid grid{{1, image.height, image.width, grey ? 1 : 3}, {}};
  grid.values.reserve(static_cast<size_t>(element_count(grid.shape)));
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    const double r = image.pixels[i], g = image.pixels[i + 1], b = image.pixels[i + 2];
    if (grey)
      grid.values.push_back(std::nearbyint(0.299 * r + 0.587 * g + 0.114 * b));
    else if (recipe.channels == Channels::rgb)
      grid.values.insert(grid.values.end(), {r, g, b});
    else
      grid.values.insert(grid.values.end(), {b, g, r});
  }
  geometry = ImageGeometry{image.width, image.height, 1, 1, 0, 0};
  const Layout wanted = recipe.layout.value_or(layout_of(input).value_or(Layout::nchw));
  if (wanted == Layout::nchw) grid = transpose(grid, Layout::nchw);
  return finish(std::move(grid), recipe, wanted, input.type, geometry);
}

}  // namespace lathe
