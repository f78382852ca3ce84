// SPDX-License-Identifier: Apache-2.0
// Scan: a body over the slices of its scan inputs, with state. Opset 8 had a batch axis in front of
// everything.
#include "engine/ops/subgraph_state.h"

namespace lathe {
namespace {

/// Which inputs are what. `first`: 1 in opset 8, whose input 0 holds sequence lengths.
struct ScanLayout {
  const Graph* body = nullptr;
  size_t first = 0, states = 0, scans = 0, outputs = 0;
  bool batched = false;
};

Result<ScanLayout> scan_layout(const Node& node) {
  ScanLayout layout;
  LATHE_ASSIGN(layout.body, subgraph(node, "body"));
  layout.batched = node.version < 9;
  layout.first = layout.batched ? 1 : 0;
  const int64_t scans = node.attributes.get_int("num_scan_inputs", 0);
  const auto given = static_cast<int64_t>(node.inputs.size()) - static_cast<int64_t>(layout.first);
  if (scans < 1 || scans > given)
    return node_error(
        node, "has num_scan_inputs " + std::to_string(scans) + " for " + std::to_string(given) + " inputs");
  layout.scans = static_cast<size_t>(scans);
  layout.states = static_cast<size_t>(given - scans);
  if (node.outputs.size() < layout.states || layout.body->inputs().size() != static_cast<size_t>(given) ||
      layout.body->outputs().size() != node.outputs.size())
    return node_error(node, "has a body that does not fit its inputs and outputs");
  layout.outputs = node.outputs.size() - layout.states;
  return layout;
}

/// Entry i of an attribute with one integer per scan input or output; 0 when absent.
int64_t entry(const Node& node, const char* attribute, size_t i) {
  const std::vector<int64_t> all = node.attributes.get_ints(attribute);
  return i < all.size() ? all[i] : 0;
}
const char* input_directions(const ScanLayout& layout) {
  return layout.batched ? "directions" : "scan_input_directions";
}

void drop_front(TypeInfo& type) {
  if (type.is_tensor() && type.dims && !type.dims->empty()) type.dims->erase(type.dims->begin());
}

Status infer_scan(InferContext& context) {
  const Node& node = context.node();
  LATHE_ASSIGN(const ScanLayout layout, scan_layout(node));
  std::vector<TypeInfo> inputs;
  std::optional<Dim> length, batch;
  for (size_t i = 0; i < layout.states + layout.scans; ++i) {
    TypeInfo type = context.input(layout.first + i);
    if (layout.batched && type.is_tensor() && type.dims && !type.dims->empty()) batch = type.dims->front();
    if (layout.batched) drop_front(type);
    if (i >= layout.states && type.is_tensor() && type.dims) {
      LATHE_ASSIGN(const size_t axis,
                   resolve_axis(node, entry(node, "scan_input_axes", i - layout.states), type.dims->size()));
      const Dim size = (*type.dims)[axis];
      if (!length || size.known()) length = size;
      type.dims->erase(type.dims->begin() + static_cast<std::ptrdiff_t>(axis));
    }
    inputs.push_back(std::move(type));
  }
  LATHE_ASSIGN(const std::vector<TypeInfo> outputs,
               infer_rounds(context, *layout.body, inputs, 0, layout.states, 0));
  if (!length) length = context.unknown_dim();
  if (layout.batched && !batch) batch = context.unknown_dim();
  for (size_t i = 0; i < outputs.size(); ++i) {
    TypeInfo type = i < layout.states ? inputs[i] : outputs[i];
    if (type.is_tensor() && type.dims) {
      Dims& dims = *type.dims;
      if (i >= layout.states) {
        LATHE_ASSIGN(const size_t axis,
                     resolve_axis(node, entry(node, "scan_output_axes", i - layout.states), dims.size() + 1));
        dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), *length);
      }
      if (layout.batched) dims.insert(dims.begin(), *batch);
    }
    context.set_output(i, std::move(type));
  }
  return {};
}

