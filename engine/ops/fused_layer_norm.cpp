// SPDX-License-Identifier: Apache-2.0
// lathe.LayerNorm: normalises over the axes from `axis` on, then scales and shifts.
#include <cmath>

#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_layer_norm(InferContext& context) {
  if (context.dims(0) != nullptr &&
      !normalize_axis(context.attributes().get_int("axis", -1), context.dims(0)->size()))
    return node_error(context.node(), "has an axis beyond the rank of " + to_string(*context.dims(0)));
  context.set_output(0, context.input(0));
  return {};
}

Status run_layer_norm(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Tensor& x = context.tensor(0);
  const auto axis = normalize_axis(context.attributes().get_int("axis", -1), x.rank());
  if (!axis) return context.error("has an axis beyond the rank of " + to_string(x.shape()));
  const int64_t inner = element_count(std::span(x.shape()).subspan(static_cast<size_t>(*axis)));
  for (const size_t i : {1, 2})
    if (context.has_input(i) && context.tensor(i).count() != inner)
      return context.error("has a scale or bias of shape " + to_string(context.tensor(i).shape()) + " for " +
                           std::to_string(inner) + " elements");
  const double epsilon = context.attributes().get_float("epsilon", 1e-5f);
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x), scale = optional_operand<A>(context, 1), bias = optional_operand<A>(context, 2);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), x.shape()));
    for (int64_t start = 0; start < y.count(); start += inner) {
      const A* row = data.data() + start;
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < inner; ++i) sum += row[i];
      const double mean = sum / static_cast<double>(inner);
      for (int64_t i = 0; i < inner; ++i) squares += (row[i] - mean) * (row[i] - mean);
      const double factor = 1 / std::sqrt(squares / static_cast<double>(inner) + epsilon);
      for (int64_t i = 0; i < inner; ++i) {
        const auto normal = static_cast<A>((row[i] - mean) * factor);
        y[start + i] = normal * (scale ? scale[i] : A(1)) + (bias ? bias[i] : A(0));
      }
    }
    y.finish();
    return {};
  });
}

int64_t layer_norm_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 8 * element_count(inputs[0]);  // mean, variance, normalise, scale, shift
}

}  // namespace

void register_fused_layer_norm(OperatorRegistry& registry) {
  registry.add({"lathe",
                "LayerNorm",
                {1},
                1,
                3,
                1,
                1,
                trait_internal,
                infer_layer_norm,
                run_layer_norm,
                layer_norm_flops});
}

}  // namespace lathe
