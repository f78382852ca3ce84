// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/convolution.h"

#include <algorithm>

#include "engine/base/checked.h"
#include "engine/ops/matrix_product.h"

namespace lathe {
namespace {

constexpr int64_t column_elements = int64_t{1} << 21;  ///< bound on the column matrix: a few megabytes

/// Splits a linear index into coordinates of `shape`.
void unflatten(int64_t index, std::span<const int64_t> shape, std::span<int64_t> coordinates) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    coordinates[axis] = index % shape[axis];
    index /= shape[axis];
  }
}

/// Where the lines (along the last axis) of the output read the input, for one kernel position at a time.
class Columns {
 public:
  explicit Columns(const ConvGeometry& conv)
      : window_(conv.window), source_(conv.input), rank_(conv.window.rank()), at_(rank_), kernel_at_(rank_) {
    outer_.assign(window_.output.begin(), window_.output.end() - 1);
  }
  void set_kernel_position(int64_t position) { unflatten(position, window_.kernel, kernel_at_); }
  /// Offset of the input line that an output line reads, or -1 when that is padding.
  int64_t line_offset(int64_t line) {
    unflatten(line, outer_, std::span(at_).first(rank_ - 1));
    int64_t offset = 0;
    for (size_t axis = 0; axis + 1 < rank_; ++axis) {
      const int64_t i = position(axis, at_[axis]);
      if (i < 0 || i >= source_[axis]) return -1;
      offset = offset * source_[axis] + i;
    }
    return offset * source_[rank_ - 1];
  }
  int64_t last_axis(int64_t output) const { return position(rank_ - 1, output); }
  /// Outputs [first, last) of [from, to) on the last axis that read inside the input.
  std::pair<int64_t, int64_t> inside(int64_t from, int64_t to) const {
    const int64_t stride = window_.strides[rank_ - 1], start = last_axis(0);
    const int64_t first = std::clamp(ceil_div(-start, stride), from, to);
    const int64_t last = std::clamp(ceil_div(source_[rank_ - 1] - start, stride), first, to);
    return {first, last};
  }

 private:
  int64_t position(size_t axis, int64_t output) const {
    return output * window_.strides[axis] - window_.pads_begin[axis] +
           kernel_at_[axis] * window_.dilations[axis];
  }
  const Window& window_;
  const Shape& source_;
  size_t rank_;
  Shape outer_;
  std::vector<int64_t> at_, kernel_at_;
};

/// A part of the output positions: whole lines, or a stretch of one line where lines are very long.
struct Block {
  int64_t first_line = 0, lines = 0;
  int64_t from = 0, to = 0;  ///< on the last axis
  int64_t width() const { return to - from; }
  int64_t size() const { return lines * width(); }
};

/// Cuts the output positions into blocks whose column matrix of that many rows stays small.
std::vector<Block> make_blocks(const Shape& output, int64_t rows) {
  const int64_t width = output.back(), total = element_count(output) / width;
  const int64_t positions = std::max<int64_t>(64, column_elements / std::max<int64_t>(1, rows));
  std::vector<Block> blocks;
  if (width > positions) {
    for (int64_t line = 0; line < total; ++line)
      for (int64_t from = 0; from < width; from += positions)
        blocks.push_back({line, 1, from, std::min(width, from + positions)});
  } else {
    const int64_t lines = positions / width;
    for (int64_t line = 0; line < total; line += lines)
      blocks.push_back({line, std::min(lines, total - line), 0, width});
  }
  return blocks;
}

/// columns[(channel, kernel position), position in block] = x, zero in the padding.
template <class A>
void gather(const ConvGeometry& conv, const A* x, const Block& block, A* columns) {
  Columns walk(conv);
  const int64_t plane = element_count(conv.input), kernels = conv.kernel_count();
  for (int64_t row = 0; row < conv.group_channels() * kernels; ++row) {
    walk.set_kernel_position(row % kernels);
    const A* source = x + row / kernels * plane;
    const auto [first, last] = walk.inside(block.from, block.to);
    for (int64_t line = 0; line < block.lines; ++line, columns += block.width()) {
      const int64_t offset = walk.line_offset(block.first_line + line);
      if (offset < 0) {
        std::fill_n(columns, block.width(), A(0));
        continue;
      }
      std::fill(columns, columns + (first - block.from), A(0));
      for (int64_t i = first; i < last; ++i) columns[i - block.from] = source[offset + walk.last_axis(i)];
      std::fill(columns + (last - block.from), columns + block.width(), A(0));
    }
  }
}

