// SPDX-License-Identifier: Apache-2.0
// Sequences and optionals: SequenceConstruct, SequenceAt, SplitToSequence, Optional..
#include <algorithm>

#include "engine/ops/infer_util.h"
#include "engine/ops/join_types.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

using Items = std::vector<RuntimeValue>;

Result<const RuntimeValue*> sequence_input(const RunContext& context, size_t i) {
  if (!context.has_input(i) || context.value(i).kind != RuntimeValue::Kind::sequence ||
      !context.value(i).sequence)
    return context.error("needs a sequence as input " + std::to_string(i));
  return &context.value(i);
}

/// Where input i (or `fallback` when absent) points in a list of `count` positions.
Result<size_t> position_input(const RunContext& context, size_t i, int64_t fallback, size_t count) {
  int64_t position = fallback;
  if (context.has_input(i)) {
    LATHE_ASSIGN(position, integer_input(context, i, "position"));
  }
  const int64_t index = wrap_index(position, static_cast<int64_t>(count));
  if (index < 0)
    return context.error("position " + std::to_string(position) + " is out of range for a sequence of " +
                         std::to_string(count));
  return static_cast<size_t>(index);
}

ElementType item_element(const RuntimeValue& value) {
  if (value.is_tensor()) return value.tensor.type();
  return value.element;
}

// ---- Making and reading sequences

Status infer_sequence_empty(InferContext& context) {
  const auto type = element_type_from_onnx(static_cast<int>(context.attributes().get_int("dtype", 1)));
  context.set_output(0, TypeInfo::sequence_of(TypeInfo::tensor(type.value_or(ElementType::undefined))));
  return {};
}
Status run_sequence_empty(RunContext& context) {
  const auto type = element_type_from_onnx(static_cast<int>(context.attributes().get_int("dtype", 1)));
  if (!type) return context.error("has an unknown dtype");
  context.set_output(0, RuntimeValue::of_sequence({}, *type));
  return {};
}

Status infer_sequence_construct(InferContext& context) {
  TypeInfo item = context.input(0);
  for (size_t i = 1; i < context.input_count(); ++i) {
    const TypeInfo& next = context.input(i);
    if (item.is_tensor() && next.is_tensor() && item.element != next.element &&
        next.element != ElementType::undefined && item.element != ElementType::undefined)
      return node_error(context.node(), std::string("mixes items of type ") + to_string(item.element) +
                                            " and " + to_string(next.element));
    item = join_types(item, next);
  }
  context.set_output(0, TypeInfo::sequence_of(std::move(item)));
  return {};
}
Status run_sequence_construct(RunContext& context) {
  Items items;
  for (size_t i = 0; i < context.input_count(); ++i) {
    LATHE_ASSIGN(const Tensor* item, tensor_input(context, i, std::to_string(i).c_str()));
    if (i > 0 && item->type() != items.front().tensor.type())
      return context.error(std::string("mixes items of type ") + to_string(items.front().tensor.type()) +
                           " and " + to_string(item->type()));
    items.emplace_back(*item);
  }
  const ElementType type = items.front().tensor.type();
  context.set_output(0, RuntimeValue::of_sequence(std::move(items), type));
  return {};
}

Status infer_sequence_at(InferContext& context) {
  context.set_output(0, item_type(context.input(0)));
  return {};
}
Status run_sequence_at(RunContext& context) {
  LATHE_ASSIGN(const RuntimeValue* sequence, sequence_input(context, 0));
  LATHE_ASSIGN(const size_t at, position_input(context, 1, 0, sequence->sequence->size()));
  context.set_output(0, (*sequence->sequence)[at]);
  return {};
}

Status infer_sequence_insert(InferContext& context) {
  TypeInfo sequence = context.input(0);
  sequence.kind = TypeInfo::Kind::sequence;
  sequence.inner = std::make_shared<const TypeInfo>(join_types(item_type(sequence), context.input(1)));
  context.set_output(0, std::move(sequence));
  return {};
}
Status run_sequence_insert(RunContext& context) {
  LATHE_ASSIGN(const RuntimeValue* sequence, sequence_input(context, 0));
  if (!context.has_input(1)) return context.error("needs the item to insert");
  const RuntimeValue& item = context.value(1);
  const ElementType type = item_element(*sequence);
  if (type != ElementType::undefined && item_element(item) != type)
    return context.error(std::string("inserts ") + to_string(item_element(item)) + " into a sequence of " +
                         to_string(type));
  Items items = *sequence->sequence;
  // Position -1 is before the last item, size is the end.
  const auto size = static_cast<int64_t>(items.size());
  int64_t position = size;
  if (context.has_input(2)) {
    LATHE_ASSIGN(position, integer_input(context, 2, "position"));
  }
  const int64_t at = position < 0 ? position + size : position;
  if (at < 0 || at > size)
    return context.error("position " + std::to_string(position) + " is out of range for a sequence of " +
                         std::to_string(size));
  items.insert(items.begin() + at, item);
  context.set_output(0, RuntimeValue::of_sequence(std::move(items), item_element(item)));
  return {};
}

