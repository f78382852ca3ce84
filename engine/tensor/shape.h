// SPDX-License-Identifier: Apache-2.0
// Concrete shapes. Symbolic ones are Dim's (engine/graph/dim.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

/// Sizes per axis, outermost first; empty = scalar. All >= 0.
using Shape = std::vector<int64_t>;

/// Product of the sizes; nullopt when negative or it overflows.
std::optional<int64_t> checked_element_count(std::span<const int64_t> shape);
/// Product of sizes known to be good (of an existing tensor).
int64_t element_count(std::span<const int64_t> shape);
/// "1x3x224x224"; "scalar" for rank 0.
std::string to_string(std::span<const int64_t> shape);
/// Parses "1x3x224x224" (also with commas); "scalar" or "" gives rank 0.
Result<Shape> parse_shape(std::string_view text);
/// numpy broadcasting of two shapes; nullopt when they do not fit.
std::optional<Shape> broadcast(std::span<const int64_t> a, std::span<const int64_t> b);
/// Elements (not bytes) to step per axis in row-major order.
std::vector<int64_t> row_major_strides(std::span<const int64_t> shape);
/// Strides to read `shape` as if it had the broadcast shape `target` (0 on broadcast axes).
std::vector<int64_t> broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> target);
/// Axis in 0..rank-1 from one that may be negative; nullopt out of range.
std::optional<int64_t> normalize_axis(int64_t axis, size_t rank);

}  // namespace lathe
