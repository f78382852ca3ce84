// SPDX-License-Identifier: Apache-2.0
#include "engine/passes/quantized.h"

#include <algorithm>

namespace lathe {
namespace {

ElementType element_of(const PassContext& context, ValueId value) {
  return value.valid() && value.index < context.types.types.size() ? context.types.type(value).element
                                                                   : ElementType::undefined;
}

/// Input i of a (de)quantising node as integers; {0} when it is absent.
std::optional<std::vector<int64_t>> zero_points(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 3 || !node.inputs[2].valid()) return std::vector<int64_t>{0};
  const Tensor* tensor = graph.constant(node.inputs[2]);
  if (tensor == nullptr || !is_integer(tensor->type()) || tensor->count() == 0) return std::nullopt;
  return tensor->to_int64();
}

/// The one scale and zero point of a (de)quantising node.
std::optional<Quantization> single_quantization(const Graph& graph, const Node& node) {
  const auto scale = scalar(graph, node.inputs[1]);
  const auto zeros = zero_points(graph, node);
  if (!scale || !(*scale > 0) || !zeros || zeros->size() != 1) return std::nullopt;
  return Quantization{*scale, static_cast<int32_t>(zeros->front())};
}

/// Stored minus zero point, as i8; nothing when that does not fit.
std::optional<Tensor> centred(const Tensor& stored, std::span<const int64_t> zeros, size_t axis) {
  const std::vector<int64_t> from = stored.to_int64();
  auto made = Tensor::allocate(ElementType::i8, stored.shape());
  if (!made.ok()) return std::nullopt;
  const auto to = made->mutable_data<int8_t>();
  const int64_t inner = element_count(std::span(stored.shape()).subspan(axis + 1));
  for (size_t i = 0; i < from.size(); ++i) {
    const size_t position = static_cast<size_t>((static_cast<int64_t>(i) / inner) % stored.shape()[axis]);
    const int64_t value = from[i] - zeros[zeros.size() == 1 ? 0 : position];
    if (value < -128 || value > 127) return std::nullopt;
    to[i] = static_cast<int8_t>(value);
  }
  return std::move(*made);
}

}  // namespace

std::optional<DequantizedValue> dequantized(const PassContext& context, ValueId value) {
  const Node* node = producer(context.graph, value, "DequantizeLinear");
  if (node == nullptr || !is_f32(context, value)) return std::nullopt;
  const ElementType type = element_of(context, node->inputs[0]);
  const auto quantization = single_quantization(context.graph, *node);
  if (!is_8bit(type) || !quantization) return std::nullopt;
  return DequantizedValue{node->inputs[0], type, *quantization, node->id};
}

std::optional<QuantizationTarget> quantization_target(const PassContext& context, const Node& node) {
  if (!is_op(node, "QuantizeLinear") || !is_f32(context, node.inputs[0])) return std::nullopt;
  const ElementType type = element_of(context, node.outputs[0]);
  const auto quantization = single_quantization(context.graph, node);
  if (!is_8bit(type) || !quantization) return std::nullopt;
  return QuantizationTarget{type, *quantization};
}

std::optional<QuantizedWeights> quantized_weights(PassContext& context, ValueId value, size_t axis) {
  const Node* node = producer(context.graph, value, "DequantizeLinear");
  if (node == nullptr || !is_f32(context, value)) return std::nullopt;
  const Tensor* stored = context.graph.constant(node->inputs[0]);
  const Tensor* scale = context.graph.constant(node->inputs[1]);
  const auto zeros = zero_points(context.graph, *node);
  if (stored == nullptr || scale == nullptr || !zeros || !is_8bit(stored->type()) ||
      scale->type() != ElementType::f32 || stored->rank() <= axis || stored->count() == 0 ||
      node->attributes.get_int("block_size", 0) != 0)
    return std::nullopt;
  const auto channels = static_cast<size_t>(stored->shape()[axis]);
  if (scale->count() != 1) {
    const auto along = normalize_axis(node->attributes.get_int("axis", 1), stored->rank());
    if (!along || static_cast<size_t>(*along) != axis || static_cast<size_t>(scale->count()) != channels)
      return std::nullopt;
  }
  if (zeros->size() != 1 && zeros->size() != channels) return std::nullopt;
  QuantizedWeights weights;
  weights.scales.assign(scale->data<float>().begin(), scale->data<float>().end());
  const bool symmetric = std::all_of(zeros->begin(), zeros->end(), [](int64_t zero) { return zero == 0; });
  if (symmetric && stored->type() == ElementType::i8) {
    weights.stored = node->inputs[0];
    return weights;
  }
  auto shifted = centred(*stored, *zeros, axis);
  if (!shifted) return std::nullopt;
  weights.stored = context.editor.add_constant(node->name + ".centred", std::move(*shifted));
  return weights;
}

}  // namespace lathe