Status infer_sequence_erase(InferContext& context) {
  context.set_output(0, context.input(0));
  return {};
}
Status run_sequence_erase(RunContext& context) {
  LATHE_ASSIGN(const RuntimeValue* sequence, sequence_input(context, 0));
  Items items = *sequence->sequence;
  LATHE_ASSIGN(const size_t at, position_input(context, 1, -1, items.size()));
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
  context.set_output(0, RuntimeValue::of_sequence(std::move(items), sequence->element));
  return {};
}

Status infer_sequence_length(InferContext& context) {
  context.set_tensor(0, ElementType::i64, Dims{});
  return {};
}
Status run_sequence_length(RunContext& context) {
  LATHE_ASSIGN(const RuntimeValue* sequence, sequence_input(context, 0));
  context.set_output(0, RuntimeValue(Tensor::scalar(static_cast<int64_t>(sequence->sequence->size()))));
  return {};
}

// ---- Splitting and joining

/// The sizes of the parts: input 1 as a list, or as the size of all but the last; 1 each when it is absent.
Result<std::vector<int64_t>> part_sizes(RunContext& context, int64_t size) {
  int64_t each = 1;
  if (context.has_input(1)) {
    LATHE_ASSIGN(std::vector<int64_t> sizes, int_input(context, 1, "split"));
    if (context.tensor(1).rank() > 0) {
      int64_t left = size;
      for (const int64_t part : sizes) {
        if (part < 0 || part > left)
          return context.error("has split sizes that do not add up to " + std::to_string(size));
        left -= part;
      }
      if (left != 0) return context.error("has split sizes that do not add up to " + std::to_string(size));
      return sizes;
    }
    each = sizes.front();
    if (each < 1) return context.error("has a split size of " + std::to_string(each));
  }
  std::vector<int64_t> sizes(static_cast<size_t>(size / each), each);
  if (size % each != 0) sizes.push_back(size % each);
  return sizes;
}

bool drops_axis(const Node& node) {
  const bool split = node.inputs.size() > 1 && node.inputs[1].valid();
  return !split && node.attributes.get_int("keepdims", 1) == 0;
}

Status infer_split_to_sequence(InferContext& context) {
  std::optional<Dims> item = dims_or_unknown(context, 0);
  if (item) {
    LATHE_ASSIGN(const size_t axis,
                 resolve_axis(context.node(), context.attributes().get_int("axis", 0), item->size()));
    const auto sizes = context.has_input(1) ? context.known_ints(1) : std::vector<int64_t>{1};
    const bool list = context.has_input(1) && !(context.dims(1) != nullptr && context.dims(1)->empty());
    const Dim total = (*item)[axis];
    const bool equal = sizes && !sizes->empty() && std::all_of(sizes->begin(), sizes->end(), [&](int64_t s) {
                         return s == sizes->front();
                       });
    if (drops_axis(context.node()))
      item->erase(item->begin() + static_cast<std::ptrdiff_t>(axis));
    else if (equal && (list || sizes->front() == 1 ||
                       (total.known() && sizes->front() > 0 && total.value() % sizes->front() == 0)))
      (*item)[axis] = Dim(sizes->front());
    else
      item.reset();
  }
  context.set_output(0, TypeInfo::sequence_of(TypeInfo::tensor(context.element(0), std::move(item))));
  return {};
}

Status run_split_to_sequence(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), x->rank()));
  LATHE_ASSIGN(const std::vector<int64_t> sizes, part_sizes(context, x->dim(axis)));
  const StridedView from = whole(x->shape());
  Items items;
  int64_t start = 0;
  for (const int64_t size : sizes) {
    Shape shape = x->shape();
    shape[axis] = size;
    LATHE_ASSIGN(Tensor part, Tensor::allocate(x->type(), shape));
    copy_strided(shape, *x, {start * from.strides[axis], from.strides}, part, whole(shape));
    if (drops_axis(context.node())) {
      shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
      part = part.reshaped(std::move(shape));
    }
    items.emplace_back(std::move(part));
    start += size;
  }
  context.set_output(0, RuntimeValue::of_sequence(std::move(items), x->type()));
  return {};
}

Status infer_concat_from_sequence(InferContext& context) {
  const TypeInfo item = item_type(context.input(0));
  std::optional<Dims> out;
  if (item.is_tensor() && item.dims) {
    out = item.dims;
    const bool new_axis = context.attributes().get_int("new_axis", 0) != 0;
    LATHE_ASSIGN(const size_t axis, resolve_axis(context.node(), context.attributes().get_int("axis", 0),
                                                 out->size() + (new_axis ? 1 : 0)));
    if (new_axis) out->insert(out->begin() + static_cast<std::ptrdiff_t>(axis), Dim(0));
    (*out)[axis] = context.data_dependent_dim("length");
  }
  context.set_tensor(0, item.element, std::move(out));
  return {};
}

