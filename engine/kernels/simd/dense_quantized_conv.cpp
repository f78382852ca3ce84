// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedConv in one group: blocks of 32 pixels by 32 channels, requantised while they lie in the
// first-level cache.
#include <algorithm>
#include <array>
#include <omp.h>

#include "engine/kernels/simd/quantized_request.h"

namespace lathe {
namespace simd {
namespace {

constexpr int64_t block_rows = QuantizedBlock::rows, block_width = QuantizedBlock::width;

class DenseKernel final : public QuantizedConvKernel {
 public:
  DenseKernel(const KernelRequest& request, const QuantizedConvRequest& read, QuantizedGeometry geometry,
              QuantizedUnit unit, QuantizedPanels panels, Requantization how)
      : QuantizedConvKernel(request, std::move(how)),
        geometry_(std::move(geometry)),
        unit_(unit),
        panels_(std::move(panels)),
        is_signed_(read.is_signed),
        threads_(omp_get_max_threads()) {
    name_ = unit == QuantizedUnit::tiles ? "simd:quantized_conv:amx" : "simd:quantized_conv:vnni";
    scratch_bytes_ = geometry_.staged_bytes();
    packed_bytes_ = panels_.stored.size();
    for (int32_t byte = 0; byte < 256; ++byte) {
      const int32_t stored = is_signed_ ? static_cast<int8_t>(byte) : byte;
      real_[static_cast<size_t>(byte)] =
          how_.operation.input.scale * static_cast<float>(stored - how_.operation.input.zero_point);
    }
    row_blocks_ = (geometry_.rows + block_rows - 1) / block_rows;
    pairs_ = (geometry_.out_channels + block_width - 1) / block_width;
    // What is read again and again should be what the second-level cache holds.
    constexpr size_t cached = 512 << 10;
    rows_outside_ = panels_.stored.size() <= cached;
  }

  Status run(const KernelArguments& arguments) override {
    const QuantizedGeometry& g = geometry_;
    const int64_t in_image = g.height * g.width * g.channels, out_image = g.pixels() * g.out_channels;
    const int64_t element = how_.real() ? 4 : 1;
    for (int64_t image = 0; image < g.batch; ++image) {
      const auto* x = reinterpret_cast<const uint8_t*>(arguments.inputs[0]) + image * in_image;
      const auto* residual = reinterpret_cast<const uint8_t*>(residual_of(arguments));
      if (residual != nullptr) residual += image * out_image;
      auto* staged = reinterpret_cast<uint8_t*>(arguments.scratch);
      std::byte* y = arguments.outputs[0] + image * out_image * element;
#pragma omp parallel num_threads(threads_)
      {
        if (g.staged) {
#pragma omp for schedule(static)
          for (int64_t line = 0; line < g.plane_lines; ++line)
            stage_lines(g, x, static_cast<uint8_t>(how_.operation.input.zero_point), line, line + 1, staged);
        }
        multiply_share(g.staged ? staged : x, residual, y);
      }
    }
    return {};
  }

 private:
  /// This thread's share of all blocks.
  void multiply_share(const uint8_t* rows, const uint8_t* residual, std::byte* y) const {
    const TileScope scope(unit_, geometry_);
    std::vector<Tie> ties;
    const int64_t blocks = row_blocks_ * pairs_;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < blocks; ++i) {
      if (rows_outside_)
        multiply(i / pairs_, i % pairs_, rows, residual, y, ties);
      else
        multiply(i % row_blocks_, i / row_blocks_, rows, residual, y, ties);
      constexpr size_t enough = 256;
      if (ties.size() >= enough) decide(rows, ties, y);
    }
    decide(rows, ties, y);
  }

  void multiply(int64_t row_block, int64_t pair, const uint8_t* rows, const uint8_t* residual, std::byte* y,
                std::vector<Tie>& ties) const {
    const QuantizedGeometry& g = geometry_;
    const int64_t begin = row_block * block_rows, end = std::min(begin + block_rows, g.rows);
    // Tiles are multiplied whole: the last ones once more with rows of those before.
    const int64_t first = unit_ == QuantizedUnit::tiles ? std::min(begin, g.rows - block_rows) : begin;
    alignas(64) std::array<int32_t, block_rows * block_width> sums;
    const int64_t columns = (g.out_channels + QuantizedPanels::column - 1) / QuantizedPanels::column;
    multiply_block(unit_,
                   {&g, &panels_, is_signed_, rows + first * g.row_stride, end - first, 2 * pair,
                    std::min(QuantizedBlock::columns, columns - 2 * pair)},
                   how_.start.data() + pair * block_width, sums.data());
    std::array<int64_t, block_rows> pixels;
    int64_t line = begin / g.rows_per_line, place = begin % g.rows_per_line;
    for (int64_t r = begin; r < end; ++r) {
      pixels[static_cast<size_t>(r - begin)] = place < g.out_width ? line * g.out_width + place : -1;
      if (++place == g.rows_per_line) {
        place = 0;
        ++line;
      }
    }
    requantize(how_,
               {sums.data() + (begin - first) * block_width, pixels.data(), begin, end - begin,
                pair * block_width, residual, y},
               ties);
  }

