// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedConv in one group: blocks of 32 pixels by 32 channels, requantised while they lie in the
// first-level cache.
#include <algorithm>
#include <array>
#include <omp.h>

#include "engine/kernels/simd/quantized_request.h"
#include "engine/kernels/simd/tie_sums.h"

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
        tie_sums_(geometry_, how_, is_signed_),
        threads_(omp_get_max_threads()) {
    name_ = unit == QuantizedUnit::tiles ? "simd:quantized_conv:amx" : "simd:quantized_conv:vnni";
    scratch_bytes_ = geometry_.staged_bytes();
    packed_bytes_ = panels_.stored.size();
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
    TieList ties;
    const int64_t blocks = row_blocks_ * pairs_;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < blocks; ++i) {
      if (rows_outside_)
        multiply(i / pairs_, i % pairs_, rows, residual, y, ties);
      else
        multiply(i % row_blocks_, i / row_blocks_, rows, residual, y, ties);
      if (!ties.has_room()) decide(rows, ties, y);
    }
    decide(rows, ties, y);
  }

  void multiply(int64_t row_block, int64_t pair, const uint8_t* rows, const uint8_t* residual, std::byte* y,
                TieList& ties) const {
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

  void decide(const uint8_t* rows, TieList& ties, std::byte* y) const {
    std::array<float, DenseTieSums::together> sums;
    for (size_t first = 0; first < ties.count; first += sums.size()) {
      const auto some = ties.all().subspan(first, std::min(sums.size(), ties.count - first));
      tie_sums_.add_up(rows, panels_, some, sums.data());
      for (size_t i = 0; i < some.size(); ++i) store_tie(how_, some[i], sums[i], y);
    }
    ties.count = 0;
  }

  QuantizedGeometry geometry_;
  QuantizedUnit unit_;
  QuantizedPanels panels_;
  bool is_signed_;
  DenseTieSums tie_sums_;
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
