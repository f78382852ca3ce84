// SPDX-License-Identifier: Apache-2.0
// Concat and Split.
#include <algorithm>
#include <numeric>

#include "engine/base/checked.h"
#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

/// Opset 1 joins axis 1 unless told; later versions must say.
Result<size_t> concat_axis(const Node& node, size_t rank) {
  if (node.version >= 4 && !node.attributes.has("axis")) return node_error(node, "needs the attribute axis");
  return resolve_axis(node, node.attributes.get_int("axis", 1), rank);
}

/// Joins the known elements; those not known, in a list that is partly known, become symbols.
void join_contents(InferContext& context) {
  constexpr size_t max_partly_known = 16;
  std::vector<Dim> joined;
  size_t known = 0, unknown = 0;
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (const std::vector<Dim>* elements = context.contents(i)) {
      joined.insert(joined.end(), elements->begin(), elements->end());
      known += elements->size();
      continue;
    }
    const auto length = known_length(context, i);
    if (!length || *length > max_partly_known) return;
    unknown += *length;
    for (size_t k = 0; k < *length; ++k) joined.push_back(Dim(0));
  }
  if (unknown > 0 && (known == 0 || known + unknown > max_partly_known || !is_integer(context.element(0))))
    return;
  if (unknown > 0) {
    joined.clear();
    for (size_t i = 0; i < context.input_count(); ++i) {
      const std::vector<Dim>* elements = context.contents(i);
      const size_t length = elements != nullptr ? elements->size() : *known_length(context, i);
      for (size_t k = 0; k < length; ++k)
        joined.push_back(elements != nullptr ? (*elements)[k] : context.data_dependent_dim("element"));
    }
  }
  context.set_contents(0, std::move(joined));
}

Status infer_concat(InferContext& context) {
  std::optional<Dims> out;
  std::optional<size_t> axis;
  Dim total(0);
  bool all_known = true;
  for (size_t i = 0; i < context.input_count(); ++i) {
    const Dims* dims = context.dims(i);
    if (dims == nullptr) {
      all_known = false;
      continue;
    }
    if (!out) {
      out = *dims;
      LATHE_ASSIGN(axis, concat_axis(context.node(), dims->size()));
    }
    if (dims->size() != out->size())
      return node_error(context.node(), "cannot join shapes " + to_string(*out) + " and " + to_string(*dims));
    total = total + (*dims)[*axis];
    for (size_t k = 0; k < dims->size(); ++k) {
      if (k == *axis || !(*dims)[k].known()) continue;
      Dim& size = (*out)[k];
      if (size.known() && !(size == (*dims)[k]))
        return node_error(context.node(), "cannot join shapes " + to_string(*out) + " and " +
                                              to_string(*dims) + " on axis " + std::to_string(*axis));
      size = (*dims)[k];
    }
  }
  if (!out) return infer_unknown_shape(context);
  (*out)[*axis] = all_known ? total : context.unknown_dim();
  const bool list = out->size() == 1;
  context.set_tensor(0, context.element(0), std::move(out));
  if (list && all_known) join_contents(context);
  return {};
}

Status run_concat(RunContext& context) {
  LATHE_ASSIGN(const Tensor* first, tensor_input(context, 0, "0"));
  LATHE_ASSIGN(const size_t axis, concat_axis(context.node(), first->rank()));
  Shape shape = first->shape();
  for (size_t i = 1; i < context.input_count(); ++i) {
    LATHE_ASSIGN(const Tensor* next, tensor_input(context, i, std::to_string(i).c_str()));
    bool fits = next->rank() == first->rank() && next->type() == first->type();
    for (size_t k = 0; fits && k < shape.size(); ++k) fits = k == axis || next->dim(k) == shape[k];
    if (!fits)
      return context.error("cannot join " + std::string(to_string(first->type())) + " " +
                           to_string(first->shape()) + " and " + to_string(next->type()) + " " +
                           to_string(next->shape()) + " on axis " + std::to_string(axis));
    shape[axis] += next->dim(axis);
  }
  LATHE_ASSIGN(Tensor * output, context.output(0, first->type(), shape));
  const int64_t outer = size_between(shape, 0, axis), line = size_between(shape, axis, shape.size());
  visit_storage(first->type(), [&](auto tag) {
    using T = decltype(tag);
    T* to = mutable_stored<T>(*output);
    for (size_t i = 0; i < context.input_count(); ++i) {
      const Tensor& part = context.tensor(i);
      const int64_t run = size_between(part.shape(), axis, part.rank());
      const T* from = stored<T>(part);
      for (int64_t row = 0; row < outer && run > 0; ++row) copy_run(from + row * run, to + row * line, run);
      to += run;
    }
  });
  return {};
}

