// SPDX-License-Identifier: Apache-2.0
// Operators that hold their quantisation themselves (QLinearConv, QLinearMatMul, com.microsoft's QGemm,
// QLinearAdd..) are written as DequantizeLinear, the operator and QuantizeLinear, which the passes over
// quantised graphs know.
//
// Only with constant parameters; others stay as they are, for the reference.
#include <algorithm>

#include "engine/passes/quantized.h"

namespace lathe {
namespace {

constexpr int written_version = 17;

/// Positions of a tensor, its scale and its zero point.
struct QuantizedInput {
  size_t tensor, scale, zero_point;
};

/// Constants of one scale, or one per position of an axis, made ready for DequantizeLinear.
struct Parameters {
  Tensor scale, zero_point;
};

/// Writes what stands for one node.
class Lowering {
 public:
  Lowering(PassContext& context, NodeId id) : context_(context), id_(id), node_(context.graph.node(id)) {}

  bool run() {
    if (is_op(node_, "QLinearConv")) return convolution();
    if (is_op(node_, "QLinearMatMul")) return product();
    if (node_.domain != "com.microsoft") return false;
    if (node_.op_type == "QGemm") return gemm();
    if (node_.op_type == "QLinearAdd") return elements("Add", {{0, 1, 2}, {3, 4, 5}}, 6);
    if (node_.op_type == "QLinearMul") return elements("Mul", {{0, 1, 2}, {3, 4, 5}}, 6);
    if (node_.op_type == "QLinearSigmoid") return elements("Sigmoid", {{0, 1, 2}}, 3);
    if (node_.op_type == "QLinearLeakyRelu") return elements("LeakyRelu", {{0, 1, 2}}, 3);
    if (node_.op_type == "QLinearGlobalAveragePool" && node_.attributes.get_int("channels_last", 0) == 0)
      return elements("GlobalAveragePool", {{0, 1, 2}}, 3);
    return false;
  }

 private:
  bool has(size_t i) const { return i < node_.inputs.size() && node_.inputs[i].valid(); }
  const Tensor* constant(size_t i) const {
    return has(i) ? context_.graph.constant(node_.inputs[i]) : nullptr;
  }
  ElementType element(ValueId value) const {
    return value.valid() && value.index < context_.types.types.size() ? context_.types.type(value).element
                                                                      : ElementType::undefined;
  }

  /// Scale and zero point of a tensor of type `type` with `channels` positions along the axis they may vary
  /// by (0: they may not). Both one number, or both as many as channels.
  std::optional<Parameters> parameters(size_t scale_at, size_t zero_at, ElementType type,
                                       int64_t channels) const {
    const Tensor* scale = constant(scale_at);
    const Tensor* zero = constant(zero_at);
    if (!is_8bit(type) || scale == nullptr || scale->type() != ElementType::f32 ||
        (has(zero_at) && (zero == nullptr || zero->type() != type)))
      return std::nullopt;
    const int64_t scales = scale->count(), zeros = zero != nullptr ? zero->count() : 1;
    for (const int64_t count : {scales, zeros})
      if (count != 1 && count != channels) return std::nullopt;
    const auto values = scale->data<float>();
    if (!std::all_of(values.begin(), values.end(), [](float value) { return value > 0; }))
      return std::nullopt;
    const bool many = scales != 1 || zeros != 1;
    const Shape shape = many ? Shape{channels} : Shape{};
    auto all_scales = Tensor::allocate(ElementType::f32, shape);
    auto all_zeros = Tensor::allocate(type, shape);
    if (!all_scales.ok() || !all_zeros.ok()) return std::nullopt;
    const auto stored = zero != nullptr ? zero->to_int64() : std::vector<int64_t>{0};
    for (size_t i = 0; i < static_cast<size_t>(element_count(shape)); ++i) {
      all_scales->mutable_data<float>()[i] = values[scales == 1 ? 0 : i];
      // The same bits whichever of the two types it is.
      all_zeros->mutable_raw()[i] = static_cast<std::byte>(stored[zeros == 1 ? 0 : i] & 0xff);
    }
    return Parameters{std::move(*all_scales), std::move(*all_zeros)};
  }

