// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/qdq_inserter.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "engine/precision/quantized_constant.h"

namespace lathe {
namespace {

template <class T>
Tensor vector_of(const std::vector<T>& elements) {
  return Tensor::from<T>({static_cast<int64_t>(elements.size())}, std::span<const T>(elements));
}

}  // namespace

ValueId QdqInserter::add_node(const char* op_type, const Node& neighbour, const std::string& name,
                              std::vector<ValueId> inputs, ElementType type, std::optional<Dims> dims,
                              std::string why, std::optional<size_t> axis) {
  Node node;
  // Beside `neighbour`: same module, and named so that other readers find that module, too.
  node.name = neighbour.name + (op_type == std::string_view("QuantizeLinear") ? "_quantize" : "_dequantize");
  node.op_type = op_type;
  node.version = opset_;
  node.module = neighbour.module;
  node.inputs = std::move(inputs);
  node.outputs = {editor_.add_value(name, TypeInfo::tensor(type, std::move(dims)))};
  if (axis) node.attributes.set("axis", static_cast<int64_t>(*axis));
  const ValueId made = node.outputs[0];
  const NodeId id = editor_.add_node(std::move(node));
  inserted_[graph_.node(id).name] = std::move(why);
  return made;
}

Result<QuantizedRange> QdqInserter::range_of(ValueId value) const {
  const std::string& name = graph_.value(value).name;
  const auto found = calibration_.find(name);
  if (found == calibration_.end() || found->second.count() == 0)
    return bad_input("tensor '" + name + "'", "was not seen in calibration");
  return found->second.range(calibrator_);
}

Status QdqInserter::quantise_activation(ValueId value, ValueId range_from) {
  LATHE_ASSIGN(const QuantizedRange range, range_of(range_from));
  const std::string name = graph_.value(value).name;
  const std::vector<NodeId> consumers = graph_.value(value).consumers;
  const NodeId made_by = graph_.value(value).producer;
  const Node neighbour = graph_.node(made_by.valid() ? made_by : consumers.front());
  const std::optional<Dims> dims = plan_.types.type(value).dims;
  const ValueId scale = editor_.add_constant(name + "/scale", Tensor::scalar(scale_of(range)));
  const ValueId zero = editor_.add_constant(
      name + "/zero_point", symmetric_ ? Tensor::scalar<int8_t>(0)
                                       : Tensor::scalar<uint8_t>(static_cast<uint8_t>(range.zero_point())));
  const ValueId stored = add_node("QuantizeLinear", neighbour, name + "/quantize", {value, scale, zero},
                                  symmetric_ ? ElementType::i8 : ElementType::u8, dims,
                                  "hands '" + name + "' to what computes in 8 bit");
  const ValueId back =
      add_node("DequantizeLinear", neighbour, name + "/dequantize", {stored, scale, zero}, ElementType::f32,
               dims, "says what the 8-bit numbers of '" + name + "' stand for");
  // What is made in 8 bit is nowhere more exact; what is made wide stays so for readers that are.
  const bool made_in_8bit = made_by.valid() && plan_.of(made_by).computes();
  for (const NodeId id : consumers) {
    if (!made_in_8bit && !plan_.of(id).computes()) continue;
    std::vector<ValueId> inputs = graph_.node(id).inputs;
    const bool first_only = plan_.of(id).product;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] == value && (i == 0 || !first_only)) inputs[i] = back;
    editor_.set_node_inputs(id, std::move(inputs));
  }
  return {};
}

Result<ValueId> QdqInserter::weights_of(NodeId id, size_t axis) {
  const ValueId original = graph_.node(id).inputs[1];
  Weights& made = weights_[{original, axis}];
  if (made.value.valid()) return made.value;
  const Tensor weights = *constant_behind(graph_, original);
  const std::string name = graph_.value(original).name;
  made.scales = channel_scales(weights, axis);
  LATHE_ASSIGN(Tensor stored, rounded_weights(weights, axis, made.scales));
  const ValueId value = editor_.add_constant(name + "/quantized", std::move(stored));
  const ValueId scale = editor_.add_constant(name + "/scale", vector_of(made.scales));
  const ValueId zero =
      editor_.add_constant(name + "/zero_point", vector_of(std::vector<int8_t>(made.scales.size(), 0)));
  const Node neighbour = graph_.node(id);
  made.value =
      add_node("DequantizeLinear", neighbour, name + "/dequantize", {value, scale, zero}, ElementType::f32,
               to_dims(weights.shape()), "says what the 8-bit weights stand for", axis);
  return made.value;
}

