// SPDX-License-Identifier: Apache-2.0
// A whole product by Strassen's algorithm: its rows, columns and depth shared out to caches and threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kernels/simd/strassen.h"

namespace lathe::simd {

class StrassenProduct {
 public:
  /// y = activation(a x weights + bias (+ y)): `a_row` and `y_row` floats from a row to the next.
  struct Form {
    int64_t rows = 0, a_row = 0, y_row = 0;
    bool accumulate = false;
    Activation activation;
  };
  struct Operands {
    const float* a = nullptr;
    float* y = nullptr;
    const float* bias = nullptr;   ///< one per column, or null
    std::byte* scratch = nullptr;  ///< scratch_bytes()
  };

  StrassenProduct(StrassenWeights weights, const Form& form, int threads);

  size_t packed_bytes() const { return weights_.stored.size(); }
  size_t scratch_bytes() const;
  void run(const Operands& operands) const;

 private:
  StrassenTask rows_from(StrassenTask task, int64_t first) const;
  StrassenTask alone(StrassenTask task) const;
  void multiply_alone(const StrassenTask& block) const;
  void multiply_together(const StrassenTask& block) const;
  void multiply_deep(const StrassenTask& block) const;
  void multiply_batch(const StrassenTask& task, int64_t first, bool plain) const;
  bool multiply_chunks(StrassenTask& task, int64_t begin, int64_t end, bool plain) const;

  StrassenWeights weights_;
  Form form_;
  int threads_;
  bool apart_ = false;  ///< each thread multiplies rows of its own
  bool deep_ = false;   ///< chunk after chunk of the depth, all panels in each
  int64_t rows_a_block_ = 0, panels_a_batch_ = 1, chunks_a_group_ = 0;
  int64_t sum_floats_ = 0, thread_floats_ = 0;
};

}  // namespace lathe::simd