  /// Data and weights of one sum, in the order channel, kernel row, kernel column.
  void gather(const uint8_t* row, int64_t channel, float* data, float* weights) const {
    const QuantizedGeometry& g = geometry_;
    constexpr int64_t quad = 4, quads = QuantizedPanels::column * quad;
    const int64_t taps = g.kernel_height * g.kernel_width;
    const float scale = how_.operation.weight_scale(static_cast<size_t>(channel));
    const int8_t* column =
        panels_.column_of(channel / QuantizedPanels::column) + channel % QuantizedPanels::column * quad;
    int64_t tap = 0, c = 0, at = 0;
    for (size_t s = 0; s < g.steps.size(); ++s) {
      const int64_t begin = static_cast<int64_t>(s) % g.steps_per_segment * g.step_bytes;
      const int64_t counted =
          std::max<int64_t>(0, begin - std::max<int64_t>(0, g.segment_bytes - g.step_bytes));
      const int64_t last = std::min(g.step_bytes, counted + g.segment_bytes - begin);
      const int8_t* step = column + static_cast<int64_t>(s) * g.step_bytes * QuantizedPanels::column;
      const uint8_t* stored = row + g.steps[s];
      for (int64_t k = counted; k < last; ++k, at += taps) {
        if (c == g.channels) {
          c = 0;
          at = ++tap;
        }
        data[at] = real_[stored[k]];
        weights[at] = scale * static_cast<float>(step[k / quad * quads + k % quad]);
        ++c;
      }
    }
  }

  void decide(const uint8_t* rows, std::vector<Tie>& ties, std::byte* y) const {
    constexpr size_t together = 8;
    const int64_t depth = geometry_.depth();
    if (ties.empty()) return;
    std::vector<float> elements(2 * together * static_cast<size_t>(depth));
    float* weights = elements.data() + together * static_cast<size_t>(depth);
    for (size_t first = 0; first < ties.size(); first += together) {
      const size_t count = std::min(together, ties.size() - first);
      std::array<float, together> sums;
      for (size_t i = 0; i < count; ++i) {
        const Tie& tie = ties[first + i];
        gather(rows + tie.row * geometry_.row_stride, how_.order[static_cast<size_t>(tie.lane)],
               elements.data() + static_cast<int64_t>(i) * depth, weights + static_cast<int64_t>(i) * depth);
      }
      sum_as_gemm(elements.data(), weights, depth, static_cast<int64_t>(count), depth,
                  tie_block(depth, geometry_.pixels()), sums.data());
      for (size_t i = 0; i < count; ++i) store_tie(how_, ties[first + i], sums[i], y);
    }
    ties.clear();
  }

  QuantizedGeometry geometry_;
  QuantizedUnit unit_;
  QuantizedPanels panels_;
  bool is_signed_;
  std::array<float, 256> real_;  ///< what each stored byte means
  int threads_;
  int64_t row_blocks_ = 0, pairs_ = 0;
  bool rows_outside_ = true;
};

std::vector<int32_t> channels_in_order(int64_t channels) {
  std::vector<int32_t> order(static_cast<size_t>((channels + block_width - 1) / block_width * block_width),
                             -1);
  for (int64_t i = 0; i < channels; ++i) order[static_cast<size_t>(i)] = static_cast<int32_t>(i);
  return order;
}

Prepared prepare(const KernelRequest& request) {
  const auto found = read_quantized_conv(request);
  if (const auto* reason = std::get_if<Decline>(&found)) return *reason;
  const auto& read = std::get<QuantizedConvRequest>(found);
  auto geometry = describe_quantized(read.conv);
  if (!geometry) return Decline{DeclineReason::attribute, "groups"};
  const QuantizedUnit unit = geometry->rows < block_rows ? QuantizedUnit::vectors : quantized_unit();
  const WeightSums weights = add_up_weights(read);
  auto how = describe_requantization({read.operation, read.residual_type, geometry->depth(),
                                      shifted_zero(unit, read.is_signed, read.operation.input.zero_point),
                                      weights.sums, weights.squares, read.bias,
                                      channels_in_order(read.conv.out_channels)});
  if (!how) return Decline{DeclineReason::attribute, "activation or residual"};
  auto panels = pack_quantized(*geometry, read.weights);
  if (!panels.ok()) return Decline{DeclineReason::provider_error, panels.error().text()};
  return std::make_unique<DenseKernel>(request, read, std::move(*geometry), unit, std::move(*panels),
                                       std::move(*how));
}

}  // namespace
}  // namespace simd

void register_dense_quantized_conv(KernelRegistry& registry) {
  registry.add({"simd:quantized_conv", {"lathe.QuantizedConv"}, simd::prepare});
}

}  // namespace lathe
