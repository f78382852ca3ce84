// SPDX-License-Identifier: Apache-2.0
// Scatter, ScatterElements, ScatterND (with reductions) and TensorScatter.
#include <algorithm>
#include <cmath>

#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

enum class Reduction { none, add, mul, min, max };

Result<Reduction> scatter_reduction(const RunContext& context, ElementType type) {
  const std::string name = context.attributes().get_string("reduction", "none");
  if (name == "none") return Reduction::none;
  const bool arithmetic = visit_numeric(type, [](auto) {}) || type == ElementType::boolean;
  if (!arithmetic) return context.type_error(type);
  if (name == "add") return Reduction::add;
  if (name == "mul") return Reduction::mul;
  if (name == "min") return Reduction::min;
  if (name == "max") return Reduction::max;
  return context.error("has reduction '" + name + "', which is not known");
}

/// Integers wrap around; NaN wins over numbers in min and max; booleans add by "or" and multiply by "and".
template <class T>
T reduce(T a, T b, Reduction reduction) {
  if constexpr (std::is_same_v<T, bool>) {
    return reduction == Reduction::add || reduction == Reduction::max ? a || b : a && b;
  } else if constexpr (std::is_integral_v<T>) {
    switch (reduction) {
      case Reduction::add:
        return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
      case Reduction::mul:
        return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
      case Reduction::min:
        return std::min(a, b);
      case Reduction::max:
        return std::max(a, b);
      default:
        return b;
    }
  } else {
    using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const A x = static_cast<A>(a), y = static_cast<A>(b);
    switch (reduction) {
      case Reduction::add:
        return static_cast<T>(x + y);
      case Reduction::mul:
        return static_cast<T>(x * y);
      case Reduction::min:
        return std::isnan(x) || x < y ? a : b;
      case Reduction::max:
        return std::isnan(x) || x > y ? a : b;
      default:
        return b;
    }
  }
}

/// output[offsets[i] + k] takes updates[i * run + k], in order.
void scatter_runs(std::span<const int64_t> offsets, int64_t run, const Tensor& updates, Reduction reduction,
                  Tensor& output) {
  if (run == 0) return;
  if (reduction == Reduction::none) {
    visit_storage(output.type(), [&](auto tag) {
      using T = decltype(tag);
      const T* from = stored<T>(updates);
      for (const int64_t offset : offsets) {
        copy_run(from, mutable_stored<T>(output) + offset, run);
        from += run;
      }
    });
    return;
  }
  const auto apply = [&](auto tag) {
    using T = decltype(tag);
    const T* from = updates.data<T>().data();
    T* to = output.mutable_data<T>().data();
    for (const int64_t offset : offsets)
      for (int64_t k = 0; k < run; ++k, ++from) to[offset + k] = reduce(to[offset + k], *from, reduction);
  };
  if (!visit_numeric(output.type(), apply)) visit_type<bool>(output.type(), apply);
}

/// Output 0 as a copy of the data.
Result<Tensor*> copied_output(RunContext& context, const Tensor& data) {
  LATHE_ASSIGN(Tensor * output, context.output(0, data.type(), data.shape()));
  visit_storage(data.type(), [&](auto tag) {
    using T = decltype(tag);
    copy_run(stored<T>(data), mutable_stored<T>(*output), data.count());
  });
  return output;
}

Status infer_like_data(InferContext& context) {
  context.set_tensor(0, context.element(0), dims_or_unknown(context, 0));
  return {};
}

Status infer_scatter_elements(InferContext& context) {
  const Dims *data = context.dims(0), *indices = context.dims(1);
  if (data != nullptr) {
    LATHE_TRY(resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->size()));
    if (indices != nullptr && indices->size() != data->size())
      return node_error(context.node(), "has data of shape " + to_string(*data) + " but indices of shape " +
                                            to_string(*indices));
  }
  return infer_like_data(context);
}

