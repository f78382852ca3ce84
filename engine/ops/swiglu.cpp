// SPDX-License-Identifier: Apache-2.0
// SwiGLU: a linear input gated by the Swish of another.
#include "engine/ops/activation.h"
#include "engine/ops/binary.h"

namespace lathe {
namespace {

Status infer_swiglu(InferContext& context) {
  LATHE_TRY(check_same_elements(context));
  const Dims *a = context.dims(0), *b = context.dims(1);
  if (a == nullptr || b == nullptr) {
    context.set_tensor(0, context.element(0), dims_or_unknown(context, a == nullptr ? 1 : 0));
    return {};
  }
  bool same = a->size() == b->size();
  Dims dims = *a;
  for (size_t i = 0; same && i < dims.size(); ++i) {
    same = !dims[i].known() || !(*b)[i].known() || dims[i] == (*b)[i];
    if (!dims[i].known()) dims[i] = (*b)[i];
  }
  if (!same)
    return node_error(context.node(),
                      "has inputs of different shapes " + to_string(*a) + " and " + to_string(*b));
  context.set_tensor(0, context.element(0), std::move(dims));
  return {};
}

Status run_swiglu(RunContext& context) {
  LATHE_ASSIGN(const Tensor* a, tensor_input(context, 0, "A"));
  LATHE_ASSIGN(const Tensor* b, tensor_input(context, 1, "B"));
  if (a->type() != b->type() || a->shape() != b->shape())
    return context.error("needs inputs of one element type and shape");
  Activation swish(ActivationKind::swish);
  swish.alpha = context.attributes().get_float("alpha", 1);
  return compute_float(context, a->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> gate(*a), linear(*b);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, a->type(), a->shape()));
    for (int64_t i = 0, n = y.count(); i < n; ++i) y[i] = activate(swish, gate[i]) * linear[i];
    y.finish();
    return {};
  });
}

int64_t swiglu_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 5 * element_count(inputs[0]);  // scale, exponential, add, divide, multiply
}

}  // namespace

void register_swiglu(OperatorRegistry& registry) {
  registry.add({"", "SwiGLU", {28}, 2, 2, 1, 1, trait_elementwise, infer_swiglu, run_swiglu, swiglu_flops});
}

}  // namespace lathe
