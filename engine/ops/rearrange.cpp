// SPDX-License-Identifier: Apache-2.0
// ReverseSequence, Trilu and Col2Im.
#include <algorithm>

#include "engine/base/checked.h"
#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

Status infer_same(InferContext& context) {
  context.set_tensor(0, context.element(0), dims_or_unknown(context, 0));
  return {};
}

Status run_reverse_sequence(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input"));
  LATHE_TRY(tensor_input(context, 1, "sequence_lens"));
  LATHE_ASSIGN(const auto lengths, int_input(context, 1, "sequence_lens"));
  const int64_t batch_axis = context.attributes().get_int("batch_axis", 1);
  const int64_t time_axis = context.attributes().get_int("time_axis", 0);
  const bool axes_fit = (batch_axis == 0 && time_axis == 1) || (batch_axis == 1 && time_axis == 0);
  if (data->rank() < 2 || !axes_fit)
    return context.error("needs the batch and time axes to be 0 and 1 of at least 2, not " +
                         std::to_string(batch_axis) + " and " + std::to_string(time_axis));
  const int64_t batches = data->dim(batch_axis == 0 ? 0 : 1), times = data->dim(batch_axis == 0 ? 1 : 0);
  if (static_cast<int64_t>(lengths.size()) != batches)
    return context.error("has " + std::to_string(lengths.size()) + " lengths for " + std::to_string(batches) +
                         " sequences");
  for (const int64_t length : lengths)
    if (length < 0 || length > times)
      return context.error("has a length of " + std::to_string(length) + " for sequences of " +
                           std::to_string(times));
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), data->shape()));
  const int64_t run = size_between(data->shape(), 2, data->rank());
  if (output->count() == 0) return {};
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    const auto at = [&](int64_t batch, int64_t time) {
      return (batch_axis == 0 ? batch * times + time : time * batches + batch) * run;
    };
    for (int64_t batch = 0; batch < batches; ++batch) {
      const int64_t length = lengths[static_cast<size_t>(batch)];
      for (int64_t time = 0; time < times; ++time)
        copy_run(stored<T>(*data) + at(batch, time < length ? length - 1 - time : time),
                 mutable_stored<T>(*output) + at(batch, time), run);
    }
  });
  return {};
}

Status infer_trilu(InferContext& context) {
  if (const Dims* dims = context.dims(0); dims != nullptr && dims->size() < 2)
    return node_error(context.node(), "needs matrices, not " + to_string(*dims));
  return infer_same(context);
}

Status run_trilu(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input"));
  if (data->rank() < 2) return context.error("needs matrices, not " + to_string(data->shape()));
  int64_t k = 0;
  if (context.has_input(1)) {
    LATHE_ASSIGN(k, integer_input(context, 1, "k"));
  }
  const bool upper = context.attributes().get_int("upper", 1) != 0;
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), data->shape()));
  const int64_t rows = data->dim(data->rank() - 2), columns = data->dim(data->rank() - 1);
  const int64_t matrices = size_between(data->shape(), 0, data->rank() - 2);
  k = std::clamp(k, -rows - 1, columns + 1);
  fill_zero(*output);
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t row = 0; row < matrices * rows; ++row) {
      const int64_t diagonal = row % rows + k;
      const int64_t begin = upper ? std::clamp<int64_t>(diagonal, 0, columns) : 0;
      const int64_t end = upper ? columns : std::clamp<int64_t>(diagonal + 1, 0, columns);
      if (end > begin)
        copy_run(stored<T>(*data) + row * columns + begin, mutable_stored<T>(*output) + row * columns + begin,
                 end - begin);
    }
  });
  return {};
}

/// Col2Im's geometry, per spatial axis.
struct Blocks {
  Shape image, block, strides, dilations, pads, counts;
  int64_t block_size = 1, block_count = 1;
};