Status check_updates(const RunContext& context, const Tensor& data, const Tensor& indices,
                     const Tensor& updates, const Shape& expected) {
  if (!is_integer(indices.type())) return context.type_error(indices.type());
  if (updates.type() != data.type())
    return context.error("has data of type " + std::string(to_string(data.type())) + " but updates of type " +
                         to_string(updates.type()));
  if (updates.shape() != expected)
    return context.error("needs updates of shape " + to_string(expected) + ", not " +
                         to_string(updates.shape()));
  return {};
}

/// Where in the data each element of the updates belongs.
Result<std::vector<int64_t>> element_offsets(const RunContext& context, const Tensor& data,
                                             const Tensor& indices, size_t axis) {
  const std::vector<int64_t> strides = row_major_strides(data.shape());
  const Indices given(indices);
  const size_t last = data.rank() - 1;
  const int64_t size = data.dim(axis), columns = indices.dim(last);
  std::vector<int64_t> offsets(static_cast<size_t>(given.count()));
  Shape at(data.rank(), 0);
  for (int64_t i = 0; i < given.count();) {
    int64_t row = 0;
    for (size_t k = 0; k < last; ++k) row += k == axis ? 0 : at[k] * strides[k];
    for (int64_t column = 0; column < columns; ++column, ++i) {
      const int64_t index = wrap_index(given[i], size);
      if (index < 0) return context.error(bad_index(given[i], i, axis, size));
      offsets[static_cast<size_t>(i)] = row + index * strides[axis] + (axis == last ? 0 : column);
    }
    for (size_t k = last; k-- > 0;) {
      if (++at[k] < indices.dim(k)) break;
      at[k] = 0;
    }
  }
  return offsets;
}

Status run_scatter_elements(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const Tensor* indices, tensor_input(context, 1, "indices"));
  LATHE_ASSIGN(const Tensor* updates, tensor_input(context, 2, "updates"));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->rank()));
  LATHE_TRY(check_updates(context, *data, *indices, *updates, indices->shape()));
  bool fits = indices->rank() == data->rank();
  for (size_t i = 0; fits && i < data->rank(); ++i) fits = i == axis || indices->dim(i) <= data->dim(i);
  if (!fits)
    return context.error("has data of shape " + to_string(data->shape()) + " but indices of shape " +
                         to_string(indices->shape()));
  LATHE_ASSIGN(const Reduction reduction, scatter_reduction(context, data->type()));
  LATHE_ASSIGN(const std::vector<int64_t> offsets, element_offsets(context, *data, *indices, axis));
  LATHE_ASSIGN(Tensor * output, copied_output(context, *data));
  scatter_runs(offsets, 1, *updates, reduction, *output);
  return {};
}

Status infer_scatter_nd(InferContext& context) {
  const Dims *data = context.dims(0), *indices = context.dims(1);
  if (data != nullptr && indices != nullptr && !indices->empty() && indices->back().known() &&
      indices->back().value() > static_cast<int64_t>(data->size()))
    return node_error(context.node(), "has indices of shape " + to_string(*indices) + " for data of shape " +
                                          to_string(*data));
  return infer_like_data(context);
}

Status run_scatter_nd(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const Tensor* indices, tensor_input(context, 1, "indices"));
  LATHE_ASSIGN(const Tensor* updates, tensor_input(context, 2, "updates"));
  if (indices->rank() == 0 || data->rank() == 0 ||
      indices->shape().back() > static_cast<int64_t>(data->rank()))
    return context.error("has indices of shape " + to_string(indices->shape()) + " for data of shape " +
                         to_string(data->shape()));
  const auto tuple = static_cast<size_t>(indices->shape().back());
  Shape expected(indices->shape().begin(), indices->shape().end() - 1);
  expected.insert(expected.end(), data->shape().begin() + static_cast<ptrdiff_t>(tuple), data->shape().end());
  LATHE_TRY(check_updates(context, *data, *indices, *updates, expected));
  LATHE_ASSIGN(const Reduction reduction, scatter_reduction(context, data->type()));
  const std::vector<int64_t> strides = row_major_strides(data->shape());
  const Indices given(*indices);
  const int64_t tuples = size_between(indices->shape(), 0, indices->rank() - 1);
  std::vector<int64_t> offsets(static_cast<size_t>(tuples), 0);
  int64_t position = 0;
  for (int64_t& offset : offsets)
    for (size_t k = 0; k < tuple; ++k, ++position) {
      const int64_t index = wrap_index(given[position], data->dim(k));
      if (index < 0) return context.error(bad_index(given[position], position, k, data->dim(k)));
      offset += index * strides[k];
    }
  LATHE_ASSIGN(Tensor * output, copied_output(context, *data));
  scatter_runs(offsets, size_between(data->shape(), tuple, data->rank()), *updates, reduction, *output);
  return {};
}

