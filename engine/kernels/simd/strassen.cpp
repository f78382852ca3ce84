// SPDX-License-Identifier: Apache-2.0
// The vector code of Strassen's products. A tile of the result, some rows by a panel of two vectors, stays in
// registers over a chunk of the depth, and is then added to the quarters that its product counts towards.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/strassen.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <hwy/highway.h>
#include <utility>

#include "engine/kernels/simd/activations-inl.h"
#include "engine/kernels/simd/strassen.h"
#include "engine/kernels/simd/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
/// A block of weights that is needed soon is fetched in as many parts while another one is used.
constexpr int64_t parts_a_block = 8;
/// Of fewer, so many tiles would be too small: each fetches two parts.
constexpr int64_t few_rows = 60;
constexpr int64_t unrolled = StrassenCut::unrolled;

/// The quarters that a product counts towards, at most two.
struct Destinations {
  float* to[2];
  float sign[2];
  int count = 0;
  bool first = false;  ///< nothing counts yet
};

/// A block of weights [depth][panel]: `first`, or the sum of `first` and `second`, which whoever multiplies
/// with it first leaves in `sum`.
struct Weights {
  const float* first;
  const float* second = nullptr;
  float* sum = nullptr;
  const float* next;       ///< what is needed soon
  bool two_lines = false;  ///< are fetched of it for every fourth row
};

/// to += sign * a x weights, where a is [depth / 16][Rows][16]; fetches a line of `next` for every fourth row
/// of the weights.
template <int Rows, bool Sum>
HWY_NOINLINE void multiply_tile(const float* HWY_RESTRICT a, const Weights& weights, int64_t depth,
                                const Destinations& destinations) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float *HWY_RESTRICT b = weights.first, *HWY_RESTRICT second = weights.second;
  float* HWY_RESTRICT sum = weights.sum;
  V sums[Rows][2];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = hn::Zero(d);
  const auto load = [&](V(&row)[2]) HWY_ATTR {
#pragma GCC unroll 2
    for (int64_t v = 0; v < 2; ++v) {
      row[v] = hn::LoadU(d, b + v * lanes);
      if constexpr (Sum) {
        row[v] = hn::Add(row[v], hn::LoadU(d, second + v * lanes));
        hn::StoreU(row[v], d, sum + v * lanes);
      }
    }
    b += 2 * lanes;
    if constexpr (Sum) {
      second += 2 * lanes;
      sum += 2 * lanes;
    }
  };
  multiply_rows<Rows, 2>(a, Rows * tile_block, depth, weights.next, load, sums, weights.two_lines);
  for (int i = 0; i < destinations.count; ++i) {
    float* HWY_RESTRICT to = destinations.to[i];
    const V sign = hn::Set(d, destinations.sign[i]);
    if (destinations.first) {
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r, to += 2 * lanes) {
        hn::StoreU(hn::Mul(sign, sums[r][0]), d, to);
        hn::StoreU(hn::Mul(sign, sums[r][1]), d, to + lanes);
      }
    } else {
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r, to += 2 * lanes) {
        hn::StoreU(hn::MulAdd(sign, sums[r][0], hn::LoadU(d, to)), d, to);
        hn::StoreU(hn::MulAdd(sign, sums[r][1], hn::LoadU(d, to + lanes)), d, to + lanes);
      }
    }
  }
}

using Tile = void (*)(const float*, const Weights&, int64_t, const Destinations&);

template <bool Sum, int... Rows>
Tile tile_of(int64_t rows, std::integer_sequence<int, Rows...>) {
  static constexpr Tile tiles[] = {multiply_tile<Rows + 1, Sum>...};
  return tiles[rows - 1];
}
Tile tile_of(int64_t rows, bool sum) {
  constexpr auto every = std::make_integer_sequence<int, most_rows_a_tile>();
  return sum ? tile_of<true>(rows, every) : tile_of<false>(rows, every);
}

/// The quarters of one row of a, chunk by chunk, with zeros beyond the matrix.
class RowQuarters {
 public:
  RowQuarters(const StrassenTask& task, int64_t r) : task_(task), row_(r) {}

