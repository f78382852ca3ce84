// SPDX-License-Identifier: Apache-2.0
// com.microsoft.DynamicQuantizeLSTM: an LSTM of quantised weights, whose inputs and states are quantised
// before each product (recurrent.cpp does that by the node's name).
#include "engine/ops/operand.h"
#include "engine/ops/quantized.h"
#include "engine/ops/reference.h"

namespace lathe {
namespace {

// Scale and zero point of W and of R come behind the inputs of LSTM.
constexpr size_t first_parameter = 8;

/// Weights [directions, inputs, gates] as the real [directions, gates, inputs] of LSTM.
Result<Tensor> real_weights(const RunContext& context, size_t input, size_t scale_input) {
  LATHE_TRY(check_rank(context, input, 3, input == 1 ? "W" : "R"));
  LATHE_TRY(check_rank(context, scale_input, -1, "a scale"));
  const Tensor &weights = context.tensor(input), &scales = context.tensor(scale_input);
  const int64_t directions = weights.dim(0), inputs = weights.dim(1), gates = weights.dim(2);
  const Tensor* zeros = optional_tensor(context, scale_input + 1);
  const auto fits = [&](const Tensor& tensor) {
    return tensor.count() == directions || tensor.count() == directions * gates;
  };
  if (!fits(scales) || (zeros != nullptr && (!fits(*zeros) || zeros->type() != weights.type())))
    return context.error("has scales or zero points that do not fit weights of shape " +
                         to_string(weights.shape()));
  if (weights.type() != ElementType::u8 && weights.type() != ElementType::i8)
    return context.type_error(weights.type());
  const Operand<float> stored(weights), scale(scales),
      zero = optional_operand<float>(context, scale_input + 1);
  LATHE_ASSIGN(Tensor real, Tensor::allocate(ElementType::f32, {directions, gates, inputs}));
  float* to = real.mutable_data<float>().data();
  const auto parameter = [&](const Tensor& tensor, int64_t d, int64_t gate) {
    return tensor.count() == directions ? d : d * gates + gate;
  };
  for (int64_t d = 0; d < directions; ++d)
    for (int64_t gate = 0; gate < gates; ++gate)
      for (int64_t i = 0; i < inputs; ++i)
        *to++ = (stored[(d * inputs + i) * gates + gate] - (zero ? zero[parameter(*zeros, d, gate)] : 0.0F)) *
                scale[parameter(scales, d, gate)];
  return real;
}

Status run_dynamic_lstm(RunContext& context) {
  const Operator* lstm = operators().find("", "LSTM", 14);
  if (lstm == nullptr) return context.error("needs LSTM, which this build does not have");
  LATHE_TRY(check_rank(context, 0, 3, "X"));
  if (context.tensor(0).type() != ElementType::f32) return context.type_error(context.tensor(0).type());
  std::vector<RuntimeValue> values(first_parameter);
  for (size_t i = 0; i < first_parameter; ++i)
    if (context.has_input(i)) values[i] = context.value(i);
  LATHE_ASSIGN(values[1], real_weights(context, 1, first_parameter));
  LATHE_ASSIGN(values[2], real_weights(context, 2, first_parameter + 2));
  std::vector<const RuntimeValue*> pointers;
  for (const RuntimeValue& value : values) pointers.push_back(&value);
  LATHE_ASSIGN(std::vector<RuntimeValue> outputs, run_reference(*lstm, context.node(), pointers));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (context.has_output(i)) context.set_output(i, std::move(outputs[i]));
  return {};
}

Status infer_dynamic_lstm(InferContext& context) {
  const Dims *x = context.dims(0), *r = context.dims(2);
  for (const Dims* dims : {x, r})
    if (dims != nullptr && dims->size() != 3)
      return node_error(context.node(), "needs X and R of rank 3, not " + to_string(*dims));
  std::optional<Dims> all, last;
  if (x != nullptr && r != nullptr) {
    all = Dims{(*x)[0], (*r)[0], (*x)[1], (*r)[1]};
    last = Dims{(*r)[0], (*x)[1], (*r)[1]};
  }
  context.set_tensor(0, ElementType::f32, std::move(all));
  for (size_t i = 1; i < 3; ++i) context.set_tensor(i, ElementType::f32, last);
  return {};
}

int64_t dynamic_lstm_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 2 * inputs[0][0] * inputs[0][1] * (element_count(inputs[1]) + element_count(inputs[2]));
}

}  // namespace

void register_ms_dynamic_lstm(OperatorRegistry& registry) {
  registry.add({"com.microsoft",
                "DynamicQuantizeLSTM",
                {1},
                12,
                12,
                0,
                3,
                trait_none,
                infer_dynamic_lstm,
                run_dynamic_lstm,
                dynamic_lstm_flops});
}

}  // namespace lathe