/// Slice `index` of a tensor along an axis, without that axis.
Result<Tensor> slice_of(const Tensor& from, size_t axis, int64_t index) {
  StridedView view = whole(from.shape());
  view.offset = index * view.strides[axis];
  Shape shape = from.shape();
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  view.strides.erase(view.strides.begin() + static_cast<std::ptrdiff_t>(axis));
  LATHE_ASSIGN(Tensor to, Tensor::allocate(from.type(), shape));
  copy_strided(shape, from, view, to, whole(shape));
  return to;
}

struct ScanInput {
  Tensor tensor;
  size_t axis = 0;
  bool reverse = false;
};

/// The slices of one run, and how many there are.
struct ScanInputs {
  std::vector<ScanInput> all;
  int64_t length = 0;
};

Result<ScanInputs> scan_inputs(const RunContext& context, const ScanLayout& layout,
                               std::span<const Tensor> tensors) {
  ScanInputs inputs;
  for (size_t i = 0; i < layout.scans; ++i) {
    const Tensor& tensor = tensors[i];
    LATHE_ASSIGN(const size_t axis,
                 resolve_axis(context.node(), entry(context.node(), "scan_input_axes", i), tensor.rank()));
    if (i > 0 && tensor.dim(axis) != inputs.length)
      return context.error("has scan inputs of " + std::to_string(inputs.length) + " and " +
                           std::to_string(tensor.dim(axis)) + " slices");
    inputs.length = tensor.dim(axis);
    inputs.all.push_back({tensor, axis, entry(context.node(), input_directions(layout), i) != 0});
  }
  return inputs;
}

/// Runs the body over all slices; leaves the final state in `state` and every round's outputs in `lists`.
Status run_rounds(RunContext& context, const ScanLayout& layout, const ScanInputs& inputs,
                  std::vector<RuntimeValue>& state, std::vector<std::vector<Tensor>>& lists) {
  for (int64_t round = 0; round < inputs.length; ++round) {
    std::vector<RuntimeValue> values = state;
    for (const ScanInput& input : inputs.all) {
      LATHE_ASSIGN(Tensor slice,
                   slice_of(input.tensor, input.axis, input.reverse ? inputs.length - 1 - round : round));
      values.emplace_back(std::move(slice));
    }
    LATHE_ASSIGN(std::vector<RuntimeValue> outputs, context.run_subgraph(*layout.body, std::move(values)));
    if (outputs.size() != layout.states + lists.size())
      return context.error("has a body with other outputs than declared");
    LATHE_TRY(collect(context, std::span(outputs).subspan(layout.states), lists));
    for (size_t i = 0; i < layout.states; ++i) state[i] = std::move(outputs[i]);
  }
  return {};
}

Status run_scan(RunContext& context) {
  LATHE_ASSIGN(const ScanLayout layout, scan_layout(context.node()));
  std::vector<RuntimeValue> state;
  for (size_t i = 0; i < layout.states; ++i) state.push_back(context.value(i));
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < layout.scans; ++i) {
    LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, layout.states + i, "scan input"));
    tensors.push_back(*tensor);
  }
  LATHE_ASSIGN(const ScanInputs inputs, scan_inputs(context, layout, tensors));
  std::vector<std::vector<Tensor>> lists(layout.outputs);
  LATHE_TRY(run_rounds(context, layout, inputs, state, lists));
  for (size_t i = 0; i < layout.states; ++i) context.set_output(i, std::move(state[i]));
  for (size_t i = 0; i < layout.outputs; ++i) {
    const size_t output = layout.states + i;
    if (context.has_output(output)) {
      LATHE_TRY(stack(context, output, lists[i], entry(context.node(), "scan_output_axes", i),
                      entry(context.node(), "scan_output_directions", i) != 0,
                      layout.body->value(layout.body->outputs()[output]).type));
    }
  }
  return {};
}