  /// Quarter q of `wanted` elements from `first` on, as many as a chunk has; in `copy` where zeros follow.
  const float* at(size_t q, int64_t first, int64_t wanted, float* copy) const {
    const StrassenCut& cut = task_.weights->cut;
    const int64_t half = cut.half_depth(), row = row_ + (q >= 2 ? task_.half_rows() : 0);
    const int64_t end = q % 2 == 0 ? half : cut.depth - half;
    const float* from = task_.a + row * task_.a_row + (q % 2 == 0 ? 0 : half) + first;
    const int64_t present = row < task_.rows ? std::clamp<int64_t>(end - first, 0, wanted) : 0;
    if (present == wanted && wanted % static_cast<int64_t>(hn::Lanes(D())) == 0) return from;
    std::copy_n(from, present, copy);
    std::fill(copy + present, copy + StrassenCut::deepest_chunk, 0.0F);
    return copy;
  }

 private:
  const StrassenTask& task_;
  int64_t row_;
};

/// How half the rows are shared out to tiles.
struct Tiles {
  int64_t half, rows, count;
  explicit Tiles(const StrassenTask& task) : half(task.half_rows()) {
    const int64_t needed = (half + most_rows_a_tile - 1) / most_rows_a_tile;
    const int64_t wanted = std::max(half > few_rows ? parts_a_block : parts_a_block / 2, needed);
    rows = (half + wanted - 1) / wanted;
    count = (half + rows - 1) / rows;
  }
  int64_t rows_of(int64_t tile) const { return std::min(rows, half - tile * rows); }
};

/// One of the sums that rows are packed to, in a chunk: tile by tile [chunk / 16][rows of the tile][16].
float* packed_sum(const StrassenTask& task, int64_t chunk, size_t index, size_t sums) {
  const int64_t sum = (chunk - task.first_chunk) * static_cast<int64_t>(sums) + static_cast<int64_t>(index);
  return task.sums + sum * task.half_rows() * task.weights->cut.chunk();
}

/// Where a row lies in them: its first element, and the step to its next 16.
struct PackedRow {
  int64_t first, step;
  PackedRow(const Tiles& tiles, int64_t chunk, int64_t r) {
    const int64_t tile = r / tiles.rows;
    first = tile * tiles.rows * chunk + r % tiles.rows * unrolled;
    step = tiles.rows_of(tile) * unrolled;
  }
  int64_t at(int64_t k) const { return first + k / unrolled * step + k % unrolled; }
};

bool pack_sums(const StrassenTask& task, int64_t r) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const StrassenCut& cut = task.weights->cut;
  const RowQuarters quarters(task, r);
  const int64_t chunk = cut.chunk();
  const PackedRow row(Tiles(task), chunk, r);
  const V limit = hn::Set(d, largest_mixed);
  auto mixable = hn::Eq(limit, limit);
  HWY_ALIGN float copies[4][StrassenCut::deepest_chunk];
  for (int64_t c = task.first_chunk; c < task.end_chunk; ++c) {
    const float* q[4];
    for (size_t i = 0; i < 4; ++i) q[i] = quarters.at(i, c * chunk, chunk, copies[i]);
    float* to[strassen_products.size()];
    for (size_t p = 0; p < strassen_products.size(); ++p)
      to[p] = packed_sum(task, c, p, strassen_products.size());
    for (int64_t k = 0; k < chunk; k += lanes) {
      V x[4];
      for (size_t i = 0; i < 4; ++i) {
        x[i] = hn::LoadU(d, q[i] + k);
        mixable = hn::And(mixable, hn::Le(hn::Abs(x[i]), limit));
      }
#pragma GCC unroll 8
      for (size_t p = 0; p < strassen_products.size(); ++p) {
        V sum = hn::Zero(d);
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; ++i) {
          if (strassen_products[p].a[i] > 0) sum = hn::Add(sum, x[i]);
          if (strassen_products[p].a[i] < 0) sum = hn::Sub(sum, x[i]);
        }
        hn::StoreU(sum, d, to[p] + row.at(k));
      }
    }
  }
  return hn::AllTrue(d, mixable);
}

void pack_quarters(const StrassenTask& task, int64_t r) {
  const StrassenCut& cut = task.weights->cut;
  const RowQuarters quarters(task, r);
  const int64_t chunk = cut.chunk();
  const PackedRow row(Tiles(task), chunk, r);
  HWY_ALIGN float copy[StrassenCut::deepest_chunk];
  for (int64_t c = task.first_chunk; c < task.end_chunk; ++c)
    for (size_t q = 0; q < 4; ++q) {
      const float* from = quarters.at(q, c * chunk, chunk, copy);
      float* to = packed_sum(task, c, q, 4);
      for (int64_t k = 0; k < chunk; k += unrolled) std::copy_n(from + k, unrolled, to + row.at(k));
    }
}

