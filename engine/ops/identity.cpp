// SPDX-License-Identifier: Apache-2.0
// Identity, and Dropout, which is one outside training.
#include <random>

#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"

namespace lathe {
namespace {

Status infer_identity(InferContext& context) {
  if (context.has_output(0)) context.set_output(0, context.input(0));
  if (auto elements = whole_contents(context, 0)) context.set_contents(0, *std::move(elements));
  return {};
}

Status run_identity(RunContext& context) {
  context.set_output(0, context.value(0));
  return {};
}

/// Until opset 10 the mask had the data's type.
ElementType mask_type(const Node& node, ElementType data) {
  return node.version < 10 ? data : ElementType::boolean;
}

Status infer_dropout(InferContext& context) {
  LATHE_TRY(infer_same_contents(context));
  set_same_shape(context, 1, mask_type(context.node(), context.element(0)));
  return {};
}

Status keep_everything(RunContext& context, const Tensor& data) {
  context.set_output(0, data);
  if (!context.has_output(1)) return {};
  const ElementType type = mask_type(context.node(), data.type());
  LATHE_ASSIGN(Tensor * mask, context.output(1, type, data.shape()));
  visit_type<bool, float, double, F16, BF16>(type, [&](auto tag) {
    using T = decltype(tag);
    for (T& element : mask->mutable_data<T>()) element = T(1);
  });
  return {};
}

/// Uniform in 0..1 with 53 bits, in the sequence NumPy's RandomState draws, which the operator's tests
/// follow.
class Uniform {
 public:
  explicit Uniform(uint32_t seed) : generator_(seed) {}
  double next() {
    const auto high = static_cast<double>(generator_() >> 5), low = static_cast<double>(generator_() >> 6);
    return (high * 0x1p26 + low) * 0x1p-53;
  }

 private:
  std::mt19937 generator_;
};

Status drop(RunContext& context, const Tensor& data, double ratio) {
  Uniform uniform(context.attributes().has("seed")
                      ? static_cast<uint32_t>(context.attributes().get_int("seed", 0))
                      : static_cast<uint32_t>(context.seed()));
  std::vector<uint8_t> kept(static_cast<size_t>(data.count()));
  for (uint8_t& keep : kept) keep = uniform.next() >= ratio ? 1 : 0;
  LATHE_TRY(compute_float(context, data.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> x(data);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, data.type(), data.shape()));
    const A scale = static_cast<A>(1.0 / (1.0 - ratio));
    for (int64_t i = 0; i < y.count(); ++i) y[i] = kept[static_cast<size_t>(i)] != 0 ? x[i] * scale : A(0);
    y.finish();
    return {};
  }));
  if (!context.has_output(1)) return {};
  LATHE_ASSIGN(Tensor * mask, context.output(1, ElementType::boolean, data.shape()));
  std::copy(kept.begin(), kept.end(), mask->mutable_data<bool>().begin());
  return {};
}

/// Training is asked for by an input since opset 12. Before opset 7 it was the default, by an attribute; that
/// is not followed: files of that time are trained models to be evaluated.
Status run_dropout(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  if (!is_float(data->type())) return context.type_error(data->type());
  if (context.version() < 12 || !context.has_input(2)) return keep_everything(context, *data);
  LATHE_ASSIGN(const Tensor* training, tensor_input(context, 2, "training_mode"));
  if (training->type() != ElementType::boolean || training->count() != 1)
    return context.error("needs a single boolean training_mode");
  double ratio = 0.5;
  if (context.has_input(1)) {
    LATHE_ASSIGN(const Tensor* input, tensor_input(context, 1, "ratio"));
    if (!visit_float(input->type(), [](auto) {}) || input->count() != 1)
      return context.error("needs a single floating-point ratio");
    ratio = input->to_double()[0];
  }
  if (!(ratio >= 0 && ratio < 1))
    return context.error("needs a ratio in [0, 1), not " + std::to_string(ratio));
  if (!training->data<bool>()[0] || ratio == 0) return keep_everything(context, *data);
  return drop(context, *data, ratio);
}

}  // namespace

void register_identity(OperatorRegistry& registry) {
  registry.add({"",
                "Identity",
                {1, 13, 14, 16, 19, 21, 23, 24, 25},
                1,
                1,
                1,
                1,
                trait_view,
                infer_identity,
                run_identity,
                no_flops});
  registry.add({"",
                "Dropout",
                {1, 6, 7, 10, 12, 13, 22},
                1,
                3,
                1,
                2,
                trait_elementwise,
                infer_dropout,
                run_dropout,
                no_flops});
}

}  // namespace lathe
