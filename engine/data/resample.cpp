// SPDX-License-Identifier: Apache-2.0
#include "engine/data/resample.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

/// Which source elements make one target element, and how much each counts.
struct Taps {
  int64_t first = 0;
  std::vector<double> weights;
};

std::vector<Taps> triangle_taps(int64_t from, int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const double radius = std::max(step, 1.0);
  std::vector<Taps> taps(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    Taps& tap = taps[static_cast<size_t>(i)];
    tap.first = std::max<int64_t>(static_cast<int64_t>(std::floor(centre - radius + 0.5)), 0);
    const int64_t end = std::min(static_cast<int64_t>(std::floor(centre + radius + 0.5)), from);
    double sum = 0;
    for (int64_t k = tap.first; k < end; ++k) {
      const double distance = std::abs(static_cast<double>(k) + 0.5 - centre) / radius;
      tap.weights.push_back(std::max(1 - distance, 0.0));
      sum += tap.weights.back();
    }
    for (double& weight : tap.weights) weight /= sum;
  }
  return taps;
}

}  // namespace

void resample_axis(Grid& grid, size_t axis, int64_t size) {
  const int64_t from = grid.shape[axis];
  if (from == size) return;
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < axis; ++i) outer *= grid.shape[i];
  for (size_t i = axis + 1; i < grid.shape.size(); ++i) inner *= grid.shape[i];
  const std::vector<Taps> taps = triangle_taps(from, size);
  std::vector<double> values(static_cast<size_t>(outer * size * inner), 0.0);
  for (int64_t block = 0; block < outer; ++block)
    for (int64_t i = 0; i < size; ++i) {
      const Taps& tap = taps[static_cast<size_t>(i)];
      double* to = values.data() + (block * size + i) * inner;
      for (size_t k = 0; k < tap.weights.size(); ++k) {
        const double* source =
            grid.values.data() + (block * from + tap.first + static_cast<int64_t>(k)) * inner;
        for (int64_t j = 0; j < inner; ++j) to[j] += tap.weights[k] * source[j];
      }
    }
  grid.shape[axis] = size;
  grid.values = std::move(values);
}

}  // namespace lathe
