// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/int8_rules.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lathe {
namespace {

using Reason = std::optional<std::string>;

bool is(const Int8RuleContext& context, std::string_view op_type) {
  return context.node.op_type == op_type;
}

Reason two_activations(const Int8RuleContext& context) {
  if (context.weights != nullptr) return std::nullopt;
  return "multiplies two activations: quantised kernels want constant weights";
}

Reason constant_data(const Int8RuleContext& context) {
  if (context.graph.constant(context.node.inputs[0]) == nullptr) return std::nullopt;
  return "its data is constant: it is computed once, when the model is compiled";
}

Reason weight_form(const Int8RuleContext& context) {
  const Tensor& weights = *context.weights;
  if (weights.type() != ElementType::f32 || weights.count() == 0) return "its weights are not fp32 numbers";
  const auto numbers = weights.data<float>();
  if (!std::all_of(numbers.begin(), numbers.end(), [](float w) { return std::isfinite(w); }))
    return "its weights hold NaN or infinity";
  const TypeInfo& data = context.types.type(context.node.inputs[0]);
  if (is(context, "Conv")) return weights.rank() >= 3 ? Reason() : "its weights have no image axes";
  if (weights.rank() != 2) return "its weights are a batch of matrices: quantised kernels want one";
  if (!data.dims || data.dims->size() < 2) return "its data is a vector";
  return std::nullopt;
}

Reason plain_gemm(const Int8RuleContext& context) {
  if (!is(context, "Gemm")) return std::nullopt;
  const Attributes& attributes = context.node.attributes;
  const bool plain = attributes.get_int("transA", 0) == 0 && attributes.get_float("alpha", 1.0F) == 1.0F &&
                     (context.node.inputs.size() < 3 || attributes.get_float("beta", 1.0F) == 1.0F);
  return plain ? Reason()
               : "scales or transposes its data: quantised kernels want transA 0, alpha 1 and beta 1";
}

constexpr std::array rules = {Int8Rule{"two_activations", two_activations},
                              Int8Rule{"constant_data", constant_data}, Int8Rule{"weight_form", weight_form},
                              Int8Rule{"plain_gemm", plain_gemm}};

}  // namespace

std::span<const Int8Rule> int8_rules() {
  return rules;
}

}  // namespace lathe
