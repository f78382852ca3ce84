// SPDX-License-Identifier: Apache-2.0
// DeformConv in two dimensions.
#include <cmath>

#include "engine/ops/convolution.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_deform_conv(InferContext& context) {
  const Dims* x = context.dims(0);
  const Dims* w = context.dims(1);
  std::optional<Dims> output;
  if (x != nullptr && w != nullptr) {
    LATHE_ASSIGN(output, conv_output(context.node(), *x, *w));
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

/// Bilinear value of a plane at (row, column), zero outside.
template <class A>
A sample(const A* plane, int64_t height, int64_t width, A row, A column) {
  if (!(row > A(-1) && row < static_cast<A>(height) && column > A(-1) && column < static_cast<A>(width)))
    return 0;
  const auto top = static_cast<int64_t>(std::floor(row)), left = static_cast<int64_t>(std::floor(column));
  const A down = row - static_cast<A>(top), right = column - static_cast<A>(left);
  const auto at = [&](int64_t i, int64_t j) {
    return i < 0 || i >= height || j < 0 || j >= width ? A(0) : plane[i * width + j];
  };
  return (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
         down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
}

/// Columns of one image and group: [group channel * kernel position, output position].
template <class A>
void gather(const ConvGeometry& conv, const A* image, const A* offsets, const A* masks, int64_t offset_groups,
            int64_t group, A* columns) {
  const Window& window = conv.window;
  const int64_t height = conv.input[0], width = conv.input[1], positions = element_count(window.output);
  for (int64_t c = 0; c < conv.group_channels(); ++c) {
    const int64_t channel = group * conv.group_channels() + c;
    const int64_t offset_group = channel / (conv.channels / offset_groups);
    for (int64_t k = 0; k < conv.kernel_count(); ++k) {
      const int64_t slot = offset_group * conv.kernel_count() + k;
      for (int64_t position = 0; position < positions; ++position) {
        const int64_t i = position / window.output[1] * window.strides[0] - window.pads_begin[0] +
                          k / window.kernel[1] * window.dilations[0];
        const int64_t j = position % window.output[1] * window.strides[1] - window.pads_begin[1] +
                          k % window.kernel[1] * window.dilations[1];
        const A row = static_cast<A>(i) + offsets[2 * slot * positions + position];
        const A column = static_cast<A>(j) + offsets[(2 * slot + 1) * positions + position];
        const A value = sample(image + channel * height * width, height, width, row, column);
        *columns++ = masks != nullptr ? value * masks[slot * positions + position] : value;
      }
    }
  }
}

Status run_deform_conv(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, 4, "X, W or offset"));
  const Tensor& x = context.tensor(0);
  LATHE_ASSIGN(const ConvGeometry conv, resolve_conv(context.node(), x.shape(), context.tensor(1).shape()));
  const int64_t groups = context.attributes().get_int("offset_group", 1);
  if (groups < 1 || groups > std::max<int64_t>(1, conv.channels) || conv.channels % groups != 0)
    return context.error("has an offset_group of " + std::to_string(groups));
  Shape expected{conv.batch, groups * conv.kernel_count() * 2, conv.window.output[0], conv.window.output[1]};
  if (context.tensor(2).shape() != expected)
    return context.error("has offsets of shape " + to_string(context.tensor(2).shape()) + ", but needs " +
                         to_string(expected));
  expected[1] /= 2;
  if (context.has_input(4) && context.tensor(4).shape() != expected)
    return context.error("has a mask of shape " + to_string(context.tensor(4).shape()) + ", but needs " +
                         to_string(expected));
  if (context.has_input(3) && context.tensor(3).count() != conv.out_channels)
    return context.error("has a bias that does not fit");
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x), w(context.tensor(1)), offsets(context.tensor(2));
    const Operand<A> bias = optional_operand<A>(context, 3), masks = optional_operand<A>(context, 4);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), conv.output));
    const int64_t positions = element_count(conv.window.output),
                  rows = conv.group_channels() * conv.kernel_count();
    const int64_t slots = groups * conv.kernel_count() * positions;
    std::vector<A> columns(static_cast<size_t>(rows * positions));
    for (int64_t item = 0; item < conv.batch * conv.groups; ++item) {
      const int64_t image = item / conv.groups, group = item % conv.groups;
      gather(conv, data.data() + image * conv.channels * element_count(conv.input),
             offsets.data() + image * 2 * slots, masks ? masks.data() + image * slots : nullptr, groups,
             group, columns.data());
      multiply<A>(conv.group_outputs(), positions, rows, w.data() + group * conv.group_outputs() * rows,
                  false, columns.data(), false, y.data() + item * conv.group_outputs() * positions);
    }
    add_channel_bias(y.data(), bias.data(), conv.batch, conv.out_channels, positions);
    y.finish();
    return {};
  });
}

int64_t deform_conv_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto conv = resolve_conv(node, inputs[0], inputs[1]);
  return conv.ok() ? conv->flops() : 0;
}

}  // namespace

void register_deform_conv(OperatorRegistry& registry) {
  registry.add({"",
                "DeformConv",
                {19, 22},
                3,
                5,
                1,
                1,
                trait_none,
                infer_deform_conv,
                run_deform_conv,
                deform_conv_flops});
}

}  // namespace lathe
