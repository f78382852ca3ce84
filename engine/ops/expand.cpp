// SPDX-License-Identifier: Apache-2.0
// Expand and Tile: elements repeated along axes.
#include <algorithm>

#include "engine/base/checked.h"
#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

constexpr int64_t max_propagated = 1024;

/// The size of one axis of Expand; nullopt where the two cannot be broadcast.
std::optional<Dim> broadcast_dim(const Dim& a, const Dim& b) {
  if (a.is(1)) return b;
  if (b.is(1) || a == b) return a;
  if (a.known() && b.known()) return std::nullopt;
  return a.known() ? a : b;  // the symbol must turn out to be the number, or 1
}

/// A result whose input elements are known and repeat as a whole.
void repeat_contents(InferContext& context, const Dims& dims) {
  if (dims.size() != 1 || !dims[0].known() || dims[0].value() > max_propagated) return;
  const std::vector<Dim>* elements = context.contents(0);
  if (elements == nullptr || elements->empty()) return;
  std::vector<Dim> out;
  for (int64_t i = 0; i < dims[0].value(); ++i)
    out.push_back((*elements)[static_cast<size_t>(i) % elements->size()]);
  context.set_contents(0, std::move(out));
}

/// Sizes that cannot be told because input 1 is computed from data.
Status infer_from_data(InferContext& context, size_t least_rank) {
  const auto length = known_length(context, 1);
  if (!length || context.dims(0) == nullptr) return infer_unknown_shape(context);
  Dims dims;
  for (size_t i = 0; i < std::max(*length, least_rank); ++i)
    dims.push_back(context.data_dependent_dim("expand"));
  context.set_tensor(0, context.element(0), std::move(dims));
  return {};
}

Status infer_expand(InferContext& context) {
  const Dims* input = context.dims(0);
  const std::vector<Dim>* target = context.contents(1);
  if (input == nullptr || target == nullptr)
    return infer_from_data(context, input != nullptr ? input->size() : 0);
  Dims dims(std::max(input->size(), target->size()));
  for (size_t i = 0; i < dims.size(); ++i) {
    const Dim a = i < input->size() ? (*input)[input->size() - 1 - i] : Dim(1);
    const Dim b = i < target->size() ? (*target)[target->size() - 1 - i] : Dim(1);
    const auto size = broadcast_dim(a, b);
    if (!size || (b.known() && b.value() < 0))
      return node_error(context.node(),
                        "cannot expand " + to_string(*input) + " to " + to_string(Dims(*target)));
    dims[dims.size() - 1 - i] = *size;
  }
  context.set_tensor(0, context.element(0), dims);
  repeat_contents(context, dims);
  return {};
}

Status run_expand(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input"));
  LATHE_TRY(tensor_input(context, 1, "shape"));
  LATHE_ASSIGN(const Shape target, int_input(context, 1, "shape"));
  const auto shape = broadcast(data->shape(), target);
  if (!shape || std::any_of(target.begin(), target.end(), [](int64_t size) { return size < 0; }))
    return context.error("cannot expand " + to_string(data->shape()) + " to " + to_string(target));
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), *shape));
  copy_strided(*shape, *data, {0, broadcast_strides(data->shape(), *shape)}, *output, whole(*shape));
  return {};
}

/// Opset 1 gives one count and one axis, later ones a count per axis.
Result<std::vector<Dim>> repeats_by_axis(const Node& node, const std::vector<Dim>& tiles,
                                         const std::vector<Dim>& axes, size_t rank) {
  if (node.version >= 6) {
    if (tiles.size() != rank)
      return node_error(node,
                        "has " + std::to_string(tiles.size()) + " repeats for rank " + std::to_string(rank));
    return tiles;
  }
  if (tiles.size() != 1 || axes.size() != 1 || !axes[0].known())
    return node_error(node, "needs one number of tiles and one axis");
  LATHE_ASSIGN(const size_t axis, resolve_axis(node, axes[0].value(), rank));
  std::vector<Dim> repeats(rank, Dim(1));
  repeats[axis] = tiles[0];
  return repeats;
}

Status infer_tile(InferContext& context) {
  const Dims* input = context.dims(0);
  if (input == nullptr) return infer_unknown_shape(context);
  const std::vector<Dim>* tiles = context.contents(1);
  const std::vector<Dim>* axes = context.contents(2);
  if (tiles == nullptr || (context.version() < 6 && axes == nullptr)) {
    Dims dims;
    for (size_t i = 0; i < input->size(); ++i) dims.push_back(context.data_dependent_dim("tile"));
    context.set_tensor(0, context.element(0), std::move(dims));
    return {};
  }
  LATHE_ASSIGN(
      const auto repeats,
      repeats_by_axis(context.node(), *tiles, axes != nullptr ? *axes : std::vector<Dim>(), input->size()));
  Dims dims;
  for (size_t i = 0; i < input->size(); ++i) {
    if (repeats[i].known() && repeats[i].value() < 0)
      return node_error(context.node(), "has a negative repeat");
    dims.push_back((*input)[i] * repeats[i]);
  }
  context.set_tensor(0, context.element(0), dims);
  repeat_contents(context, dims);
  return {};
}

Status run_tile(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input"));
  LATHE_TRY(tensor_input(context, 1, "repeats"));
  LATHE_ASSIGN(const auto tiles, int_input(context, 1, "repeats"));
  LATHE_ASSIGN(const auto axes, int_input(context, 2, "axis"));
  LATHE_ASSIGN(const auto repeats,
               repeats_by_axis(context.node(), to_dims(tiles), to_dims(axes), data->rank()));
  // Each axis becomes (repeat, size), of which the repeat does not move in the source.
  const std::vector<int64_t> strides = row_major_strides(data->shape());
  Shape shape, split;
  StridedView view;
  for (size_t i = 0; i < data->rank(); ++i) {
    const int64_t count = repeats[i].value();
    const auto size = count < 0 ? std::nullopt : checked_mul(data->dim(i), count);
    if (!size)
      return context.error("cannot repeat axis " + std::to_string(i) + " of shape " +
                           to_string(data->shape()) + " " + std::to_string(count) + " times");
    shape.push_back(*size);
    split.insert(split.end(), {count, data->dim(i)});
    view.strides.insert(view.strides.end(), {0, strides[i]});
  }
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), shape));
  copy_strided(split, *data, view, *output, whole(split));
  return {};
}

}  // namespace

void register_expand(OperatorRegistry& registry) {
  registry.add({"", "Expand", {8, 13}, 2, 2, 1, 1, trait_none, infer_expand, run_expand, no_flops});
  registry.add({"", "Tile", {1, 6, 13}, 2, 3, 1, 1, trait_none, infer_tile, run_tile, no_flops});
}

}  // namespace lathe
