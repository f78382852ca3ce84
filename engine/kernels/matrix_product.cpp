// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/matrix_product.h"

#include <optional>
#include <span>

#include "engine/tensor/shape.h"

namespace lathe {

MatrixView plain_view(const Shape& shape) {
  return {shape, row_major_strides(shape)};
}

/// Leading axes of size 1 until the rank is reached.
MatrixView with_rank(MatrixView view, size_t rank) {
  while (view.shape.size() < rank) {
    view.strides.insert(view.strides.begin(),
                        view.shape.empty() ? 1 : view.shape.front() * view.strides.front());
    view.shape.insert(view.shape.begin(), 1);
  }
  return view;
}

namespace {

MatrixView permuted(const MatrixView& view, const std::vector<int64_t>& perm) {
  MatrixView made;
  for (const int64_t axis : perm) {
    made.shape.push_back(view.shape[static_cast<size_t>(axis)]);
    made.strides.push_back(view.strides[static_cast<size_t>(axis)]);
  }
  return made;
}

void transpose_last(MatrixView& view) {
  std::swap(view.shape[view.shape.size() - 1], view.shape[view.shape.size() - 2]);
  std::swap(view.strides[view.strides.size() - 1], view.strides[view.strides.size() - 2]);
}

/// Strides of sizes 1 say nothing, but the primitive checks them: gives them what they would be in a matrix
/// that lies row by row, or column by column where the last axis does not step by one.
void settle_single_sizes(MatrixView& view) {
  const size_t n = view.shape.size();
  if (view.shape[n - 1] == 1) view.strides[n - 1] = 1;
  if (view.shape[n - 2] == 1) view.strides[n - 2] = view.strides[n - 1] == 1 ? view.shape[n - 1] : 1;
}

void erase_axis(MatrixView& view, size_t axis) {
  view.shape.erase(view.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  view.strides.erase(view.strides.begin() + static_cast<std::ptrdiff_t>(axis));
}

/// Batch axes of size 1 say nothing.
void drop_single_batches(MatrixProduct& product) {
  for (size_t axis = product.y.shape.size() - 2; axis-- > 0;) {
    if (product.y.shape[axis] != 1) continue;
    for (MatrixView* view : {&product.a, &product.b, &product.y}) erase_axis(*view, axis);
  }
}

/// The row axis that all axes but the last make together, where they step evenly; nullopt where they do not.
std::optional<MatrixView> as_rows(const MatrixView& view) {
  MatrixView rows{{1, view.shape.back()}, {0, view.strides.back()}};
  int64_t wanted = -1;  // stride that the next outer axis must have
  for (size_t axis = view.shape.size() - 1; axis-- > 0;) {
    if (view.shape[axis] == 1) continue;
    if (wanted < 0)
      rows.strides[0] = view.strides[axis];
    else if (view.strides[axis] != wanted)
      return std::nullopt;
    rows.shape[0] *= view.shape[axis];
    wanted = view.strides[axis] * view.shape[axis];
  }
  if (wanted < 0) rows.strides[0] = view.shape.back() * view.strides.back();
  return rows;
}

/// [.., m, k] x [k, n] is one matrix of all rows.
void flatten_rows(MatrixProduct& product) {
  const auto batches = [](const MatrixView& v) { return std::span(v.shape).first(v.shape.size() - 2); };
  if (product.a.shape.size() < 3 || element_count(batches(product.b)) != 1) return;
  const auto a = as_rows(product.a), y = as_rows(product.y);
  if (!a || !y || a->shape[0] != y->shape[0]) return;
  product.a = *a;
  product.y = *y;
  while (product.b.shape.size() > 2) erase_axis(product.b, 0);
}

}  // namespace

std::variant<MatrixProduct, Decline> read_product(const KernelRequest& request) {
  const Node& node = *request.node;
  const auto present = [&](size_t i) { return i < request.inputs.size() && request.inputs[i].present(); };
  const ElementType type = request.inputs[0].type;
  if (type != ElementType::f32 && type != ElementType::bf16)
    return Decline{DeclineReason::element_type, to_string(type)};
  for (size_t i = 1; i < request.inputs.size(); ++i)
    if (present(i) && request.inputs[i].type != type &&
        !(i == 2 && request.inputs[i].type == ElementType::f32))
      return Decline{DeclineReason::element_type, to_string(request.inputs[i].type)};
  if (request.inputs[0].shape.size() < 2 || request.inputs[1].shape.size() < 2)
    return Decline{DeclineReason::rank, "a vector operand"};
  if (element_count(request.outputs[0].shape) == 0 || element_count(request.inputs[0].shape) == 0)
    return Decline{DeclineReason::shape, "no elements"};
  MatrixProduct product;
  const auto activation = parse_activation(node, node.domain == "lathe" ? "alpha" : "none",
                                           node.domain == "lathe" ? "beta" : "none");
  if (!activation.ok()) return Decline{DeclineReason::attribute, "activation"};
  product.activation = *activation;
  product.a = plain_view(request.inputs[0].shape);
  product.b = plain_view(request.inputs[1].shape);
  product.y = plain_view(request.outputs[0].shape);
  const auto perm_a = node.attributes.get_ints("permA"), perm_b = node.attributes.get_ints("permB"),
             perm_y = node.attributes.get_ints("permY");
  if (!perm_a.empty()) product.a = permuted(product.a, perm_a);
  if (!perm_b.empty()) product.b = permuted(product.b, perm_b);
  if (node.attributes.get_int("transA", 0) != 0) transpose_last(product.a);
  if (node.attributes.get_int("transB", 0) != 0) transpose_last(product.b);
  if (!perm_y.empty()) {
    // Output axis i holds product axis perm[i]: read it backwards.
    std::vector<int64_t> inverse(perm_y.size());
    for (size_t i = 0; i < perm_y.size(); ++i)
      inverse[static_cast<size_t>(perm_y[i])] = static_cast<int64_t>(i);
    product.y = permuted(product.y, inverse);
  }
  product.scale = node.op_type == "Gemm" ? node.attributes.get_float("alpha", 1.0F)
                                         : node.attributes.get_float("scale", 1.0F);
  if (node.op_type == "Gemm" && present(2) && node.attributes.get_float("beta", 1.0F) != 1.0F)
    return Decline{DeclineReason::attribute, "beta"};
  if (present(2)) product.bias = 2;
  if (present(3)) product.residual = 3;
  if (product.residual != 0 && (request.inputs[3].shape != request.outputs[0].shape || !perm_y.empty()))
    return Decline{DeclineReason::shape, "the residual is permuted or broadcast"};
  const size_t whole_rank = product.y.shape.size();
  product.a = with_rank(product.a, whole_rank);
  product.b = with_rank(product.b, whole_rank);
  drop_single_batches(product);
  flatten_rows(product);
  for (MatrixView* view : {&product.a, &product.b, &product.y}) settle_single_sizes(*view);
  const size_t rank = product.y.shape.size();
  if (rank > 6) return Decline{DeclineReason::rank, std::to_string(rank)};
  return product;
}

}  // namespace lathe
