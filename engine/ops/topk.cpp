// SPDX-License-Identifier: Apache-2.0
// TopK: the largest or smallest elements along an axis; among equal ones the lowest index comes first.
#include <algorithm>
#include <numeric>

#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

Status infer_topk(InferContext& context) {
  const Dims* dims = context.dims(0);
  std::optional<Dims> out;
  if (dims != nullptr) {
    LATHE_ASSIGN(const size_t axis,
                 resolve_axis(context.node(), context.attributes().get_int("axis", -1), dims->size()));
    Dim k;
    if (context.version() < 10)
      k = Dim(context.attributes().get_int("k", -1));
    else if (const Dim* known = scalar_contents(context, 1))
      k = *known;
    else
      k = context.data_dependent_dim("k");
    const Dim& size = (*dims)[axis];
    if (k.known() && (k.value() < 0 || (size.known() && k.value() > size.value())))
      return node_error(context.node(), "takes " + k.text() + " elements of axis " + std::to_string(axis) +
                                            " of size " + size.text());
    out = *dims;
    (*out)[axis] = k;
  }
  context.set_tensor(0, context.element(0), out);
  context.set_tensor(1, ElementType::i64, out);
  return {};
}

/// One line along the axis: `keys` are its elements' order keys, `order` gets the indices of the first k.
void take_top(std::span<const uint64_t> keys, int64_t k, bool sorted, std::vector<int64_t>& order) {
  order.resize(keys.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto before = [&](int64_t a, int64_t b) {
    const uint64_t x = keys[static_cast<size_t>(a)], y = keys[static_cast<size_t>(b)];
    return x != y ? x < y : a < b;
  };
  const auto middle = order.begin() + k;
  if (k < static_cast<int64_t>(order.size()) && k > 0)
    std::nth_element(order.begin(), middle - 1, order.end(), before);
  // Where no order is asked for, that of the indices is as good as any.
  if (sorted)
    std::sort(order.begin(), middle, before);
  else
    std::sort(order.begin(), middle);
}

Status run_topk(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "X"));
  if (!visit_numeric(data->type(), [](auto) {})) return context.type_error(data->type());
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", -1), data->rank()));
  int64_t k = context.attributes().get_int("k", -1);
  if (context.version() >= 10) {
    LATHE_ASSIGN(k, integer_input(context, 1, "K"));
  }
  const int64_t size = data->dim(axis);
  if (k < 0 || k > size)
    return context.error("takes " + std::to_string(k) + " elements of axis " + std::to_string(axis) +
                         " of size " + std::to_string(size));
  const bool largest = context.attributes().get_int("largest", 1) != 0;
  const bool sorted = context.attributes().get_int("sorted", 1) != 0;
  Shape shape = data->shape();
  shape[axis] = k;
  LATHE_ASSIGN(Tensor * indices, context.output(1, ElementType::i64, shape));
  const int64_t outer = size_between(shape, 0, axis), inner = size_between(shape, axis + 1, shape.size());
  std::vector<uint64_t> keys = order_keys(*data), line(static_cast<size_t>(size));
  if (largest)
    for (uint64_t& key : keys) key = ~key;
  std::vector<int64_t> order;
  int64_t* index = indices->mutable_data<int64_t>().data();
  for (int64_t row = 0; row < outer; ++row)
    for (int64_t column = 0; column < inner; ++column) {
      for (int64_t i = 0; i < size; ++i)
        line[static_cast<size_t>(i)] = keys[static_cast<size_t>((row * size + i) * inner + column)];
      take_top(line, k, sorted, order);
      for (int64_t i = 0; i < k; ++i) index[(row * k + i) * inner + column] = order[static_cast<size_t>(i)];
    }
  if (!context.has_output(0)) return {};
  LATHE_ASSIGN(Tensor * values, context.output(0, data->type(), shape));
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    T* to = mutable_stored<T>(*values);
    for (int64_t i = 0; i < values->count(); ++i)
      to[i] = stored<T>(*data)[(i / inner / k * size + index[i]) * inner + i % inner];
  });
  return {};
}

}  // namespace

void register_topk(OperatorRegistry& registry) {
  registry.add({"", "TopK", {1, 10, 11, 24}, 1, 2, 2, 2, trait_none, infer_topk, run_topk});
}

}  // namespace lathe