Status run_tensor_scatter(RunContext& context) {
  LATHE_ASSIGN(const Tensor* cache, tensor_input(context, 0, "past_cache"));
  LATHE_ASSIGN(const Tensor* update, tensor_input(context, 1, "update"));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", -2), cache->rank()));
  if (axis == 0) return context.error("cannot write along the batch axis");
  if (update->type() != cache->type()) return context.type_error(update->type());
  Shape expected = update->shape();
  if (expected.size() == cache->rank()) expected[axis] = cache->dim(axis);
  const int64_t size = cache->dim(axis), length = update->rank() == cache->rank() ? update->dim(axis) : 0;
  if (expected != cache->shape() || length > size)
    return context.error("has a cache of shape " + to_string(cache->shape()) + " but an update of shape " +
                         to_string(update->shape()));
  std::vector<int64_t> starts(static_cast<size_t>(cache->dim(0)), 0);
  if (context.has_input(2)) {
    LATHE_ASSIGN(starts, int_input(context, 2, "write_indices"));
  }
  if (static_cast<int64_t>(starts.size()) != cache->dim(0))
    return context.error("has " + std::to_string(starts.size()) + " write indices for " +
                         std::to_string(cache->dim(0)) + " samples");
  const std::string mode = context.attributes().get_string("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return context.error("has mode '" + mode + "', which is not known");
  for (size_t i = 0; i < starts.size(); ++i)
    if (starts[i] < 0 || (mode == "linear" && starts[i] > size - length))
      return context.error("writes " + std::to_string(length) + " positions at " + std::to_string(starts[i]) +
                           " of axis " + std::to_string(axis) + " of size " + std::to_string(size));
  const int64_t run = size_between(cache->shape(), axis + 1, cache->rank());
  const int64_t rows = size_between(cache->shape(), 0, axis),
                rows_per_sample = size_between(cache->shape(), 1, axis);
  std::vector<int64_t> offsets;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < length; ++i)
      offsets.push_back(
          (row * size + (starts[static_cast<size_t>(row / rows_per_sample)] % size + i) % size) * run);
  LATHE_ASSIGN(Tensor * output, copied_output(context, *cache));
  scatter_runs(offsets, run, *update, Reduction::none, *output);
  return {};
}

}  // namespace

void register_scatter(OperatorRegistry& registry) {
  registry.add({"",
                "Scatter",
                {9, 11},
                3,
                3,
                1,
                1,
                trait_none,
                infer_scatter_elements,
                run_scatter_elements,
                no_flops});
  registry.add({"",
                "ScatterElements",
                {11, 13, 16, 18},
                3,
                3,
                1,
                1,
                trait_none,
                infer_scatter_elements,
                run_scatter_elements,
                no_flops});
  registry.add({"",
                "ScatterND",
                {11, 13, 16, 18},
                3,
                3,
                1,
                1,
                trait_none,
                infer_scatter_nd,
                run_scatter_nd,
                no_flops});
  registry.add(
      {"", "TensorScatter", {24}, 2, 3, 1, 1, trait_none, infer_like_data, run_tensor_scatter, no_flops});
}

}  // namespace lathe