/// One panel of both halves of the result, chunk by chunk of the depth.
class Panel {
 public:
  /// `results`: what is summed up to it, strassen_panel_floats().
  Panel(const StrassenTask& task, int64_t panel, float* results)
      : task_(task),
        cut_(task.weights->cut),
        panel_(panel),
        half_(task.half_rows()),
        tiles_(task),
        results_(results) {}

  /// `next`: the panel and chunk that follow. `add`: to the results of chunks before.
  void multiply(int64_t c, const float* next, bool add) {
    float *const third = task_.blocks, *const other = third + cut_.block();
    const auto stored = [&](int64_t which) { return task_.weights->block(panel_, c, which); };
    const auto product = [&](size_t p, const Weights& weights) {
      // The first two count towards all quarters.
      add_product(packed_sum(task_, c, p, strassen_products.size()), weights, strassen_products[p].c,
                  !add && p < 2);
    };
    product(0, {.first = stored(0), .next = stored(1)});
    product(1, {.first = stored(1), .next = stored(2)});
    product(2, {.first = stored(0), .second = stored(1), .sum = third, .next = stored(3)});
    product(3, {.first = stored(2), .next = stored(2)});
    product(4, {.first = stored(2), .second = third, .sum = other, .next = next});
    product(5, {.first = stored(3), .next = stored(3)});
    product(6, {.first = stored(3), .second = third, .sum = other, .next = next + cut_.block()});
  }

  /// Every quarter by itself. The weights' quarters 11 and 22 are there; 12 is (12 - 22) + 22, 21 is
  /// (21 - 11) + 11.
  void multiply_plainly(int64_t c, const float* next, bool add) {
    float *const b12 = task_.blocks, *const b21 = b12 + cut_.block();
    const auto stored = [&](int64_t which) { return task_.weights->block(panel_, c, which); };
    const Weights weights[2][2] = {{{.first = stored(0), .next = stored(2)},
                                    {.first = stored(2), .second = stored(1), .sum = b12, .next = stored(3)}},
                                   {{.first = stored(3), .second = stored(0), .sum = b21, .next = stored(3)},
                                    {.first = stored(1), .next = next}}};
    for (size_t row = 0; row < 2; ++row)
      for (size_t k = 0; k < 2; ++k)
        for (size_t column = 0; column < 2; ++column) {
          QuarterSigns signs{};
          signs[2 * row + column] = 1;
          add_product(packed_sum(task_, c, 2 * row + k, 4), weights[k][column], signs, !add && k == 0);
        }
  }

  void add_results(const float* HWY_RESTRICT other) {
    const D d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (int64_t i = 0; i < 4 * half_ * cut_.panel; i += lanes)
      hn::StoreU(hn::Add(hn::LoadU(d, results_ + i), hn::LoadU(d, other + i)), d, results_ + i);
  }

  template <class F>
  void store() const {
    for (int64_t half = 0; half < 2; ++half) {
      const int64_t first = half * cut_.half_columns() + panel_ * cut_.panel;
      const int64_t wide = std::clamp<int64_t>(cut_.columns - first, 0, cut_.panel);
      for (int64_t row = 0; row < task_.rows; ++row)
        store_row<F>(quarter(static_cast<size_t>(half + (row < half_ ? 0 : 2))) + row % half_ * cut_.panel,
                     row, first, wide);
    }
  }

 private:
  float* quarter(size_t q) const { return results_ + static_cast<int64_t>(q) * half_ * cut_.panel; }

  void add_product(const float* a, Weights weights, const QuarterSigns& signs, bool first_of_quarters) const {
    const int64_t chunk = cut_.chunk();
    weights.two_lines = tiles_.count < parts_a_block;
    for (int64_t t = 0; t < tiles_.count; ++t) {
      const int64_t first = t * tiles_.rows;
      Destinations destinations;
      destinations.first = first_of_quarters;
      for (size_t q = 0; q < 4; ++q) {
        if (signs[q] == 0) continue;
        destinations.to[destinations.count] = quarter(q) + first * cut_.panel;
        destinations.sign[destinations.count++] = static_cast<float>(signs[q]);
      }
      tile_of(tiles_.rows_of(t), weights.sum != nullptr)(a + first * chunk, weights, chunk, destinations);
      weights.next += chunk / 4 * floats_a_line * (weights.two_lines ? 2 : 1);
      if (weights.sum != nullptr) weights.first = std::exchange(weights.sum, nullptr);
    }
  }

