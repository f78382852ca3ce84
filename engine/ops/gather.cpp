// SPDX-License-Identifier: Apache-2.0
// Gather, GatherElements and GatherND.
#include <algorithm>

#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

Status infer_gather(InferContext& context) {
  const Dims* data = context.dims(0);
  const Dims* indices = context.dims(1);
  if (data == nullptr || indices == nullptr) return infer_unknown_shape(context);
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->size()));
  const auto at = data->begin() + static_cast<ptrdiff_t>(axis);
  Dims dims(data->begin(), at);
  dims.insert(dims.end(), indices->begin(), indices->end());
  dims.insert(dims.end(), at + 1, data->end());
  const bool list = data->size() == 1 && dims.size() <= 1;
  context.set_tensor(0, context.element(0), std::move(dims));
  if (!list) return {};
  const auto positions = context.known_ints(1);
  const std::vector<Dim>* elements = positions ? context.contents(0) : nullptr;
  if (elements == nullptr) return {};
  std::vector<Dim> out;
  const auto size = static_cast<int64_t>(elements->size());
  for (const int64_t position : *positions) {
    const int64_t index = wrap_index(position, size);
    if (index < 0)
      return node_error(context.node(), bad_index(position, static_cast<int64_t>(out.size()), 0, size));
    out.push_back((*elements)[static_cast<size_t>(index)]);
  }
  context.set_contents(0, std::move(out));
  return {};
}

Status run_gather(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const Tensor* indices, tensor_input(context, 1, "indices"));
  if (!is_integer(indices->type())) return context.type_error(indices->type());
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->rank()));
  const auto split = data->shape().begin() + static_cast<ptrdiff_t>(axis);
  Shape shape(data->shape().begin(), split);
  shape.insert(shape.end(), indices->shape().begin(), indices->shape().end());
  shape.insert(shape.end(), split + 1, data->shape().end());
  const int64_t size = data->dim(axis), outer = size_between(data->shape(), 0, axis);
  const int64_t run = size_between(data->shape(), axis + 1, data->rank());
  const Indices given(*indices);
  std::vector<int64_t> at;
  at.reserve(static_cast<size_t>(given.count()));
  for (int64_t i = 0; i < given.count(); ++i) {
    const int64_t index = wrap_index(given[i], size);
    if (index < 0) return context.error(bad_index(given[i], i, axis, size));
    at.push_back(index * run);
  }
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), std::move(shape)));
  if (output->count() == 0) return {};
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    T* to = mutable_stored<T>(*output);
    const T* from = stored<T>(*data);
    for (int64_t row = 0; row < outer; ++row, from += size * run)
      for (const int64_t offset : at) {
        copy_run(from + offset, to, run);
        to += run;
      }
  });
  return {};
}

Status infer_gather_elements(InferContext& context) {
  const Dims *data = context.dims(0), *indices = context.dims(1);
  if (data != nullptr && indices != nullptr && data->size() != indices->size())
    return node_error(context.node(), "has data of shape " + to_string(*data) + " but indices of shape " +
                                          to_string(*indices));
  if (data != nullptr)
    LATHE_TRY(resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->size()));
  context.set_tensor(0, context.element(0), dims_or_unknown(context, 1));
  return {};
}

Status run_gather_elements(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const Tensor* indices, tensor_input(context, 1, "indices"));
  if (!is_integer(indices->type())) return context.type_error(indices->type());
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->rank()));
  bool fits = indices->rank() == data->rank();
  for (size_t i = 0; fits && i < data->rank(); ++i) fits = i == axis || indices->dim(i) <= data->dim(i);
  if (!fits)
    return context.error("has data of shape " + to_string(data->shape()) + " but indices of shape " +
                         to_string(indices->shape()));
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), indices->shape()));
  const Indices given(*indices);
  const int64_t size = data->dim(axis);
  for (int64_t i = 0; i < given.count(); ++i)
    if (wrap_index(given[i], size) < 0) return context.error(bad_index(given[i], i, axis, size));
  // Lines along the last axis; the axis gathered from moves by index, the others by position.
  const std::vector<int64_t> strides = row_major_strides(data->shape());
  const size_t last = data->rank() - 1;
  const int64_t line = indices->dim(last), step = axis == last ? 0 : strides[last];
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    const T* from = stored<T>(*data);
    T* to = mutable_stored<T>(*output);
    Shape at(data->rank(), 0);
    for (int64_t i = 0; i < given.count(); i += line) {
      int64_t base = 0;
      for (size_t k = 0; k < last; ++k) base += k == axis ? 0 : at[k] * strides[k];
      for (int64_t k = 0; k < line; ++k)
        to[i + k] = from[base + k * step + wrap_index(given[i + k], size) * strides[axis]];
      for (size_t k = last; k-- > 0;) {
        if (++at[k] < indices->dim(k)) break;
        at[k] = 0;
      }
    }
  });
  return {};
}