// ---- Opset 8

/// What one entry of the batch gives: final states, then stacked scan outputs padded with zeros to full
/// length.
Result<std::vector<Tensor>> run_batch_entry(RunContext& context, const ScanLayout& layout,
                                            int64_t entry_index, int64_t used) {
  std::vector<RuntimeValue> state;
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < layout.states + layout.scans; ++i) {
    LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, layout.first + i, "state or scan input"));
    LATHE_ASSIGN(Tensor own, slice_of(*tensor, 0, entry_index));
    if (i < layout.states)
      state.emplace_back(std::move(own));
    else
      tensors.push_back(std::move(own));
  }
  LATHE_ASSIGN(ScanInputs inputs, scan_inputs(context, layout, tensors));
  const int64_t full = inputs.length;
  if (used < 0) used = full;
  if (used > full)
    return context.error("has a sequence length of " + std::to_string(used) + " for " + std::to_string(full) +
                         " slices");
  inputs.length = used;
  std::vector<std::vector<Tensor>> lists(layout.outputs);
  LATHE_TRY(run_rounds(context, layout, inputs, state, lists));
  std::vector<Tensor> results;
  for (RuntimeValue& value : state) results.push_back(std::move(value.tensor));
  for (const std::vector<Tensor>& list : lists) {
    if (list.empty()) return context.error("has a batch entry without slices");
    Shape shape = list.front().shape(), one = shape;
    shape.insert(shape.begin(), full);
    one.insert(one.begin(), 1);
    LATHE_ASSIGN(Tensor stacked, Tensor::allocate(list.front().type(), shape));
    fill_zero(stacked);
    StridedView to = whole(shape);
    for (const Tensor& part : list) {
      copy_strided(one, part, whole(one), stacked, to);
      to.offset += to.strides[0];
    }
    results.push_back(std::move(stacked));
  }
  return results;
}

Status run_scan_8(RunContext& context) {
  LATHE_ASSIGN(const ScanLayout layout, scan_layout(context.node()));
  LATHE_ASSIGN(const std::vector<int64_t> lengths, int_input(context, 0, "sequence_lens"));
  int64_t batch = -1;
  for (size_t i = layout.first; i < context.input_count(); ++i) {
    LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, i, "state or scan input"));
    if (tensor->rank() < 1 || (batch >= 0 && tensor->dim(0) != batch))
      return context.error("has inputs of different batch sizes");
    batch = tensor->dim(0);
  }
  if (batch < 1 || (!lengths.empty() && static_cast<int64_t>(lengths.size()) != batch))
    return context.error("has " + std::to_string(lengths.size()) + " sequence lengths for a batch of " +
                         std::to_string(batch));
  std::vector<std::vector<Tensor>> lists(layout.states + layout.outputs);
  for (int64_t b = 0; b < batch; ++b) {
    LATHE_ASSIGN(const std::vector<Tensor> results,
                 run_batch_entry(context, layout, b, lengths.empty() ? -1 : lengths[static_cast<size_t>(b)]));
    std::vector<RuntimeValue> round(results.begin(), results.end());
    LATHE_TRY(collect(context, round, lists));
  }
  for (size_t i = 0; i < lists.size(); ++i)
    if (context.has_output(i)) {
      LATHE_TRY(stack(context, i, lists[i], 0, false, {}));
    }
  return {};
}

}  // namespace

void register_scan(OperatorRegistry& registry) {
  registry.add({"", "Scan", {8}, 2, -1, 1, -1, trait_control_flow, infer_scan, run_scan_8, no_flops});
  registry.add({"",
                "Scan",
                {9, 11, 16, 19, 21, 23, 24, 25},
                1,
                -1,
                1,
                -1,
                trait_control_flow,
                infer_scan,
                run_scan,
                no_flops});
}

}  // namespace lathe