  template <class F>
  void store_row(const float* HWY_RESTRICT from, int64_t row, int64_t first, int64_t wide) const {
    const D d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    int64_t i = 0;
    for (; i + lanes <= wide; i += lanes) store_some<F>(d, from + i, row, first + i);
    const hn::CappedTag<float, 1> one;
    for (; i < wide; ++i) store_some<F>(one, from + i, row, first + i);
  }

  template <class F, class T>
  HWY_INLINE void store_some(T d, const float* from, int64_t row, int64_t column) const {
    float* to = task_.y + row * task_.y_row + column;
    auto value = hn::LoadU(d, from);
    if (task_.bias != nullptr) value = hn::Add(value, hn::LoadU(d, task_.bias + column));
    if (task_.accumulate) value = hn::Add(value, hn::LoadU(d, to));
    hn::StoreU(F::of(d, value, task_.activation), d, to);
  }

  const StrassenTask& task_;
  const StrassenCut& cut_;
  int64_t panel_, half_;
  Tiles tiles_;
  float* results_;
};

float* results_of(const StrassenTask& task, int64_t panel) {
  return task.results + panel * strassen_panel_floats(task.weights->cut, task.rows);
}

void multiply(const StrassenTask& task, int64_t begin, int64_t end, bool plain, bool add) {
  for (int64_t c = task.first_chunk; c < task.end_chunk; ++c)
    for (int64_t p = begin; p < end; ++p) {
      const bool last = p + 1 == end, adds = add || c > task.first_chunk;
      const float* const next = task.weights->block(last ? begin : p + 1, last ? c + 1 : c, 0);
      Panel panel(task, p, results_of(task, p - begin));
      plain ? panel.multiply_plainly(c, next, adds) : panel.multiply(c, next, adds);
    }
}

void store(const StrassenTask& task, int64_t begin, int64_t end, int64_t parts, int64_t part_floats) {
  with_activation(task.activation.kind, [&]<class F>(F) {
    for (int64_t p = begin; p < end; ++p) {
      float* const results = results_of(task, p - begin);
      Panel panel(task, p, results);
      for (int64_t part = 1; part < parts; ++part) panel.add_results(results + part * part_floats);
      panel.template store<F>();
    }
  });
}

int64_t panel_width() {
  return 2 * static_cast<int64_t>(hn::Lanes(D()));
}

}  // namespace
}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

HWY_EXPORT(pack_sums);
HWY_EXPORT(pack_quarters);
HWY_EXPORT(multiply);
HWY_EXPORT(store);
HWY_EXPORT(panel_width);

int64_t strassen_sum_floats(const StrassenCut& cut, int64_t rows, int64_t chunks) {
  return chunks * cut.chunk() * static_cast<int64_t>(strassen_products.size()) * ((rows + 1) / 2);
}

int64_t strassen_panel_floats(const StrassenCut& cut, int64_t rows) {
  return 4 * ((rows + 1) / 2) * cut.panel;
}

bool pack_row_sums(const StrassenTask& task, int64_t r) {
  return HWY_DYNAMIC_DISPATCH(pack_sums)(task, r);
}
void pack_row_quarters(const StrassenTask& task, int64_t r) {
  HWY_DYNAMIC_DISPATCH(pack_quarters)(task, r);
}
void multiply_strassen(const StrassenTask& task, int64_t begin, int64_t end, bool plain, bool add) {
  HWY_DYNAMIC_DISPATCH(multiply)(task, begin, end, plain, add);
}
void store_strassen(const StrassenTask& task, int64_t begin, int64_t end, int64_t parts,
                    int64_t part_floats) {
  HWY_DYNAMIC_DISPATCH(store)(task, begin, end, parts, part_floats);
}
int64_t strassen_panel() {
  return HWY_DYNAMIC_DISPATCH(panel_width)();
}

}  // namespace lathe::simd
#endif
