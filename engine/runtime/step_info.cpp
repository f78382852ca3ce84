// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/step_info.h"

#include "engine/base/strings.h"

namespace lathe {
namespace {

/// Precision a step computes in: that of its first floating-point or 8-bit input.
std::string step_precision(std::span<const TensorDesc> inputs, std::span<const TensorDesc> outputs) {
  for (const auto list : {inputs, outputs})
    for (const TensorDesc& desc : list) {
      if (desc.type == ElementType::i8 || desc.type == ElementType::u8) return "int8";
      if (is_float(desc.type)) return to_string(desc.type);
    }
  for (const TensorDesc& desc : inputs)
    if (desc.present()) return to_string(desc.type);
  return outputs.empty() ? "f32" : to_string(outputs.front().type);
}

std::vector<Shape> shapes_of(std::span<const TensorDesc> descs) {
  std::vector<Shape> shapes;
  for (const TensorDesc& desc : descs) shapes.push_back(desc.shape);
  return shapes;
}

}  // namespace

StepInfo describe_step(const Node& node, const Operator& op, std::span<const TensorDesc> inputs,
                       std::span<const TensorDesc> outputs, std::string kernel) {
  StepInfo info;
  info.name = node.name;
  info.op_type = node.qualified_type();
  const auto fused = node.metadata.find(fused_nodes_key);
  info.nodes =
      fused != node.metadata.end() ? split(fused->second, '\n') : std::vector<std::string>{node.name};
  info.node = info.nodes.front();
  info.module = node.module.valid() ? node.module : ModuleTree::root();
  info.kernel = std::move(kernel);
  info.precision = step_precision(inputs, outputs);
  for (const TensorDesc& desc : inputs) {
    if (!desc.present()) continue;
    info.input_dims.push_back(desc.shape);
    info.input_types.push_back(desc.type);
    info.bytes += element_count(desc.shape) * static_cast<int64_t>(element_size(desc.type));
  }
  for (const TensorDesc& desc : outputs)
    if (desc.present())
      info.bytes += element_count(desc.shape) * static_cast<int64_t>(element_size(desc.type));
  if (op.flops != nullptr && !outputs.empty())
    info.flops = op.flops(node, shapes_of(inputs), shapes_of(outputs));
  else if (!outputs.empty())
    info.flops = (op.traits & trait_elementwise) != 0 ? element_count(outputs.front().shape) : 0;
  return info;
}

}  // namespace lathe