  ValueId constant_value(const char* suffix, Tensor tensor) {
    return context_.editor.add_constant(node_.name + suffix, std::move(tensor));
  }

  /// A node of ai.onnx in the place and under the name of this one.
  Node written(const char* op_type, std::vector<ValueId> inputs) const {
    Node made = context_.fused_node(op_type, {id_});
    made.domain.clear();
    made.version = written_version;
    made.name = node_.name + "." + op_type;
    made.inputs = std::move(inputs);
    return made;
  }
  ValueId add(Node made) {
    const ValueId output = context_.editor.add_value(made.name + ".y" + std::to_string(count_++));
    made.outputs = {output};
    context_.editor.add_node(std::move(made));
    return output;
  }
  ValueId dequantized(ValueId stored, const Parameters& by, int64_t axis = 0) {
    Node made = written("DequantizeLinear", {stored, constant_value(".scale", by.scale),
                                             constant_value(".zero_point", by.zero_point)});
    if (by.scale.rank() != 0) made.attributes.set("axis", axis);
    return add(std::move(made));
  }
  /// `body` makes this node's output before its quantisation.
  void finish(Node body, const Parameters& by) {
    const ValueId output = node_.outputs[0];
    context_.editor.remove_node(id_);
    const ValueId real = add(std::move(body));
    Node made = written("QuantizeLinear", {real, constant_value(".y_scale", by.scale),
                                           constant_value(".y_zero_point", by.zero_point)});
    made.outputs = {output};
    context_.editor.add_node(std::move(made));
  }

  /// The i32 bias as real numbers: its scale is that of the products.
  std::optional<Tensor> real_bias(const Tensor& bias, int64_t channels, const Parameters& x,
                                  const Parameters& w, float alpha) const {
    if (bias.type() != ElementType::i32 || bias.count() != channels) return std::nullopt;
    auto made = Tensor::allocate(ElementType::f32, {channels});
    if (!made.ok()) return std::nullopt;
    const auto x_scale = static_cast<double>(x.scale.data<float>()[0]) * static_cast<double>(alpha);
    const auto w_scales = w.scale.data<float>();
    for (size_t i = 0; i < static_cast<size_t>(channels); ++i)
      made->mutable_data<float>()[i] = static_cast<float>(
          bias.data<int32_t>()[i] * x_scale * static_cast<double>(w_scales[w_scales.size() == 1 ? 0 : i]));
    return std::move(*made);
  }

  bool convolution() {
    const auto shape = has(3) ? static_shape(context_, node_.inputs[3]) : std::nullopt;
    if (node_.inputs.size() < 8 || !shape || shape->size() < 3 || constant(3) == nullptr) return false;
    const auto x = parameters(1, 2, element(node_.inputs[0]), 0);
    const auto w = parameters(4, 5, element(node_.inputs[3]), shape->front());
    const auto y = parameters(6, 7, element(node_.outputs[0]), 0);
    if (!x || !w || !y) return false;
    std::optional<Tensor> bias;
    if (has(8)) {
      if (constant(8) == nullptr) return false;
      bias = real_bias(*constant(8), shape->front(), *x, *w, 1);
      if (!bias) return false;
    }
    std::vector<ValueId> inputs{dequantized(node_.inputs[0], *x), dequantized(node_.inputs[3], *w, 0)};
    if (bias) inputs.push_back(constant_value(".bias", std::move(*bias)));
    Node body = written("Conv", std::move(inputs));
    body.attributes = node_.attributes;
    body.attributes.set("integer_sums",
                        int64_t{1});  // for the product that it becomes: see QuantizedOperation
    finish(std::move(body), *y);
    return true;
  }

