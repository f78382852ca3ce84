// SPDX-License-Identifier: Apache-2.0
// Dense matrix products of the reference kernels.
#pragma once

#include <cstdint>

namespace lathe {

/// c [m, n] = op(a) op(b), all row-major. a is stored [m, k], or [k, m] when transposed; b [k, n] or [n, k].
/// Row strides are in elements. Unsigned types wrap, so they serve signed integers too.
template <class A>
struct MatrixProduct {
  int64_t m = 0, n = 0, k = 0;
  const A* a = nullptr;
  int64_t a_stride = 0;
  bool a_transposed = false;
  const A* b = nullptr;
  int64_t b_stride = 0;
  bool b_transposed = false;
  A* c = nullptr;
  int64_t c_stride = 0;
  bool accumulate = false;  ///< add to c instead of overwriting it
};

/// A: float, double, uint32_t or uint64_t.
template <class A>
void multiply(const MatrixProduct<A>& product);

/// Contiguous a [m, k] (or transposed) and b [k, n] (or transposed) into contiguous c.
template <class A>
void multiply(int64_t m, int64_t n, int64_t k, const A* a, bool a_transposed, const A* b, bool b_transposed,
              A* c) {
  multiply<A>(
      {m, n, k, a, a_transposed ? m : k, a_transposed, b, b_transposed ? k : n, b_transposed, c, n, false});
}

}  // namespace lathe
