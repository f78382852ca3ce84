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

/// [batch, channels, 1..] beside [batch, channels, positions..].
bool one_per_channel(const Shape& small, const Shape& y) {
  return small.size() == y.size() && y.size() > 2 && small[0] == y[0] && small[1] == y[1] &&
         element_count(std::span(small).subspan(2)) == 1;
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
    const TensorDesc& small = request.inputs[second];
    const dnnl::memory::desc a =
        large.shape == y ? desc_of(large) : plain_desc(type, padded(large.shape, y.size()));
    const auto described = [&](const dnnl::memory::desc& operand) {
      return dnnl::binary::primitive_desc({*algorithm_of(op), a, operand, a}, scratch_attributes(),
                                          cpu_engine());
    };
    // A broadcast operand is plain, or reordered: it is small. Only one number per channel may stay blocked:
    // with other shapes oneDNN 2.6 reads the wrong ones.
    const bool blocked = !small.layout.plain() && one_per_channel(small.shape, y);
    dnnl::memory::desc b = small.shape == y ? a
                           : blocked        ? desc_of(small)
                                            : plain_desc(type, padded(small.shape, y.size()));
    dnnl::binary::primitive_desc description = described(b);
    if (is_reference(description.impl_info_str()) && blocked) {
      b = plain_desc(type, padded(small.shape, y.size()));
      description = described(b);
    }
    if (is_reference(description.impl_info_str()))
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
