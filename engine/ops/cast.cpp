// SPDX-License-Identifier: Apache-2.0
// Cast, CastLike and BitCast.
#include <cstring>

#include "engine/ops/convert_elements.h"
#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"

namespace lathe {
namespace {

/// The type that attribute `to` names.
Result<ElementType> target_type(const Node& node) {
  // Opset 1 spelt it out.
  if (const auto* name = node.attributes.get<std::string>("to")) {
    const auto type = parse_element_type(*name);
    if (!type) return node_error(node, "casts to '" + *name + "', which is not an element type");
    return *type;
  }
  const int64_t number = node.attributes.get_int("to", 0);
  const auto type =
      number > 0 && number < 256 ? element_type_from_onnx(static_cast<int>(number)) : std::nullopt;
  if (!type)
    return node_error(node, "casts to element type " + std::to_string(number) + ", which is not known");
  return *type;
}

void infer_converted(InferContext& context, ElementType type) {
  set_same_shape(context, 0, type);
  // Small integers survive in types that hold all sizes; narrow ones may wrap.
  const bool holds = type == ElementType::i64 || type == ElementType::i32 || is_float(type);
  const bool truth = type == ElementType::boolean;
  if (!holds && !truth) return;
  auto elements = whole_contents(context, 0);
  if (!elements) return;
  if (truth)
    for (Dim& element : *elements) {
      if (!element.known()) return;
      element = Dim(element.value() != 0 ? 1 : 0);
    }
  context.set_contents(0, *std::move(elements));
}

Status infer_cast(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, target_type(context.node()));
  infer_converted(context, type);
  return {};
}

Status infer_cast_like(InferContext& context) {
  infer_converted(context, context.element(1));
  return {};
}

Status run_convert(RunContext& context, ElementType type) {
  LATHE_ASSIGN(const Tensor* input, tensor_input(context, 0, "input"));
  if (input->type() == type) {
    context.set_output(0, *input);
    return {};
  }
  for (const ElementType each : {input->type(), type})
    if (!is_convertible(each)) return context.type_error(each);
  ConversionOptions options;
  options.saturate = context.attributes().get_int("saturate", 1) != 0;
  const std::string mode = context.attributes().get_string("round_mode", "up");
  if (mode != "up" && mode != "down" && mode != "nearest")
    return context.error("has round_mode '" + mode + "', not up, down or nearest");
  options.scale_rounding = mode == "up"     ? ScaleRounding::up
                           : mode == "down" ? ScaleRounding::down
                                            : ScaleRounding::nearest;
  LATHE_ASSIGN(Tensor * output, context.output(0, type, input->shape()));
  const Status status = convert_elements(*input, *output, options);
  return status.ok() ? status : Status(context.error(status.error().what));
}

Status run_cast(RunContext& context) {
  LATHE_ASSIGN(const ElementType type, target_type(context.node()));
  return run_convert(context, type);
}

Status run_cast_like(RunContext& context) {
  LATHE_ASSIGN(const Tensor* like, tensor_input(context, 1, "target_type"));
  return run_convert(context, like->type());
}

/// Types of one width, strings excluded, have the same bits.
Status check_bit_cast(const Node& node, ElementType from, ElementType to) {
  const bool same = element_bits(from) == element_bits(to) && element_bits(to) != 0;
  if (same) return {};
  return node_error(node, std::string("casts the bits of ") + to_string(from) + " to " + to_string(to) +
                              ", which has another width");
}

Status infer_bit_cast(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, target_type(context.node()));
  const ElementType from = context.element(0);
  if (from != ElementType::undefined) LATHE_TRY(check_bit_cast(context.node(), from, type));
  set_same_shape(context, 0, type);
  return {};
}

Status run_bit_cast(RunContext& context) {
  LATHE_ASSIGN(const ElementType type, target_type(context.node()));
  LATHE_ASSIGN(const Tensor* input, tensor_input(context, 0, "input"));
  LATHE_TRY(check_bit_cast(context.node(), input->type(), type));
  LATHE_ASSIGN(Tensor * output, context.output(0, type, input->shape()));
  const auto bytes = reinterpret_cast<const uint8_t*>(input->raw());
  const auto count = static_cast<size_t>(input->count());
  // Small integers are kept sign-extended, and a bool must be 0 or 1.
  const bool small = visit_small_integer(type, [&](auto tag) {
    using T = decltype(tag);
    for (size_t i = 0; i < count; ++i) output->mutable_data<T>()[i] = wrap_small_integer<T>(bytes[i]);
  });
  if (small) return {};
  const uint8_t mask = element_bits(type) == 4 ? 0x0F : 0xFF;
  auto* to = reinterpret_cast<uint8_t*>(output->mutable_raw());
  if (type == ElementType::boolean)
    for (size_t i = 0; i < count; ++i) to[i] = bytes[i] != 0 ? 1 : 0;
  else if (element_size(type) == 1)
    for (size_t i = 0; i < count; ++i) to[i] = bytes[i] & mask;
  else if (count > 0)
    std::memcpy(to, bytes, output->bytes());
  return {};
}

}  // namespace

void register_cast(OperatorRegistry& registry) {
  registry.add({"",
                "Cast",
                {1, 6, 9, 13, 19, 21, 23, 24, 25, 28},
                1,
                1,
                1,
                1,
                trait_elementwise,
                infer_cast,
                run_cast,
                no_flops});
  registry.add({"",
                "CastLike",
                {15, 19, 21, 23, 24, 25},
                2,
                2,
                1,
                1,
                trait_elementwise,
                infer_cast_like,
                run_cast_like,
                no_flops});
  registry.add({"", "BitCast", {26}, 1, 1, 1, 1, trait_elementwise, infer_bit_cast, run_bit_cast, no_flops});
}

}  // namespace lathe
