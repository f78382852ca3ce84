// SPDX-License-Identifier: Apache-2.0
// lathe.Gelu: the pattern of erf or tanh as one operator.
#include "engine/ops/activation.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_gelu(InferContext& context) {
  context.set_output(0, context.input(0));
  return {};
}

Status run_gelu(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Tensor& x = context.tensor(0);
  const bool tanh = context.attributes().get_string("approximate", "none") == "tanh";
  const Activation gelu(tanh ? ActivationKind::gelu_tanh : ActivationKind::gelu);
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), x.shape()));
    for (int64_t i = 0; i < y.count(); ++i) y[i] = activate(gelu, data[i]);
    y.finish();
    return {};
  });
}

int64_t gelu_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 8 * element_count(inputs[0]);
}

}  // namespace

void register_fused_gelu(OperatorRegistry& registry) {
  registry.add({"lathe",
                "Gelu",
                {1},
                1,
                1,
                1,
                1,
                trait_internal | trait_elementwise,
                infer_gelu,
                run_gelu,
                gelu_flops});
}

}  // namespace lathe