/// The reverse, adding: for a transposed convolution, whose "output" positions are the input's.
template <class A>
void scatter(const ConvGeometry& mirrored, const A* columns, const Block& block, A* y) {
  Columns walk(mirrored);
  const int64_t plane = element_count(mirrored.input), kernels = mirrored.kernel_count();
  for (int64_t row = 0; row < mirrored.group_channels() * kernels; ++row) {
    walk.set_kernel_position(row % kernels);
    A* target = y + row / kernels * plane;
    const auto [first, last] = walk.inside(block.from, block.to);
    for (int64_t line = 0; line < block.lines; ++line, columns += block.width()) {
      const int64_t offset = walk.line_offset(block.first_line + line);
      if (offset < 0) continue;
      for (int64_t i = first; i < last; ++i) target[offset + walk.last_axis(i)] += columns[i - block.from];
    }
  }
}

}  // namespace

template <class A>
void convolve(const ConvGeometry& conv, const A* x, const A* w, A* y) {
  const int64_t plane = element_count(conv.input), positions = element_count(conv.window.output);
  const int64_t rows = conv.group_channels() * conv.kernel_count();
  if (element_count(conv.output) == 0) return;
  const bool direct = conv.window.pointwise();
  const std::vector<Block> blocks = direct ? std::vector<Block>() : make_blocks(conv.window.output, rows);
  std::vector<A> columns(direct ? 0 : static_cast<size_t>(rows * blocks.front().size()));
  for (int64_t item = 0; item < conv.batch * conv.groups; ++item) {
    const A* source = x + item * conv.group_channels() * plane;
    const A* weights = w + item % conv.groups * conv.group_outputs() * rows;
    A* target = y + item * conv.group_outputs() * positions;
    if (direct) multiply<A>(conv.group_outputs(), positions, rows, weights, false, source, false, target);
    for (const Block& block : blocks) {
      gather(conv, source, block, columns.data());
      multiply<A>({conv.group_outputs(), block.size(), rows, weights, rows, false, columns.data(),
                   block.size(), false, target + block.first_line * conv.window.output.back() + block.from,
                   positions, false});
    }
  }
}

template <class A>
void convolve_transposed(const ConvGeometry& conv, const A* x, const A* w, A* y) {
  // The forward convolution of which this is the adjoint: reads our output, writes our input.
  ConvGeometry mirrored = conv;
  std::swap(mirrored.channels, mirrored.out_channels);
  std::swap(mirrored.input, mirrored.window.output);
  const int64_t in_positions = element_count(conv.input), out_positions = element_count(conv.window.output);
  const int64_t rows = conv.group_outputs() * conv.kernel_count();
  std::fill_n(y, element_count(conv.output), A(0));
  if (in_positions == 0 || element_count(conv.output) == 0) return;
  const std::vector<Block> blocks = make_blocks(conv.input, rows);
  std::vector<A> columns(static_cast<size_t>(rows * blocks.front().size()));
  for (int64_t item = 0; item < conv.batch * conv.groups; ++item) {
    const A* source = x + item * conv.group_channels() * in_positions;
    const A* weights = w + item % conv.groups * conv.group_channels() * rows;
    A* target = y + item * conv.group_outputs() * out_positions;
    for (const Block& block : blocks) {
      multiply<A>({rows, block.size(), conv.group_channels(), weights, rows, true,
                   source + block.first_line * conv.input.back() + block.from, in_positions, false,
                   columns.data(), block.size(), false});
      scatter(mirrored, columns.data(), block, target);
    }
  }
}

template void convolve(const ConvGeometry&, const float*, const float*, float*);
template void convolve(const ConvGeometry&, const double*, const double*, double*);
template void convolve(const ConvGeometry&, const uint32_t*, const uint32_t*, uint32_t*);
template void convolve_transposed(const ConvGeometry&, const float*, const float*, float*);
template void convolve_transposed(const ConvGeometry&, const double*, const double*, double*);

}  // namespace lathe
