// SPDX-License-Identifier: Apache-2.0
// Transpose, and DepthToSpace and SpaceToDepth, which are transposes of a tensor with split axes.
#include "engine/ops/movement_util.h"
#include "engine/ops/permute.h"

namespace lathe {
namespace {

Result<std::vector<int64_t>> transpose_order(const Node& node, size_t rank) {
  std::vector<int64_t> order = node.attributes.get_ints("perm");
  if (!node.attributes.has("perm"))
    for (size_t i = rank; i-- > 0;) order.push_back(static_cast<int64_t>(i));
  if (!is_permutation_of_axes(order, rank))
    return node_error(node, "has perm " + to_string(order) + ", which does not order the axes of rank " +
                                std::to_string(rank));
  return order;
}

Status infer_transpose(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    const auto order = context.attributes().get_ints("perm");
    if (order.empty()) return infer_unknown_shape(context);
    context.set_tensor(0, context.element(0), unknown_dims(context, order.size()));
    return {};
  }
  LATHE_ASSIGN(const auto order, transpose_order(context.node(), dims->size()));
  context.set_tensor(0, context.element(0), permuted(*dims, order));
  const std::vector<Dim>* elements = dims->size() <= 1 ? context.contents(0) : nullptr;
  if (elements != nullptr) context.set_contents(0, *elements);
  return {};
}

Status run_transpose(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const auto order, transpose_order(context.node(), data->rank()));
  const Shape shape = permuted(data->shape(), order);
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), shape));
  copy_strided(shape, *data, {0, permuted(row_major_strides(data->shape()), order)}, *output, whole(shape));
  return {};
}

/// Block size of DepthToSpace or SpaceToDepth, checked against an input of rank 4.
Result<int64_t> block_size(const Node& node, size_t rank) {
  const int64_t block = node.attributes.get_int("blocksize", 0);
  if (block < 1 || block > (1 << 20)) return node_error(node, "has blocksize " + std::to_string(block));
  if (rank != 4) return node_error(node, "needs an input of rank 4, not " + std::to_string(rank));
  return block;
}

/// Whether channels are ordered column, row, depth (CRD) instead of depth, column, row.
Result<bool> depth_last(const Node& node) {
  const std::string mode = node.attributes.get_string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") return node_error(node, "has an unknown mode '" + mode + "'");
  return mode == "CRD";
}

Status does_not_divide(const Node& node, const char* axis, int64_t size, int64_t by) {
  return node_error(node, "has " + std::to_string(size) + " " + axis + ", which " + std::to_string(by) +
                              " does not divide");
}

Result<Dims> block_dims(const Node& node, const Dims& x) {
  LATHE_ASSIGN(const int64_t block, block_size(node, x.size()));
  LATHE_TRY(depth_last(node));
  const int64_t area = block * block;
  if (node.op_type == "DepthToSpace") {
    if (x[1].known() && x[1].value() % area != 0)
      LATHE_TRY(does_not_divide(node, "channels", x[1].value(), area));
    return Dims{x[0], dim_floor_div(x[1], Dim(area)), x[2] * Dim(block), x[3] * Dim(block)};
  }
  for (const size_t axis : {2, 3})
    if (x[axis].known() && x[axis].value() % block != 0)
      LATHE_TRY(does_not_divide(node, axis == 2 ? "rows" : "columns", x[axis].value(), block));
  return Dims{x[0], x[1] * Dim(area), dim_floor_div(x[2], Dim(block)), dim_floor_div(x[3], Dim(block))};
}

Status infer_blocks(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    context.set_tensor(0, context.element(0), unknown_dims(context, 4));
    return {};
  }
  LATHE_ASSIGN(Dims out, block_dims(context.node(), *dims));
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

Status run_blocks(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const Dims dims, block_dims(context.node(), to_dims(x->shape())));
  const Shape shape = to_shape(dims);
  LATHE_ASSIGN(const int64_t b, block_size(context.node(), x->rank()));
  LATHE_ASSIGN(const bool crd, depth_last(context.node()));
  Shape split;
  std::vector<int64_t> order;
  if (context.node().op_type == "SpaceToDepth") {
    split = {shape[0], x->dim(1), shape[2], b, shape[3], b};
    order = crd ? std::vector<int64_t>{0, 1, 3, 5, 2, 4} : std::vector<int64_t>{0, 3, 5, 1, 2, 4};
  } else if (crd) {
    split = {shape[0], shape[1], b, b, x->dim(2), x->dim(3)};
    order = {0, 1, 4, 2, 5, 3};
  } else {
    split = {shape[0], b, b, shape[1], x->dim(2), x->dim(3)};
    order = {0, 3, 4, 1, 5, 2};
  }
  LATHE_ASSIGN(Tensor * output, context.output(0, x->type(), shape));
  const Shape target = permuted(split, order);
  copy_strided(target, *x, {0, permuted(row_major_strides(split), order)}, *output, whole(target));
  return {};
}

}  // namespace

void register_transpose(OperatorRegistry& registry) {
  registry.add({"",
                "Transpose",
                {1, 13, 21, 23, 24, 25},
                1,
                1,
                1,
                1,
                trait_none,
                infer_transpose,
                run_transpose,
                no_flops});
  registry.add(
      {"", "DepthToSpace", {1, 11, 13, 28}, 1, 1, 1, 1, trait_none, infer_blocks, run_blocks, no_flops});
  registry.add({"", "SpaceToDepth", {1, 13, 28}, 1, 1, 1, 1, trait_none, infer_blocks, run_blocks, no_flops});
}

}  // namespace lathe