Result<Blocks> resolve_blocks(const Node& node, const Shape& image, const Shape& block) {
  Blocks blocks{image,
                block,
                node.attributes.get_ints("strides"),
                node.attributes.get_ints("dilations"),
                node.attributes.get_ints("pads"),
                {}};
  const size_t rank = image.size();
  if (blocks.strides.empty()) blocks.strides.assign(rank, 1);
  if (blocks.dilations.empty()) blocks.dilations.assign(rank, 1);
  if (blocks.pads.empty()) blocks.pads.assign(2 * rank, 0);
  bool fits = block.size() == rank && blocks.strides.size() == rank && blocks.dilations.size() == rank &&
              blocks.pads.size() == 2 * rank;
  constexpr int64_t limit = int64_t{1} << 31;
  for (size_t i = 0; fits && i < rank; ++i) {
    for (const int64_t size : {image[i], block[i], blocks.strides[i], blocks.dilations[i]})
      fits = fits && size >= 1 && size < limit;
    for (const int64_t size : {blocks.pads[i], blocks.pads[rank + i]})
      fits = fits && size >= 0 && size < limit;
    if (!fits) break;
    const auto extent = checked_mul(block[i] - 1, blocks.dilations[i]);
    const int64_t room = extent ? image[i] + blocks.pads[i] + blocks.pads[rank + i] - *extent - 1 : -1;
    fits = room >= 0;
    if (fits) blocks.counts.push_back(room / blocks.strides[i] + 1);
  }
  const auto size = fits ? checked_element_count(block) : std::nullopt;
  const auto count = fits ? checked_element_count(blocks.counts) : std::nullopt;
  if (!size || !count)
    return node_error(node, "cannot place blocks of shape " + to_string(block) + " on an image of shape " +
                                to_string(image));
  blocks.block_size = *size;
  blocks.block_count = *count;
  return blocks;
}

Status infer_col2im(InferContext& context) {
  const Dims* input = context.dims(0);
  const std::vector<Dim>* image = context.contents(1);
  const auto block = context.known_ints(2);
  const auto rank = known_length(context, 1);
  if (!rank) return infer_unknown_shape(context);
  Dims dims{input != nullptr && input->size() == 3 ? (*input)[0] : context.unknown_dim()};
  const auto size = block ? checked_element_count(*block) : std::nullopt;
  dims.push_back(input != nullptr && input->size() == 3 && size && *size > 0
                     ? dim_floor_div((*input)[1], Dim(*size))
                     : context.unknown_dim());
  for (size_t i = 0; i < *rank; ++i)
    dims.push_back(image != nullptr ? (*image)[i] : context.data_dependent_dim("image"));
  context.set_tensor(0, context.element(0), std::move(dims));
  return {};
}

/// Adds one row of the column matrix (one place in the block) to its channel of the image.
template <class A>
void add_column(const Blocks& blocks, int64_t place, const A* from, A* image) {
  const size_t rank = blocks.image.size();
  Shape within(rank);
  for (size_t i = rank; i-- > 0; place /= blocks.block[i])
    within[i] = place % blocks.block[i] * blocks.dilations[i] - blocks.pads[i];
  Shape at(rank, 0);
  for (int64_t l = 0; l < blocks.block_count; ++l) {
    int64_t offset = 0;
    bool inside = true;
    for (size_t i = 0; i < rank; ++i) {
      const int64_t position = at[i] * blocks.strides[i] + within[i];
      inside = inside && position >= 0 && position < blocks.image[i];
      offset = offset * blocks.image[i] + position;
    }
    if (inside) image[offset] += from[l];
    for (size_t i = rank; i-- > 0;) {
      if (++at[i] < blocks.counts[i]) break;
      at[i] = 0;
    }
  }
}

Status run_col2im(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 3, "input"));
  const Tensor& input = context.tensor(0);
  LATHE_ASSIGN(const Shape image, int_input(context, 1, "image_shape"));
  LATHE_ASSIGN(const Shape block, int_input(context, 2, "block_shape"));
  LATHE_ASSIGN(const Blocks blocks, resolve_blocks(context.node(), image, block));
  if (input.dim(1) % blocks.block_size != 0 || input.dim(2) != blocks.block_count)
    return context.error("has an input of shape " + to_string(input.shape()) + " for " +
                         std::to_string(blocks.block_count) + " blocks of shape " + to_string(block));
  const int64_t channels = input.dim(1) / blocks.block_size;
  Shape shape{input.dim(0), channels};
  shape.insert(shape.end(), image.begin(), image.end());
  return compute_numeric(context, input.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> columns(input);
    LATHE_ASSIGN(OutputBuffer<A> output, OutputBuffer<A>::make(context, 0, input.type(), shape));
    std::fill_n(output.data(), output.count(), A{0});
    const int64_t pixels = element_count(image);
    for (int64_t row = 0; row < input.dim(0) * input.dim(1); ++row)
      add_column(blocks, row % blocks.block_size, columns.data() + row * blocks.block_count,
                 output.data() + row / blocks.block_size * pixels);
    output.finish();
    return {};
  });
}

}  // namespace

void register_rearrange(OperatorRegistry& registry) {
  registry.add(
      {"", "ReverseSequence", {10, 28}, 2, 2, 1, 1, trait_none, infer_same, run_reverse_sequence, no_flops});
  registry.add({"", "Trilu", {14}, 1, 2, 1, 1, trait_none, infer_trilu, run_trilu, no_flops});
  registry.add({"", "Col2Im", {18}, 3, 3, 1, 1, trait_none, infer_col2im, run_col2im});
}

}  // namespace lathe