/// i32 numbers of the scale that the sums of products have; left as it is where those do not fit.
void QdqInserter::quantise_bias(NodeId id) {
  const Node node = graph_.node(id);
  if (node.inputs.size() < 3 || !node.inputs[2].valid()) return;
  const Tensor* constant = constant_behind(graph_, node.inputs[2]);
  const std::vector<float>& scales = weights_.at({node.inputs[1], plan_.of(id).channel_axis}).scales;
  if (constant == nullptr || constant->type() != ElementType::f32 || constant->rank() != 1 ||
      constant->count() != static_cast<int64_t>(scales.size()))
    return;
  const Tensor bias = *constant;  // its place in the graph moves as values are added
  const auto range = range_of(plan_.tensors.at(node.inputs[0]));
  if (!range.ok()) return;
  std::vector<float> products;
  std::vector<int32_t> stored;
  for (size_t c = 0; c < scales.size(); ++c) {
    products.push_back(scales[c] * scale_of(*range));
    const double number = std::nearbyint(static_cast<double>(bias.data<float>()[c]) / products[c]);
    if (!(products[c] > 0) || std::abs(number) > 1e9) return;
    stored.push_back(static_cast<int32_t>(number));
  }
  const std::string name = node.name + "/bias";
  const ValueId value = editor_.add_constant(name + "/quantized", vector_of(stored));
  const ValueId scale = editor_.add_constant(name + "/scale", vector_of(products));
  const ValueId zero =
      editor_.add_constant(name + "/zero_point", vector_of(std::vector<int32_t>(stored.size(), 0)));
  const ValueId back =
      add_node("DequantizeLinear", node, name + "/dequantize", {value, scale, zero}, ElementType::f32,
               to_dims(bias.shape()), "says what the 32-bit bias stands for", 0);
  std::vector<ValueId> inputs = graph_.node(id).inputs;
  inputs[2] = back;
  editor_.set_node_inputs(id, std::move(inputs));
}

/// ONNX Runtime makes a Gemm between two Reshapes of MatMul and Add of a vector, before it looks at the
/// quantisation, which the Gemm then cannot use: it dequantises the weights in every run. A bias with all
/// axes of the product says the same and is left alone.
Status QdqInserter::widen_bias(NodeId id) {
  const Value& product = graph_.value(graph_.node(id).outputs[0]);
  const auto& dims = plan_.types.type(product.id).dims;
  if (graph_.node(id).op_type != "MatMul" || !dims || dims->size() < 3 || product.is_output ||
      product.consumers.size() != 1)
    return {};
  const Node& add = graph_.node(product.consumers.front());
  if (!add.domain.empty() || add.op_type != "Add") return {};
  const size_t at = add.inputs[0] == product.id ? 1 : 0;
  const Tensor* bias = constant_behind(graph_, add.inputs[at]);
  if (bias == nullptr || bias->type() != ElementType::f32 || bias->rank() != 1) return {};
  Shape shape(dims->size(), 1);
  shape.back() = bias->count();
  Tensor wide = bias->reshaped(std::move(shape));
  std::vector<ValueId> inputs = add.inputs;
  const NodeId reader = add.id;
  inputs[at] = editor_.add_constant(graph_.value(inputs[at]).name, std::move(wide));
  editor_.set_node_inputs(reader, std::move(inputs));
  return {};
}

Status QdqInserter::run() {
  for (const NodeId id : plan_.order) {
    if (!plan_.of(id).product || !plan_.of(id).int8) continue;
    LATHE_ASSIGN(const ValueId weights, weights_of(id, plan_.of(id).channel_axis));
    quantise_bias(id);
    LATHE_TRY(widen_bias(id));
    std::vector<ValueId> inputs = graph_.node(id).inputs;
    inputs[1] = weights;
    editor_.set_node_inputs(id, std::move(inputs));
  }
  for (const auto& [value, range_from] : plan_.tensors) LATHE_TRY(quantise_activation(value, range_from));
  return {};
}

}  // namespace lathe
