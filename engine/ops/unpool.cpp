// SPDX-License-Identifier: Apache-2.0
// MaxUnpool.
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/permute.h"

namespace lathe {
namespace {

/// Sizes that undo the pooling the attributes describe.
template <class Size>
Result<std::vector<Size>> unpooled(const Node& node, const std::vector<Size>& x) {
  auto kernel = node.attributes.get_ints("kernel_shape");
  auto strides = node.attributes.get_ints("strides"), pads = node.attributes.get_ints("pads");
  if (x.size() < 3 || kernel.size() != x.size() - 2)
    return node_error(node, "has a kernel_shape that does not fit its input");
  if (strides.empty()) strides.assign(kernel.size(), 1);
  if (pads.empty()) pads.assign(2 * kernel.size(), 0);
  if (strides.size() != kernel.size() || pads.size() != 2 * kernel.size())
    return node_error(node, "has strides or pads that do not fit its kernel");
  for (const auto* list : {&kernel, &strides, &pads})
    for (const int64_t value : *list)
      if (value < 0 || value > (int64_t{1} << 31))
        return node_error(node, "has a kernel, stride or pad out of range");
  std::vector<Size> out{x[0], x[1]};
  for (size_t i = 0; i < kernel.size(); ++i)
    out.push_back((x[i + 2] - Size(1)) * Size(strides[i]) +
                  Size(kernel[i] - pads[i] - pads[i + kernel.size()]));
  return out;
}

Status infer_unpool(InferContext& context) {
  const Dims* x = context.dims(0);
  std::optional<Dims> output;
  if (context.has_input(2)) {
    if (const std::vector<Dim>* wanted = context.contents(2))
      output = *wanted;
    else if (x != nullptr) {
      output.emplace();
      while (output->size() < x->size()) output->push_back(context.unknown_dim());
    }
  } else if (x != nullptr) {
    LATHE_ASSIGN(output, unpooled(context.node(), *x));
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

Status run_unpool(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  LATHE_TRY(check_rank(context, 1, -1, "I"));
  const Tensor &x = context.tensor(0), &indices = context.tensor(1);
  if (indices.shape() != x.shape() || indices.type() != ElementType::i64)
    return context.error("needs i64 indices shaped as its input");
  // Indices count through the size that the attributes give; a larger output_shape leaves the rest zero.
  LATHE_ASSIGN(const Shape counted, unpooled(context.node(), x.shape()));
  const auto count = checked_element_count(counted);
  if (!count) return context.error("has an output of shape " + to_string(counted));
  Shape output = counted;
  if (context.has_input(2)) output = context.tensor(2).to_int64();
  if (output.size() != counted.size()) return context.error("has an output_shape of the wrong length");
  for (size_t i = 0; i < output.size(); ++i)
    if (output[i] < counted[i])
      return context.error("has an output_shape smaller than " + to_string(counted));
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), output));
    std::fill_n(y.data(), y.count(), A(0));
    const auto strides = row_major_strides(output);
    for (int64_t i = 0; i < x.count(); ++i) {
      int64_t index = indices.data<int64_t>()[static_cast<size_t>(i)], offset = 0;
      if (index < 0 || index >= *count)
        return context.error("has an index of " + std::to_string(index) + " beyond its output");
      for (size_t axis = counted.size(); axis-- > 0; index /= counted[axis])
        offset += index % counted[axis] * strides[axis];
      y[offset] = data[i];
    }
    y.finish();
    return {};
  });
}

}  // namespace

void register_unpool(OperatorRegistry& registry) {
  registry.add({"", "MaxUnpool", {9, 11, 22}, 2, 3, 1, 1, trait_none, infer_unpool, run_unpool, nullptr});
}

}  // namespace lathe
