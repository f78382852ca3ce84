// SPDX-License-Identifier: Apache-2.0
// Products of large f32 matrices by one level of Strassen's algorithm: seven products of quarters where there
// would be eight (V. Strassen, "Gaussian elimination is not optimal", 1969). As in J. Huang et al.,
// "Strassen's algorithm reloaded" (SC16) no sum costs a pass over memory: those of the left operand are
// formed while its rows are packed, those of the results in registers. Of the weights' sums four are stored,
// and the other three formed from them in the cache, block by block: the weights take no more memory than
// they had.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/buffer.h"
#include "engine/base/result.h"
#include "engine/ops/activation.h"

namespace lathe::simd {

/// The sign that quarters 11, 12, 21 and 22 of a matrix have in a sum.
using QuarterSigns = std::array<int8_t, 4>;

/// (sum of a's quarters) x (sum of b's quarters), which counts towards quarters of the result.
struct QuarterProduct {
  QuarterSigns a, b, c;
};

/// In the order in which they are made.
inline constexpr std::array<QuarterProduct, 7> strassen_products = {{
    {{0, 0, 1, 1}, {1, 0, 0, 0}, {0, 0, 1, -1}},
    {{1, 1, 0, 0}, {0, 0, 0, 1}, {-1, 1, 0, 0}},
    {{1, 0, 0, 1}, {1, 0, 0, 1}, {1, 0, 0, 1}},
    {{1, 0, 0, 0}, {0, 1, 0, -1}, {0, 1, 0, 1}},
    {{-1, 0, 1, 0}, {1, 1, 0, 0}, {0, 0, 0, 1}},
    {{0, 0, 0, 1}, {-1, 0, 1, 0}, {1, 0, 1, 0}},
    {{0, 1, 0, -1}, {0, 0, 1, 1}, {1, 0, 0, 0}},
}};
/// The products whose sums of weights are stored. Of the others, the third is the sum of the first two, and
/// the fifth and seventh are the ones before them plus the third.
inline constexpr std::array<size_t, 4> stored_products = {0, 1, 3, 5};

/// Values that a product of quarters may not mix with others: they would overflow or spread to other rows.
inline constexpr float largest_mixed = 1e18F;

/// How weights [depth, columns] are cut. Quarters are half as deep and half as wide, rounded up; what lies
/// beyond the matrix is 0.
struct StrassenCut {
  int64_t depth = 0, columns = 0;
  int64_t panel = 0;  ///< columns of one: two vectors

  static constexpr int64_t deepest_chunk = 192;  ///< a panel of it fits into the first-level cache
  static constexpr int64_t unrolled = 16;        ///< chunks are as deep as a multiple of it

  int64_t half_depth() const { return (depth + 1) / 2; }
  int64_t chunks() const { return (half_depth() + deepest_chunk - 1) / deepest_chunk; }
  int64_t chunk() const;
  int64_t half_columns() const { return panels() * panel; }
  int64_t panels() const { return ((columns + 1) / 2 + panel - 1) / panel; }
  /// Floats of a chunk of a panel of one sum.
  int64_t block() const { return chunk() * panel; }
  size_t packed_floats() const {
    return static_cast<size_t>(panels() * chunks() * block()) * stored_products.size();
  }
};

/// The sums of the weights' quarters, block after block as multiply_strassen reads them: panel by panel, in
/// each the chunks, in each the stored products; a block is [chunk][panel].
struct StrassenWeights {
  StrassenCut cut;
  Buffer stored;

  /// `which` of the stored products.
  const float* block(int64_t panel, int64_t chunk, int64_t which) const {
    const auto each = static_cast<int64_t>(stored_products.size());
    return reinterpret_cast<const float*>(stored.data()) +
           ((panel * cut.chunks() + chunk) * each + which) * cut.block();
  }
};

/// Element (k, n) of the weights at k * row + n * column (in elements; one of the two is 1), times `scale`.
struct StrassenSource {
  const std::byte* data = nullptr;  ///< of f32, aligned or not
  int64_t row = 0, column = 0;
  float scale = 1;
};

/// Uses all threads. Fails where memory runs out, and with ErrorKind::unsupported where a weight is not
/// finite or larger than largest_mixed.
Result<StrassenWeights> pack_strassen(const StrassenCut& cut, const StrassenSource& source);

/// Some rows of a product, activation(a x weights + bias (+ what y holds)).
struct StrassenTask {
  const StrassenWeights* weights = nullptr;
  int64_t rows = 0;                        ///< at most most_rows_a_block
  int64_t first_chunk = 0, end_chunk = 0;  ///< of the depth
  const float* a = nullptr;
  int64_t a_row = 0;
  float* y = nullptr;
  int64_t y_row = 0;
  const float* bias = nullptr;  ///< one per column, or null
  bool accumulate = false;
  Activation activation;
  float* sums = nullptr;  ///< strassen_sum_floats() of the chunks: may be shared by threads
  // Of this thread:
  float* blocks = nullptr;   ///< two blocks of weights
  float* results = nullptr;  ///< strassen_panel_floats() for each panel of a call

  int64_t half_rows() const { return (rows + 1) / 2; }
};

inline constexpr int64_t most_rows_a_block =
    216;  ///< sums of a chunk of so many fit into the second-level cache

int64_t strassen_sum_floats(const StrassenCut& cut, int64_t rows, int64_t chunks);
int64_t strassen_panel_floats(const StrassenCut& cut, int64_t rows);

/// Fills row r of the sums (0 <= r < half_rows()). False where a value may not be mixed with others: then all
/// rows have to be packed by pack_quarters and multiplied with `plain`.
bool pack_row_sums(const StrassenTask& task, int64_t r);
void pack_row_quarters(const StrassenTask& task, int64_t r);
/// Fills, or adds to, the results of some panels in both halves of the result, the panels side by side in
/// each chunk of the depth. `plain`: eight products of quarters, each row by itself.
void multiply_strassen(const StrassenTask& task, int64_t begin, int64_t end, bool plain, bool add);
/// Writes y of these panels: the sum of `parts` results, `part_floats` apart.
void store_strassen(const StrassenTask& task, int64_t begin, int64_t end, int64_t parts = 1,
                    int64_t part_floats = 0);

/// Columns of a panel on this machine, after cap_targets().
int64_t strassen_panel();

}  // namespace lathe::simd
