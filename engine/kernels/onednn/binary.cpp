// SPDX-License-Identifier: Apache-2.0
// Arithmetic of two tensors: same or broadcast shapes, blocked layouts kept.
#include "engine/kernels/onednn/common.h"

namespace lathe {
namespace {

using namespace onednn;

std::optional<dnnl::algorithm> algorithm_of(const std::string& op) {
  using dnnl::algorithm;
  if (op == "Add") return algorithm::binary_add;
  if (op == "Sub") return algorithm::binary_sub;
  if (op == "Mul") return algorithm::binary_mul;
  if (op == "Div") return algorithm::binary_div;
  if (op == "Max") return algorithm::binary_max;
  if (op == "Min") return algorithm::binary_min;
  return std::nullopt;
}

/// The shape with leading ones up to the rank.
Shape padded(Shape shape, size_t rank) {
  shape.insert(shape.begin(), rank - std::min(rank, shape.size()), 1);
  return shape;
}

Prepared prepare(const KernelRequest& request) {
  if (request.inputs.size() != 2) return decline(DeclineReason::attribute, "not two inputs");
  const Shape& y = request.outputs[0].shape;
  const ElementType type = request.inputs[0].type;
  if ((type != ElementType::f32 && type != ElementType::bf16) || request.inputs[1].type != type)
    return decline(DeclineReason::element_type, to_string(type));
  if (element_count(y) == 0 || y.empty() || y.size() > 6) return decline(DeclineReason::shape, to_string(y));
  // oneDNN broadcasts the second operand only; where the first is the smaller one, both orders of a
  // commutative operation do.
  const std::string& op = request.node->op_type;
  const bool commutative = op == "Add" || op == "Mul" || op == "Max" || op == "Min";
  size_t first = 0, second = 1;
  if (padded(request.inputs[0].shape, y.size()) != y) {
    if (!commutative || padded(request.inputs[1].shape, y.size()) != y)
      return decline(DeclineReason::shape, "both operands broadcast");
    std::swap(first, second);
  }
  return guarded([&]() -> Prepared {
    const TensorDesc& large = request.inputs[first];
    TensorDesc small = request.inputs[second];
    const dnnl::memory::desc a =
        large.shape == y ? desc_of(large) : plain_desc(type, padded(large.shape, y.size()));
    dnnl::memory::desc b;
    if (small.shape == y)
      b = a;  // in the same layout; reordered where it is not
    else if (small.layout.plain())
      b = plain_desc(type, padded(small.shape, y.size()));
    else
      return decline(DeclineReason::layout, "the broadcast operand is blocked");
    const dnnl::binary::primitive_desc description({*algorithm_of(op), a, b, a}, scratch_attributes(),
                                                   cpu_engine());
    if (std::string(description.impl_info_str()).find("ref") != std::string::npos)
      return decline(DeclineReason::not_profitable, "only oneDNN's own reference would do it");
    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:binary:" + std::string(description.impl_info_str()),
                                          dnnl::binary(description), description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC_0, first, a);
    kernel->bind_input(DNNL_ARG_SRC_1, second, b);
    kernel->bind_output(DNNL_ARG_DST, 0, a);
    kernel->may_overwrite(first);
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_binary(KernelRegistry& registry) {
  registry.add({"onednn:binary", {"Add", "Sub", "Mul", "Div", "Max", "Min"}, prepare});
}

}  // namespace lathe