  bool product() {
    if (node_.inputs.size() < 8) return false;
    const auto shape = static_shape(context_, node_.inputs[3]);
    const bool matrix =
        shape && shape->size() == 2 && along_columns(4, shape->back()) && along_columns(5, shape->back());
    const auto a = parameters(1, 2, element(node_.inputs[0]), 0);
    const auto b = parameters(4, 5, element(node_.inputs[3]), matrix ? shape->back() : 0);
    const auto y = parameters(6, 7, element(node_.outputs[0]), 0);
    if (!a || !b || !y) return false;
    const ValueId left = dequantized(node_.inputs[0], *a), right = dequantized(node_.inputs[3], *b, 1);
    finish(written("MatMul", {left, right}), *y);
    return true;
  }

  /// A parameter of B with as many numbers as B has columns varies along these.
  bool along_columns(size_t i, int64_t columns) const {
    const Tensor* given = constant(i);
    return given == nullptr || given->count() == 1 ||
           (given->count() == columns && given->shape().back() == columns);
  }

  bool gemm() {
    const auto shape = has(3) ? static_shape(context_, node_.inputs[3]) : std::nullopt;
    const bool swapped = node_.attributes.get_int("transB", 0) != 0;
    if (!shape || shape->size() != 2 || node_.attributes.get_int("transA", 0) != 0 || !has(7) ||
        constant(3) == nullptr)
      return false;
    const int64_t columns = (*shape)[swapped ? 0 : 1];
    if (!along_columns(4, columns) || !along_columns(5, columns)) return false;
    const float alpha = node_.attributes.get_float("alpha", 1.0F);
    const auto a = parameters(1, 2, element(node_.inputs[0]), 0);
    auto b = parameters(4, 5, element(node_.inputs[3]), columns);
    const auto y = parameters(7, 8, element(node_.outputs[0]), 0);
    if (!a || !b || !y || !(alpha > 0)) return false;
    std::optional<Tensor> bias;
    if (has(6)) {
      const Tensor* stored = constant(6);
      if (stored == nullptr || stored->rank() == 0 || stored->shape().back() != columns) return false;
      bias = real_bias(*stored, columns, *a, *b, alpha);
      if (!bias) return false;
    }
    for (float& scale : b->scale.mutable_data<float>()) scale *= alpha;
    std::vector<ValueId> inputs{dequantized(node_.inputs[0], *a),
                                dequantized(node_.inputs[3], *b, swapped ? 0 : 1)};
    if (bias) inputs.push_back(constant_value(".bias", std::move(*bias)));
    Node body = written("Gemm", std::move(inputs));
    if (swapped) body.attributes.set("transB", int64_t{1});
    finish(std::move(body), *y);
    return true;
  }

  /// An operator without parameters that vary; its output's scale is input `y_scale`, and its zero point the
  /// next.
  bool elements(const char* op_type, std::initializer_list<QuantizedInput> operands, size_t y_scale) {
    const auto y = parameters(y_scale, y_scale + 1, element(node_.outputs[0]), 0);
    if (!y) return false;
    std::vector<Parameters> by;
    for (const QuantizedInput& operand : operands) {
      if (!has(operand.tensor)) return false;
      const auto own =
          parameters(operand.scale, operand.zero_point, element(node_.inputs[operand.tensor]), 0);
      if (!own) return false;
      by.push_back(*own);
    }
    std::vector<ValueId> inputs;
    for (const QuantizedInput& operand : operands)
      inputs.push_back(dequantized(node_.inputs[operand.tensor], by[inputs.size()]));
    Node body = written(op_type, std::move(inputs));
    if (node_.attributes.has("alpha")) body.attributes.set("alpha", node_.attributes.get_float("alpha", 0));
    finish(std::move(body), *y);
    return true;
  }

  PassContext& context_;
  NodeId id_;
  const Node node_;  ///< as it was
  int count_ = 0;
};

Result<size_t> lower(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || node.outputs.empty() || !node.outputs[0].valid()) continue;
    if (Lowering(context, node.id).run()) ++changes;
  }
  return changes;
}

}  // namespace

void register_lower_qlinear(PassRegistry& registry) {
  registry.add({"lower_qlinear", true, lower});
}

}  // namespace lathe
