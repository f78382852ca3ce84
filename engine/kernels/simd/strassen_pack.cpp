// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "engine/kernels/simd/strassen.h"

namespace lathe::simd {

namespace {

/// One chunk of one panel of a quarter, with zeros beyond the matrix.
void copy_quarter(const StrassenCut& cut, const StrassenSource& source, int64_t panel, int64_t chunk,
                  size_t quarter, float* __restrict to) {
  const int64_t first_k = static_cast<int64_t>(quarter / 2) * cut.half_depth() + chunk * cut.chunk(),
                first_n = static_cast<int64_t>(quarter % 2) * cut.half_columns() + panel * cut.panel;
  const int64_t end_k = quarter / 2 == 0 ? cut.half_depth() : cut.depth;
  const int64_t deep = std::clamp<int64_t>(end_k - first_k, 0, cut.chunk()),
                wide = std::clamp<int64_t>(cut.columns - first_n, 0, cut.panel);
  if (deep < cut.chunk() || wide < cut.panel) std::fill(to, to + cut.block(), 0.0F);
  const auto size = static_cast<int64_t>(sizeof(float));
  const std::byte* from = source.data + (first_k * source.row + first_n * source.column) * size;
  if (source.column == 1) {
    for (int64_t k = 0; k < deep; ++k)
      std::memcpy(to + k * cut.panel, from + k * source.row * size, static_cast<size_t>(wide * size));
    return;
  }
  for (int64_t n = 0; n < wide; ++n)
    for (int64_t k = 0; k < deep; ++k)
      std::memcpy(to + k * cut.panel + n, from + (k * source.row + n * source.column) * size, sizeof(float));
}

/// The sum of quarters[0..3][i] with these signs.
template <size_t which>
float signed_sum(const float* const (&quarters)[4], int64_t i) {
  constexpr QuarterSigns signs = strassen_products[stored_products[which]].b;
  float sum = 0;
  if constexpr (signs[0] != 0) sum += signs[0] * quarters[0][i];
  if constexpr (signs[1] != 0) sum += signs[1] * quarters[1][i];
  if constexpr (signs[2] != 0) sum += signs[2] * quarters[2][i];
  if constexpr (signs[3] != 0) sum += signs[3] * quarters[3][i];
  return sum;
}

template <size_t... which>
void add_quarters(const float* const (&quarters)[4], int64_t count, float* __restrict to,
                  std::index_sequence<which...>) {
  for (int64_t i = 0; i < count; ++i)
    ((to[static_cast<int64_t>(which) * count + i] = signed_sum<which>(quarters, i)), ...);
}

/// Scales them, and says whether all can be added without harm.
bool scale_quarters(float scale, float* quarters, int64_t count) {
  bool mixable = true;
  for (int64_t i = 0; i < count; ++i) {
    quarters[i] *= scale;
    mixable &= std::abs(quarters[i]) <= largest_mixed;
  }
  return mixable;
}

}  // namespace

int64_t StrassenCut::chunk() const {
  const int64_t even = (half_depth() + chunks() - 1) / chunks();
  return (even + unrolled - 1) / unrolled * unrolled;
}

Result<StrassenWeights> pack_strassen(const StrassenCut& cut, const StrassenSource& source) {
  StrassenWeights weights{cut, {}};
  LATHE_ASSIGN(weights.stored, Buffer::allocate_lasting(cut.packed_floats() * sizeof(float)));
  auto* stored = reinterpret_cast<float*>(weights.stored.mutable_data());
  const int64_t chunks = cut.chunks(), block = cut.block();
  bool mixable = true;
#pragma omp parallel reduction(& : mixable)
  {
    const std::unique_ptr<float[]> quarters(new (std::nothrow) float[static_cast<size_t>(4 * block)]);
    if (quarters == nullptr) mixable = false;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < cut.panels() * chunks; ++i) {
      if (quarters == nullptr) continue;
      const float* parts[4];
      for (size_t q = 0; q < 4; ++q) {
        float* part = quarters.get() + static_cast<int64_t>(q) * block;
        copy_quarter(cut, source, i / chunks, i % chunks, q, part);
        parts[q] = part;
      }
      mixable &= scale_quarters(source.scale, quarters.get(), 4 * block);
      constexpr size_t each = stored_products.size();
      add_quarters(parts, block, stored + i * static_cast<int64_t>(each) * block,
                   std::make_index_sequence<each>());
    }
  }
  if (!mixable) return unsupported("", "weights too large to be added");
  return weights;
}

}  // namespace lathe::simd
