// SPDX-License-Identifier: Apache-2.0
// lathe.FusedBatchNormalization: act(scale * (X - mean) / sqrt(var + epsilon) + B), by stored statistics.
#include <cmath>

#include "engine/ops/activation.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_fused_batch_norm(InferContext& context) {
  const Dims* x = context.dims(0);
  context.set_tensor(0, context.element(0), x == nullptr ? std::nullopt : std::optional<Dims>(*x));
  return {};
}

Status run_fused_batch_norm(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Tensor& x = context.tensor(0);
  if (x.rank() < 2) return context.error("has an X of shape " + to_string(x.shape()) + " without channels");
  for (size_t i = 1; i < 5; ++i)
    if (context.tensor(i).count() != x.dim(1))
      return context.error("has statistics of shape " + to_string(context.tensor(i).shape()) +
                           " for an X of shape " + to_string(x.shape()));
  LATHE_ASSIGN(const Activation activation, parse_activation(context.node()));
  const double epsilon = context.node().attributes.get_float("epsilon", 1e-5F);
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x), scale(context.tensor(1)), bias(context.tensor(2)), mean(context.tensor(3)),
        variance(context.tensor(4));
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), x.shape()));
    const int64_t channels = x.dim(1), rows = x.dim(0) * channels, size = rows == 0 ? 0 : x.count() / rows;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t c = row % channels;
      const auto factor = static_cast<A>(scale[c] / std::sqrt(variance[c] + epsilon));
      for (int64_t i = row * size; i < (row + 1) * size; ++i) y[i] = (data[i] - mean[c]) * factor + bias[c];
    }
    activate(activation, y.span());
    y.finish();
    return {};
  });
}

int64_t fused_batch_norm_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 2 * element_count(inputs[0]);  // scale and shift
}

}  // namespace

void register_fused_batch_norm(OperatorRegistry& registry) {
  registry.add({"lathe",
                "FusedBatchNormalization",
                {1},
                5,
                5,
                1,
                1,
                trait_internal,
                infer_fused_batch_norm,
                run_fused_batch_norm,
                fused_batch_norm_flops});
}

}  // namespace lathe