/// Checks ranks; `tuple` is the length of an index tuple (the last axis of indices).
template <class Size>
Result<std::vector<Size>> gather_nd_shape(const Node& node, const std::vector<Size>& data,
                                          const std::vector<Size>& indices, int64_t tuple) {
  const int64_t batch = node.attributes.get_int("batch_dims", 0);
  const auto rank = static_cast<int64_t>(std::min(data.size(), indices.size()));
  if (batch < 0 || batch >= rank || tuple < 1 || batch + tuple > static_cast<int64_t>(data.size()))
    return node_error(node, "cannot gather from shape " + to_string(data) + " with indices of shape " +
                                to_string(indices) + " and batch_dims " + std::to_string(batch));
  std::vector<Size> shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), data.begin() + batch + tuple, data.end());
  return shape;
}

Status infer_gather_nd(InferContext& context) {
  const Dims *data = context.dims(0), *indices = context.dims(1);
  if (data == nullptr || indices == nullptr || indices->empty() || !indices->back().known())
    return infer_unknown_shape(context);
  LATHE_ASSIGN(Dims dims, gather_nd_shape(context.node(), *data, *indices, indices->back().value()));
  context.set_tensor(0, context.element(0), std::move(dims));
  return {};
}

Status run_gather_nd(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const Tensor* indices, tensor_input(context, 1, "indices"));
  if (!is_integer(indices->type())) return context.type_error(indices->type());
  if (indices->rank() == 0) return context.error("has indices of rank 0");
  const int64_t tuple = indices->shape().back();
  LATHE_ASSIGN(const Shape shape, gather_nd_shape(context.node(), data->shape(), indices->shape(), tuple));
  const auto batch = static_cast<size_t>(context.attributes().get_int("batch_dims", 0));
  const size_t first = batch, end = batch + static_cast<size_t>(tuple);
  for (size_t i = 0; i < batch; ++i)
    if (data->dim(i) != indices->dim(i))
      return context.error("has batches of shapes " + to_string(data->shape()) + " and " +
                           to_string(indices->shape()));
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), shape));
  const std::vector<int64_t> strides = row_major_strides(data->shape());
  const int64_t run = size_between(data->shape(), end, data->rank());
  const int64_t batch_size = size_between(data->shape(), first, data->rank());
  const int64_t tuples = indices->count() / tuple, batches = size_between(data->shape(), 0, batch);
  const int64_t per_batch = batches == 0 ? 0 : tuples / batches;
  const Indices given(*indices);
  std::vector<int64_t> offsets(static_cast<size_t>(tuples), 0);
  for (int64_t i = 0; i < tuples; ++i) {
    int64_t offset = i / per_batch * batch_size;
    for (size_t k = first; k < end; ++k) {
      const int64_t position = i * tuple + static_cast<int64_t>(k - first);
      const int64_t index = wrap_index(given[position], data->dim(k));
      if (index < 0) return context.error(bad_index(given[position], position, k, data->dim(k)));
      offset += index * strides[k];
    }
    offsets[static_cast<size_t>(i)] = offset;
  }
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    T* to = mutable_stored<T>(*output);
    for (const int64_t offset : offsets) {
      copy_run(stored<T>(*data) + offset, to, run);
      to += run;
    }
  });
  return {};
}

}  // namespace

void register_gather(OperatorRegistry& registry) {
  registry.add({"", "Gather", {1, 11, 13}, 2, 2, 1, 1, trait_none, infer_gather, run_gather, no_flops});
  registry.add({"",
                "GatherElements",
                {11, 13},
                2,
                2,
                1,
                1,
                trait_none,
                infer_gather_elements,
                run_gather_elements,
                no_flops});
  registry.add(
      {"", "GatherND", {11, 12, 13}, 2, 2, 1, 1, trait_none, infer_gather_nd, run_gather_nd, no_flops});
}

}  // namespace lathe
