// SPDX-License-Identifier: Apache-2.0
// The loop that all pooling operators share.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "engine/base/checked.h"
#include "engine/ops/window.h"

namespace lathe {

/// One placement of a pooling window.
struct PoolWindow {
  int64_t position = 0;  ///< output position, row-major over the spatial axes
  std::span<const int64_t>
      offsets;               ///< input positions inside the input, row-major within one channel, ascending
  int64_t padded_count = 0;  ///< window positions inside the input or its explicit padding
};

/// Kernel positions [from, to) along one axis that fall inside the input, and where the first one reads.
struct PoolSpan {
  int64_t from = 0, to = 0, start = 0, padded_count = 0;
};

inline PoolSpan pool_span(const Window& window, size_t axis, int64_t output, int64_t input) {
  const int64_t start = output * window.strides[axis] - window.pads_begin[axis],
                step = window.dilations[axis];
  const int64_t kernel = window.kernel[axis];
  PoolSpan span;
  span.from = std::clamp<int64_t>(ceil_div(-start, step), 0, kernel);
  span.to = std::clamp<int64_t>(ceil_div(input - start, step), span.from, kernel);
  span.start = start;
  span.padded_count = std::clamp<int64_t>(ceil_div(input + window.pads_end[axis] - start, step), 0, kernel);
  return span;
}

/// Calls body(PoolWindow) for every output position. The same for all channels, so the body loops over those.
template <class Body>
void for_each_window(const Window& window, std::span<const int64_t> input, Body&& body) {
  const size_t rank = window.rank();
  const int64_t positions = element_count(window.output);
  std::vector<int64_t> at(rank, 0), offsets, wider;
  for (int64_t position = 0; position < positions; ++position) {
    // Offsets of the axes so far, extended by one axis at a time; never more than the input has elements.
    offsets.assign(1, 0);
    int64_t padded_count = 1;
    for (size_t axis = 0; axis < rank; ++axis) {
      const PoolSpan span = pool_span(window, axis, at[axis], input[axis]);
      padded_count = checked_mul(padded_count, span.padded_count).value_or(padded_count);
      wider.clear();
      for (const int64_t outer : offsets)
        for (int64_t k = span.from; k < span.to; ++k)
          wider.push_back(outer * input[axis] + span.start + k * window.dilations[axis]);
      offsets.swap(wider);
    }
    body(PoolWindow{position, offsets, padded_count});
    for (size_t axis = rank; axis-- > 0;) {
      if (++at[axis] < window.output[axis]) break;
      at[axis] = 0;
    }
  }
}

}  // namespace lathe
