// SPDX-License-Identifier: Apache-2.0
// lathe.Attention: Y = softmax(scale * Q K + mask) V over strided views of the stored tensors, so that no
// operand has to be transposed or cut out first.
#pragma once

#include <string_view>
#include <vector>

#include "engine/ops/operator.h"

namespace lathe {

/// A tensor read through sizes and steps; strides and offset in elements of the stored (plain) tensor.
struct StridedView {
  Shape shape;
  std::vector<int64_t> strides;
  int64_t offset = 0;
};

/// Views agree in their leading (batch) axes; a stride of 0 repeats.
struct AttentionForm {
  StridedView q;  ///< [batch.., queries, size]
  StridedView k;  ///< [batch.., size, keys]
  StridedView v;  ///< [batch.., keys, v size]
  StridedView y;  ///< [batch.., queries, v size]
  Shape output;   ///< of the stored result
  float scale = 1;

  size_t batch_rank() const { return y.shape.size() - 2; }
  int64_t batches() const { return element_count(std::span(y.shape).first(batch_rank())); }
  int64_t queries() const { return q.shape[batch_rank()]; }
  int64_t keys() const { return v.shape[batch_rank()]; }
  int64_t size() const { return q.shape.back(); }
  int64_t v_size() const { return v.shape.back(); }
  /// Multiply-adds counted as 2.
  int64_t flops() const { return 2 * batches() * queries() * keys() * (size() + v_size()); }
  /// Offset of a view's batch number i (row-major over the batch axes).
  int64_t batch_offset(const StridedView& view, int64_t i) const;
};

/// From the attributes q_shape, q_strides, q_offset, likewise k, v and y, output and scale. Errors: views
/// that do not fit each other or reach outside the tensors they read (of these element counts; 0: not known).
Result<AttentionForm> parse_attention(const Node& node, int64_t q_count, int64_t k_count, int64_t v_count);
void set_view(Attributes& attributes, std::string_view side, const StridedView& view);
/// The view of a mask that broadcasts to [batch.., queries, keys].
Result<StridedView> mask_view(const Node& node, const AttentionForm& form, const Shape& mask);

}  // namespace lathe
