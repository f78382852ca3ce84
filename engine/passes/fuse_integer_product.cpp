// SPDX-License-Identifier: Apache-2.0
// The chain that dynamic quantisation writes, MatMulInteger, Cast, Mul by the scales and Add of the bias,
// becomes com.microsoft's MatMulIntegerToFloat; its DynamicQuantizeMatMul becomes DynamicQuantizeLinear and
// that, so that products of one tensor quantise it once.
#include <array>

#include "engine/passes/match.h"

namespace lathe {
namespace {

constexpr std::string_view domain = "com.microsoft";
constexpr size_t bias_at = 6;

bool is_real_product(const Node& node) {
  return node.domain == domain && node.op_type == "MatMulIntegerToFloat";
}
ValueId input_of(const Node& node, size_t i) {
  return i < node.inputs.size() ? node.inputs[i] : ValueId();
}

/// Columns of a product whose weights are a matrix; 0 otherwise.
int64_t columns_of(const PassContext& context, const Node& node) {
  const auto b = static_shape(context, node.inputs[1]), y = static_shape(context, node.outputs[0]);
  return b && y && b->size() == 2 && y->size() >= 2 ? b->back() : 0;
}

std::optional<int64_t> count_of(const PassContext& context, ValueId value) {
  const auto shape = static_shape(context, value);
  if (!shape || !is_f32(context, value)) return std::nullopt;
  return element_count(*shape);
}

/// One number, or one per column and without leading axes that count.
bool fits_columns(const PassContext& context, ValueId value, int64_t columns) {
  const auto count = count_of(context, value);
  return count && (*count == 1 || (*count == columns && static_shape(context, value)->back() == columns));
}

Node real_product(const PassContext& context, std::vector<NodeId> originals) {
  Node made = context.fused_node("MatMulIntegerToFloat", std::move(originals));
  made.domain = domain;
  return made;
}

struct Scales {
  ValueId a, b;
};

/// The factor as one number times numbers of the columns.
std::optional<Scales> split(PassContext& context, ValueId factor, int64_t columns, const std::string& name) {
  const Node* both = producer(context.graph, factor, "Mul");
  if (both != nullptr)
    for (const size_t first : {0, 1}) {
      const ValueId a = both->inputs[first], b = both->inputs[1 - first];
      if (count_of(context, a) == 1 && context.graph.constant(b) != nullptr &&
          fits_columns(context, b, columns))
        return Scales{a, b};
    }
  if (!fits_columns(context, factor, columns)) return std::nullopt;
  const ValueId one = context.editor.add_constant(name + ".one", Tensor::scalar(1.0F));
  return count_of(context, factor) == 1 ? Scales{factor, one} : Scales{one, factor};
}

/// MatMulInteger, Cast to f32 and Mul.
bool take_scales(PassContext& context, const Node& product) {
  const Graph& graph = context.graph;
  const Node* cast = sole_consumer(graph, product.outputs[0]);
  if (cast == nullptr || !is_op(*cast, "Cast") || !is_f32(context, cast->outputs[0])) return false;
  const Node* mul = sole_consumer(graph, cast->outputs[0]);
  const int64_t columns = columns_of(context, product);
  if (mul == nullptr || !is_op(*mul, "Mul") || columns == 0) return false;
  const ValueId factor = other_input(*mul, cast->outputs[0]);
  if (!factor.valid() || factor == cast->outputs[0] ||
      static_shape(context, mul->outputs[0]) != static_shape(context, product.outputs[0]))
    return false;
  const NodeId ids[] = {product.id, cast->id, mul->id};
  const Node integer = product;
  const ValueId output = mul->outputs[0];
  const auto scales = split(context, factor, columns, integer.name);
  if (!scales) return false;
  Node made = real_product(context, {ids[0], ids[1], ids[2]});
  made.inputs = {integer.inputs[0], integer.inputs[1],    scales->a,
                 scales->b,         input_of(integer, 2), input_of(integer, 3)};
  for (const NodeId id : ids) context.editor.remove_node(id);
  made.outputs = {output};
  context.editor.add_node(std::move(made));
  return true;
}

/// The DynamicQuantizeLinear that reads `x` already, or a new one.
std::array<ValueId, 3> quantization_of(PassContext& context, ValueId x, const Node& original) {
  for (const NodeId id : context.graph.value(x).consumers) {
    const Node& reader = context.graph.node(id);
    if (reader.alive && is_op(reader, "DynamicQuantizeLinear") && reader.outputs.size() == 3 &&
        reader.outputs[0].valid() && reader.outputs[1].valid() && reader.outputs[2].valid())
      return {reader.outputs[0], reader.outputs[1], reader.outputs[2]};
  }
  Node made = context.fused_node("DynamicQuantizeLinear", {original.id});
  made.domain.clear();
  made.version = 11;
  made.name = original.name + ".quantize";
  made.inputs = {x};
  for (const char* suffix : {".stored", ".scale", ".zero_point"})
    made.outputs.push_back(context.editor.add_value(original.name + suffix));
  const std::array<ValueId, 3> outputs{made.outputs[0], made.outputs[1], made.outputs[2]};
  context.editor.add_node(std::move(made));
  return outputs;
}

bool lower_dynamic(PassContext& context, const Node& node) {
  if (node.domain != domain || node.op_type != "DynamicQuantizeMatMul" || node.inputs.size() < 3 ||
      !is_f32(context, node.inputs[0]))
    return false;
  const Node original = node;
  const auto [stored, scale, zero] = quantization_of(context, original.inputs[0], original);
  Node made = real_product(context, {original.id});
  made.inputs = {stored,
                 original.inputs[1],
                 scale,
                 original.inputs[2],
                 zero,
                 input_of(original, 3),
                 input_of(original, 4)};
  made.outputs = original.outputs;
  context.editor.remove_node(original.id);
  context.editor.add_node(std::move(made));
  return true;
}

Result<size_t> fuse(PassContext& context) {
  return rewrite_nodes(context, [&](const Node& node) {
    if (is_op(node, "MatMulInteger")) return take_scales(context, node);
    if (is_real_product(node)) return columns_of(context, node) > 0 && take_bias(context, node, bias_at);
    return lower_dynamic(context, node);
  });
}

}  // namespace

void register_fuse_integer_product(PassRegistry& registry) {
  registry.add({"fuse_integer_product", true, fuse});
}

}  // namespace lathe
