// SPDX-License-Identifier: Apache-2.0
// MatMul, Gemm and lathe.FusedMatMul: transposes and permutations become strides, constants are prepacked.
#include <numeric>

#include "engine/kernels/onednn/common.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

/// An operand as the primitive sees it: sizes and strides (in elements) after every permutation.
struct View {
  Shape shape;
  std::vector<int64_t> strides;
};

View plain_view(const Shape& shape) {
  return {shape, row_major_strides(shape)};
}

View permuted(const View& view, const std::vector<int64_t>& perm) {
  View made;
  for (const int64_t axis : perm) {
    made.shape.push_back(view.shape[static_cast<size_t>(axis)]);
    made.strides.push_back(view.strides[static_cast<size_t>(axis)]);
  }
  return made;
}

void transpose_last(View& view) {
  std::swap(view.shape[view.shape.size() - 1], view.shape[view.shape.size() - 2]);
  std::swap(view.strides[view.strides.size() - 1], view.strides[view.strides.size() - 2]);
}

/// Leading axes of size 1 until the rank is reached.
View with_rank(View view, size_t rank) {
  while (view.shape.size() < rank) {
    view.strides.insert(view.strides.begin(),
                        view.shape.empty() ? 1 : view.shape.front() * view.strides.front());
    view.shape.insert(view.shape.begin(), 1);
  }
  return view;
}

memory::desc desc_of_view(const View& view, ElementType type) {
  return {to_dims(view.shape), *data_type(type), memory::dims(view.strides.begin(), view.strides.end())};
}

/// Strides of sizes 1 say nothing, but the primitive checks them: gives them what they would be in a matrix
/// that lies row by row, or column by column where the last axis does not step by one.
void settle_single_sizes(View& view) {
  const size_t n = view.shape.size();
  if (view.shape[n - 1] == 1) view.strides[n - 1] = 1;
  if (view.shape[n - 2] == 1) view.strides[n - 2] = view.strides[n - 1] == 1 ? view.shape[n - 1] : 1;
}

/// What the node asks for, whichever of the three operators it is.
struct Product {
  View a, b, y;
  float scale = 1.0F;
  size_t bias = 0, residual = 0;  ///< input numbers, 0 for none
  Activation activation;
};

