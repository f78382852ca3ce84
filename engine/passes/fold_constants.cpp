// SPDX-License-Identifier: Apache-2.0
// Replaces what can be computed now by constants: nodes whose inputs are all constant, and integer values
// whose elements shape inference knows (Shape of a static tensor and all that follows from it). Weights
// stored in 8 bit stay so until the passes over quantised graphs have seen them.
#include <algorithm>

#include "engine/ops/reference.h"
#include "engine/passes/fold.h"
#include "engine/passes/match.h"
#include "engine/passes/pass.h"

namespace lathe {
namespace {

constexpr size_t max_folded_bytes = size_t{256} << 20;

void replace_by_constant(PassContext& context, ValueId id, Tensor tensor) {
  const ValueId constant =
      context.editor.add_constant(context.graph.value(id).name + "_folded", std::move(tensor));
  context.types.types.resize(context.graph.values().size());
  context.types.types[constant.index] = context.types.type(id);
  context.editor.replace_uses(id, constant);
}

bool foldable(const Graph& graph, const Node& node, const Operator* op) {
  if (op == nullptr || op->run == nullptr || node.op_type == "Constant") return false;
  if ((op->traits & (trait_random | trait_control_flow)) != 0 || !node.captured.empty()) return false;
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return !id.valid() || graph.constant(id) != nullptr; });
}

size_t output_bytes(const PassContext& context, const Node& node) {
  size_t bytes = 0;
  for (const ValueId output : node.outputs) {
    if (!output.valid() || !context.types.type(output).is_static()) continue;
    const TypeInfo& type = context.types.type(output);
    bytes += static_cast<size_t>(element_count(to_shape(*type.dims))) * element_size(type.element);
  }
  return bytes;
}

bool dequantizes_weights(const Graph& graph, const Node& node) {
  if (node.op_type != "DequantizeLinear" || !node.domain.empty()) return false;
  const Tensor* stored = graph.constant(node.inputs[0]);
  return stored != nullptr && (stored->type() == ElementType::i8 || stored->type() == ElementType::u8);
}

Result<size_t> fold_all_but_weights(PassContext& context) {
  return fold(context, false);
}

}  // namespace

Result<size_t> fold(PassContext& context, bool weights) {
  LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(context.graph));
  size_t changes = 0;
  for (const NodeId id : order) {
    const Node& node = context.graph.node(id);
    if (node.op_type == "Constant" || (!weights && dequantizes_weights(context.graph, node))) continue;
    // Graph outputs are left alone: an output has to be made by a node or be an input.
    const auto used = [&](ValueId output) {
      return output.valid() && !context.graph.value(output).is_output &&
             !context.graph.value(output).consumers.empty();
    };
    bool done = true;
    for (const ValueId output : std::vector(node.outputs)) {
      if (!used(output)) continue;
      if (auto tensor = context.types.known_tensor(output)) {
        replace_by_constant(context, output, std::move(*tensor));
        ++changes;
      } else {
        done = false;
      }
    }
    const Node& now = context.graph.node(id);
    const Operator* op = operators().find(now);
    if (done || !foldable(context.graph, now, op) || output_bytes(context, now) > max_folded_bytes) continue;
    std::vector<RuntimeValue> values(now.inputs.size());
    std::vector<const RuntimeValue*> inputs(now.inputs.size(), nullptr);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!now.inputs[i].valid()) continue;
      values[i] = RuntimeValue(read_once(*context.graph.constant(now.inputs[i])));
      inputs[i] = &values[i];
    }
    auto made = run_reference(*op, now, inputs);
    for (const RuntimeValue& value : values) value.tensor.buffer().release_pages();
    if (!made.ok()) continue;  // the run will tell, located, if it ever gets there
    const std::vector<ValueId> outputs = now.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!used(outputs[i]) || !(*made)[i].is_tensor()) continue;
      replace_by_constant(context, outputs[i], (*made)[i].tensor);
      ++changes;
    }
  }
  return changes;
}

void register_fold_constants(PassRegistry& registry) {
  registry.add({"fold_constants", false, fold_all_but_weights});
}

}  // namespace lathe
