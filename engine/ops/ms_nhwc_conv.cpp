// SPDX-License-Identifier: Apache-2.0
// com.microsoft.NhwcFusedConv: FusedConv of an input, a residual and an output whose channels are last. The
// weights are as those of Conv.
#include "engine/ops/operand.h"
#include "engine/ops/permute.h"
#include "engine/ops/reference.h"
#include "engine/ops/window.h"

namespace lathe {
namespace {

/// The axes of a channels-last shape with channels second, or those of the other in the order of the last.
std::vector<int64_t> axis_order(size_t rank, bool to_last) {
  std::vector<int64_t> order{0};
  const auto last = static_cast<int64_t>(rank) - 1;
  if (!to_last) order.push_back(last);
  for (int64_t axis = to_last ? 2 : 1; axis < (to_last ? last + 1 : last); ++axis) order.push_back(axis);
  if (to_last) order.push_back(1);
  return order;
}

template <class Size>
std::vector<Size> moved(const std::vector<Size>& shape, bool to_last) {
  return permuted(shape, axis_order(shape.size(), to_last));
}

void permute_elements(const Tensor& from, std::span<const int64_t> order, Tensor& to) {
  const auto of_size = [&](auto tag) {
    using T = decltype(tag);
    permute(reinterpret_cast<const T*>(from.raw()), from.shape(), order,
            reinterpret_cast<T*>(to.mutable_raw()));
  };
  switch (element_size(from.type())) {
    case 2:
      return of_size(uint16_t{});
    case 4:
      return of_size(uint32_t{});
    default:
      return of_size(uint64_t{});
  }
}

Result<RuntimeValue> channels_second(const RunContext& context, size_t input) {
  if (!context.has_input(input)) return RuntimeValue();
  const Tensor& tensor = context.tensor(input);
  if (tensor.rank() < 3)
    return context.error("needs an input with spatial axes, not " + to_string(tensor.shape()));
  if (!is_float(tensor.type()) || element_size(tensor.type()) < 2) return context.type_error(tensor.type());
  LATHE_ASSIGN(Tensor out, Tensor::allocate(tensor.type(), moved(tensor.shape(), false)));
  permute_elements(tensor, axis_order(tensor.rank(), false), out);
  return RuntimeValue(std::move(out));
}

Status run_nhwc_conv(RunContext& context) {
  const Operator* conv = operators().find("com.microsoft", "FusedConv", 1);
  if (conv == nullptr) return context.error("needs FusedConv, which this build does not have");
  std::vector<RuntimeValue> values(4);
  LATHE_ASSIGN(values[0], channels_second(context, 0));
  LATHE_ASSIGN(values[3], channels_second(context, 3));
  for (const size_t i : {1, 2})
    if (context.has_input(i)) values[i] = context.value(i);
  std::vector<const RuntimeValue*> pointers;
  for (const RuntimeValue& value : values) pointers.push_back(&value);
  LATHE_ASSIGN(const std::vector<RuntimeValue> outputs, run_reference(*conv, context.node(), pointers));
  const Tensor& result = outputs[0].tensor;
  LATHE_ASSIGN(Tensor * y, context.output(0, result.type(), moved(result.shape(), true)));
  permute_elements(result, axis_order(result.rank(), true), *y);
  return {};
}

Status infer_nhwc_conv(InferContext& context) {
  const Dims *x = context.dims(0), *w = context.dims(1);
  std::optional<Dims> output;
  if (x != nullptr && w != nullptr) {
    if (x->size() < 3)
      return node_error(context.node(), "needs an input with spatial axes, not " + to_string(*x));
    LATHE_ASSIGN(const Dims second, conv_output(context.node(), moved(*x, false), *w));
    output = moved(second, true);
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

int64_t nhwc_conv_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  const int64_t filters = std::max<int64_t>(1, inputs[1][0]);
  return 2 * element_count(outputs[0]) * (element_count(inputs[1]) / filters);
}

}  // namespace

void register_ms_nhwc_conv(OperatorRegistry& registry) {
  registry.add({"com.microsoft",
                "NhwcFusedConv",
                {1},
                2,
                4,
                1,
                1,
                trait_none,
                infer_nhwc_conv,
                run_nhwc_conv,
                nhwc_conv_flops});
}

}  // namespace lathe