Status run_concat_from_sequence(RunContext& context) {
  LATHE_ASSIGN(const RuntimeValue* sequence, sequence_input(context, 0));
  const Items& items = *sequence->sequence;
  if (items.empty() || !items.front().is_tensor())
    return context.error("needs a sequence with tensors to join");
  const bool new_axis = context.attributes().get_int("new_axis", 0) != 0;
  const Tensor& first = items.front().tensor;
  LATHE_ASSIGN(const size_t axis, resolve_axis(context.node(), context.attributes().get_int("axis", 0),
                                               first.rank() + (new_axis ? 1 : 0)));
  std::vector<Tensor> parts;
  Shape shape;
  for (const RuntimeValue& item : items) {
    Shape part = item.tensor.shape();
    if (item.tensor.type() != first.type() || part.size() != first.rank())
      return context.error("cannot join items of different types or ranks");
    if (new_axis) part.insert(part.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    parts.push_back(item.tensor.reshaped(part));
    if (shape.empty()) {
      shape = part;
      continue;
    }
    for (size_t i = 0; i < part.size(); ++i)
      if (i != axis && part[i] != shape[i])
        return context.error("cannot join items of shapes " + to_string(first.shape()) + " and " +
                             to_string(item.tensor.shape()) + " on axis " + std::to_string(axis));
    shape[axis] += part[axis];
  }
  LATHE_ASSIGN(Tensor * out, context.output(0, first.type(), shape));
  StridedView to = whole(shape);
  for (const Tensor& part : parts) {
    copy_strided(part.shape(), part, whole(part.shape()), *out, to);
    to.offset += part.dim(axis) * to.strides[axis];
  }
  return {};
}

// ---- Optionals

Status infer_optional(InferContext& context) {
  const TypeInfo* type = context.attributes().get<TypeInfo>("type");
  if (context.has_input(0))
    context.set_output(0, TypeInfo::optional_of(context.input(0)));
  else
    context.set_output(0, TypeInfo::optional_of(type != nullptr ? *type : TypeInfo{}));
  return {};
}
Status run_optional(RunContext& context) {
  context.set_output(0, context.has_input(0) ? context.value(0) : RuntimeValue::empty_optional());
  return {};
}

Status infer_has_element(InferContext& context) {
  context.set_tensor(0, ElementType::boolean, Dims{});
  return {};
}
Status run_has_element(RunContext& context) {
  const bool has = context.has_input(0) && context.value(0).kind != RuntimeValue::Kind::empty_optional;
  context.set_output(0, RuntimeValue(Tensor::scalar(has)));
  return {};
}

Status infer_get_element(InferContext& context) {
  const TypeInfo& type = context.input(0);
  context.set_output(0, type.kind == TypeInfo::Kind::optional ? item_type(type) : type);
  return {};
}
Status run_get_element(RunContext& context) {
  if (!context.has_input(0) || context.value(0).kind == RuntimeValue::Kind::empty_optional)
    return context.error("takes the element of an empty optional");
  context.set_output(0, context.value(0));
  return {};
}

}  // namespace

void register_sequence(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, int min_inputs, int max_inputs,
                       Status (*infer)(InferContext&), Status (*run)(RunContext&)) {
    registry.add(
        {"", name, std::move(versions), min_inputs, max_inputs, 1, 1, trait_none, infer, run, no_flops});
  };
  add("SequenceEmpty", {11}, 0, 0, infer_sequence_empty, run_sequence_empty);
  add("SequenceConstruct", {11}, 1, -1, infer_sequence_construct, run_sequence_construct);
  add("SequenceAt", {11}, 2, 2, infer_sequence_at, run_sequence_at);
  add("SequenceInsert", {11}, 2, 3, infer_sequence_insert, run_sequence_insert);
  add("SequenceErase", {11}, 1, 2, infer_sequence_erase, run_sequence_erase);
  add("SequenceLength", {11}, 1, 1, infer_sequence_length, run_sequence_length);
  add("SplitToSequence", {11, 24}, 1, 2, infer_split_to_sequence, run_split_to_sequence);
  add("ConcatFromSequence", {11}, 1, 1, infer_concat_from_sequence, run_concat_from_sequence);
  add("Optional", {15, 28}, 0, 1, infer_optional, run_optional);
  add("OptionalHasElement", {15, 18, 28}, 0, 1, infer_has_element, run_has_element);
  add("OptionalGetElement", {15, 18, 28}, 1, 1, infer_get_element, run_get_element);
}

}  // namespace lathe