void erase_axis(View& view, size_t axis) {
  view.shape.erase(view.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  view.strides.erase(view.strides.begin() + static_cast<std::ptrdiff_t>(axis));
}

/// Batch axes of size 1 say nothing.
void drop_single_batches(Product& product) {
  for (size_t axis = product.y.shape.size() - 2; axis-- > 0;) {
    if (product.y.shape[axis] != 1) continue;
    for (View* view : {&product.a, &product.b, &product.y}) erase_axis(*view, axis);
  }
}

/// The row axis that all axes but the last make together, where they step evenly; nullopt where they do not.
std::optional<View> as_rows(const View& view) {
  View rows{{1, view.shape.back()}, {0, view.strides.back()}};
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
void flatten_rows(Product& product) {
  const auto batches = [](const View& v) { return std::span(v.shape).first(v.shape.size() - 2); };
  if (product.a.shape.size() < 3 || element_count(batches(product.b)) != 1) return;
  const auto a = as_rows(product.a), y = as_rows(product.y);
  if (!a || !y || a->shape[0] != y->shape[0]) return;
  product.a = *a;
  product.y = *y;
  while (product.b.shape.size() > 2) erase_axis(product.b, 0);
}

std::variant<Product, Decline> read(const KernelRequest& request) {
  const Node& node = *request.node;
  const auto present = [&](size_t i) { return i < request.inputs.size() && request.inputs[i].present(); };
  const ElementType type = request.inputs[0].type;
  if (type != ElementType::f32 && type != ElementType::bf16)
    return decline(DeclineReason::element_type, to_string(type));
  for (size_t i = 1; i < request.inputs.size(); ++i)
    if (present(i) && request.inputs[i].type != type &&
        !(i == 2 && request.inputs[i].type == ElementType::f32))
      return decline(DeclineReason::element_type, to_string(request.inputs[i].type));
  if (request.inputs[0].shape.size() < 2 || request.inputs[1].shape.size() < 2)
    return decline(DeclineReason::rank, "a vector operand");
  if (element_count(request.outputs[0].shape) == 0 || element_count(request.inputs[0].shape) == 0)
    return decline(DeclineReason::shape, "no elements");
  Product product;
  const auto activation = parse_activation(node, node.domain == "lathe" ? "alpha" : "none",
                                           node.domain == "lathe" ? "beta" : "none");
  if (!activation.ok()) return decline(DeclineReason::attribute, "activation");
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
    return decline(DeclineReason::attribute, "beta");
  if (present(2)) product.bias = 2;
  if (present(3)) product.residual = 3;
  if (product.residual != 0 && (request.inputs[3].shape != request.outputs[0].shape || !perm_y.empty()))
    return decline(DeclineReason::shape, "the residual is permuted or broadcast");
  const size_t whole_rank = product.y.shape.size();
  product.a = with_rank(product.a, whole_rank);
  product.b = with_rank(product.b, whole_rank);
  drop_single_batches(product);
  flatten_rows(product);
  for (View* view : {&product.a, &product.b, &product.y}) settle_single_sizes(*view);
  const size_t rank = product.y.shape.size();
  if (rank > 6) return decline(DeclineReason::rank, std::to_string(rank));
  return product;
}

/// One of the last two strides has to be 1 for oneDNN to read an operand where it lies.
bool readable(const View& view) {
  const size_t n = view.strides.size();
  return view.strides[n - 1] == 1 || view.strides[n - 2] == 1 || view.shape[n - 1] == 1;
}

/// Row-major without gaps, whatever the strides of sizes 1 are.
bool dense(const View& view) {
  const std::vector<int64_t> strides = row_major_strides(view.shape);
  for (size_t axis = 0; axis < strides.size(); ++axis)
    if (view.shape[axis] != 1 && view.strides[axis] != strides[axis]) return false;
  return true;
}

Prepared prepare(const KernelRequest& request) {
  auto read_request = read(request);
  if (auto* reason = std::get_if<Decline>(&read_request)) return *reason;
  const Product product = std::get<Product>(std::move(read_request));
  if (!readable(product.a) || (!readable(product.b) && request.constants[1] == nullptr))
    return decline(DeclineReason::layout, "neither of the last two axes is contiguous");
  if (product.y.strides.back() != 1)
    return decline(DeclineReason::layout, "the last axis of the result is not contiguous");
  return guarded([&]() -> Prepared {
    const size_t rank = product.y.shape.size();
    dnnl::primitive_attr attributes = scratch_attributes();
    if (product.scale != 1.0F) attributes.set_output_scales(0, {product.scale});
    dnnl::post_ops ops;
    std::optional<memory::desc> bias;
    bool bias_after = false;
    if (product.bias != 0) {
      Shape shape = request.inputs[product.bias].shape;
      while (shape.size() > rank && shape.front() == 1) shape.erase(shape.begin());
      const bool one_row = shape.empty() || element_count(shape) == shape.back();
      // Sizes that batches were folded into say nothing about a bias that varies by row.
      if (shape.size() > rank || (!one_row && rank != request.outputs[0].shape.size()))
        return decline(DeclineReason::shape, "bias");
      bias = desc_of_view(with_rank(plain_view(shape), rank), request.inputs[product.bias].type);
      // The primitive's own bias is scaled with the product; ours is not.
      bias_after = product.scale != 1.0F || element_count(shape) != product.y.shape.back();
      if (bias_after && !dense(product.y))  // oneDNN 2.6 reads beyond its buffers
        return decline(DeclineReason::layout, "a scaled or broadcast bias on a permuted result");
      if (bias_after) ops.append_binary(dnnl::algorithm::binary_add, *bias);
    }
    if (product.residual != 0) ops.append_sum(1.0F);
    if (!append_activation(ops, product.activation)) return decline(DeclineReason::attribute, "activation");
    attributes.set_post_ops(ops);

    const ElementType type = request.inputs[0].type;
    const memory::desc a = desc_of_view(product.a, type), b = desc_of_view(product.b, type),
                       y = desc_of_view(product.y, type);
    const bool packed = request.constants[1] != nullptr && request.prepack && rank == 2;
    const memory::desc wanted_b = packed ? any_desc(type, product.b.shape) : b;
    const auto plain = dnnl::matmul::desc(a, wanted_b, y);
    const auto description = bias && !bias_after
                                 ? dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, wanted_b, *bias, y),
                                                                attributes, cpu_engine())
                                 : dnnl::matmul::primitive_desc(plain, attributes, cpu_engine());
    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:matmul:" + std::string(description.impl_info_str()),
                                          dnnl::matmul(description), description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, a);
    if (packed)
      kernel->bind_owned(DNNL_ARG_WEIGHTS, pack(*request.constants[1], b, description.weights_desc()), 1);
    else
      kernel->bind_input(DNNL_ARG_WEIGHTS, 1, b);
    if (bias)
      kernel->bind_input(bias_after ? DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1 : DNNL_ARG_BIAS,
                         product.bias, *bias);
    kernel->bind_output(DNNL_ARG_DST, 0, y);
    if (product.residual != 0) kernel->accumulate_into(product.residual);
    kernel->use_plain_layouts(request.inputs.size());
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_matmul(KernelRegistry& registry) {
  registry.add({"onednn:matmul", {"MatMul", "Gemm", "lathe.FusedMatMul"}, prepare});
}

}  // namespace lathe