/// Sizes of the parts where the node does not list them. Before opset 18 the parts are equal; from 18 the
/// last may be smaller.
Result<Dims> even_parts(const Node& node, const Dim& total, size_t outputs) {
  const auto count = static_cast<int64_t>(outputs);
  const int64_t asked = node.attributes.get_int("num_outputs", count);
  if (asked != count)
    return node_error(
        node, "has num_outputs " + std::to_string(asked) + " but " + std::to_string(count) + " outputs");
  if (node.version < 18 && total.known() && total.value() % count != 0)
    return node_error(node, "cannot split " + std::to_string(total.value()) + " elements into " +
                                std::to_string(count) + " equal parts");
  const Dim part = dim_ceil_div(total, Dim(count));
  Dims parts;
  for (int64_t i = 0; i < count; ++i) {
    // Rounding up may leave nothing, or less than nothing, for the last ones.
    Dim size = i + 1 < count ? part : total - part * Dim(count - 1);
    if (total.known()) size = Dim(std::clamp<int64_t>(total.value() - i * part.value(), 0, part.value()));
    parts.push_back(size);
  }
  return parts;
}

Status check_parts(const Node& node, const Dims& parts, const Dim& total, size_t outputs) {
  Dim sum(0);
  for (const Dim& part : parts) {
    if (part.known() && part.value() < 0)
      return node_error(node, "has a negative part in split " + to_string(parts));
    sum = sum + part;
  }
  if (parts.size() != outputs)
    return node_error(node, "splits into " + std::to_string(parts.size()) + " parts but has " +
                                std::to_string(outputs) + " outputs");
  if (sum.known() && total.known() && !(sum == total))
    return node_error(node, "splits " + total.text() + " elements into parts of " + to_string(parts));
  return {};
}

Status infer_split(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    for (size_t i = 0; i < context.output_count(); ++i)
      context.set_tensor(i, context.element(0), std::nullopt);
    return {};
  }
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), dims->size()));
  Dims parts;
  if (context.has_input(1)) {
    if (const std::vector<Dim>* contents = context.contents(1))
      parts = *contents;
    else
      for (size_t i = 0; i < context.output_count(); ++i)
        parts.push_back(context.data_dependent_dim("split"));
  } else if (context.attributes().has("split")) {
    parts = to_dims(context.attributes().get_ints("split"));
  } else {
    LATHE_ASSIGN(parts, even_parts(context.node(), (*dims)[axis], context.output_count()));
  }
  LATHE_TRY(check_parts(context.node(), parts, (*dims)[axis], context.output_count()));
  const std::vector<Dim>* elements = dims->size() == 1 && is_static(parts) ? context.contents(0) : nullptr;
  size_t offset = 0;
  for (size_t i = 0; i < context.output_count(); ++i) {
    Dims out = *dims;
    out[axis] = parts[i];
    context.set_tensor(i, context.element(0), std::move(out));
    if (elements == nullptr) continue;
    const auto length = static_cast<size_t>(parts[i].value());
    if (length > elements->size() - offset) break;
    const auto begin = elements->begin() + static_cast<ptrdiff_t>(offset);
    context.set_contents(i, {begin, begin + static_cast<ptrdiff_t>(length)});
    offset += length;
  }
  return {};
}

Status run_split(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->rank()));
  Dims parts;
  if (context.has_input(1)) {
    LATHE_ASSIGN(const auto sizes, int_input(context, 1, "split"));
    parts = to_dims(sizes);
  } else if (context.attributes().has("split")) {
    parts = to_dims(context.attributes().get_ints("split"));
  } else {
    LATHE_ASSIGN(parts, even_parts(context.node(), data->dim(axis), context.output_count()));
  }
  LATHE_TRY(check_parts(context.node(), parts, data->dim(axis), context.output_count()));
  const std::vector<int64_t> strides = row_major_strides(data->shape());
  int64_t at = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    Shape shape = data->shape();
    shape[axis] = parts[i].value();
    if (context.has_output(i)) {
      LATHE_ASSIGN(Tensor * output, context.output(i, data->type(), shape));
      copy_strided(shape, *data, {at * strides[axis], strides}, *output, whole(shape));
    }
    at += shape[axis];
  }
  return {};
}

}  // namespace

void register_concat(OperatorRegistry& registry) {
  registry.add({"", "Concat", {1, 4, 11, 13}, 1, -1, 1, 1, trait_none, infer_concat, run_concat, no_flops});
  registry.add({"", "Split", {1, 2, 11, 13, 18}, 1, 2, 1, -1, trait_none, infer_split, run_split, no_flops});
}

}  // namespace lathe
