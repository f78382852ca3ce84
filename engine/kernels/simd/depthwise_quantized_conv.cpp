// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedConv with as many groups as channels, line by line.
#include <algorithm>
#include <array>
#include <numeric>
#include <omp.h>

#include "engine/kernels/simd/depthwise_taps.h"
#include "engine/kernels/simd/quantized_request.h"
#include "engine/kernels/simd/tie_sums.h"

namespace lathe {
namespace simd {
namespace {

constexpr int64_t block_pixels = 32;

/// Where the taps of output pixels lie.
struct Taps : ImageWindow {
  int64_t channels = 0;

  /// Output columns [begin, end) whose windows lie between the image's left and right edges.
  int64_t inner_begin() const { return std::min(out_width, (pad_left + stride_x - 1) / stride_x); }
  int64_t inner_end() const {
    const int64_t room = width + pad_left - (kernel_width - 1) * dilation_x - 1;
    return std::clamp(room < 0 ? 0 : room / stride_x + 1, inner_begin(), out_width);
  }
  /// For pixels from (y, x) on: one beside an edge, or any number between them. Beside the image lies
  /// `padding`.
  void place(const uint8_t* image, const uint8_t* padding, int64_t y, int64_t x, Place* places) const {
    for (int64_t u = 0; u < kernel_height; ++u) {
      const int64_t line = y * stride_y + u * dilation_y - pad_top;
      const bool inside = line >= 0 && line < height;
      for (int64_t v = 0; v < kernel_width; ++v) {
        const int64_t column = x * stride_x + v * dilation_x - pad_left;
        if (inside && column >= 0 && column < width)
          *places++ = {image + (line * width + column) * channels, stride_x * channels};
        else
          *places++ = {padding, 0};
      }
    }
  }
};

class DepthwiseKernel final : public QuantizedConvKernel {
 public:
  DepthwiseKernel(const KernelRequest& request, const QuantizedConvRequest& read, Buffer packed,
                  Requantization how)
      : QuantizedConvKernel(request, std::move(how)),
        taps_{*image_window(read.conv), read.conv.channels},
        batch_(read.conv.batch),
        weights_(read.weights, read.weights + read.conv.channels * taps_.taps()),
        packed_(std::move(packed)),
        is_signed_(read.is_signed),
        threads_(omp_get_max_threads()) {
    name_ = "simd:quantized_conv:depthwise";
    packed_bytes_ = packed_.size() + weights_.size();
    scratch_bytes_ = static_cast<size_t>(threads_ * own_places()) * sizeof(Place);
    padding_.assign(how_.order.size(), static_cast<uint8_t>(how_.operation.input.zero_point));
  }

  Status run(const KernelArguments& arguments) override {
    const int64_t in_image = taps_.height * taps_.width * taps_.channels,
                  out_image = taps_.out_height * taps_.out_width * taps_.channels * (how_.real() ? 4 : 1);
#pragma omp parallel num_threads(threads_)
    {
      auto* places = reinterpret_cast<Place*>(arguments.scratch) + omp_get_thread_num() * own_places();
      TieList ties;
#pragma omp for schedule(static)
      for (int64_t i = 0; i < batch_ * taps_.out_height; ++i) {
        const auto* x =
            reinterpret_cast<const uint8_t*>(arguments.inputs[0]) + i / taps_.out_height * in_image;
        std::byte* y = arguments.outputs[0] + i / taps_.out_height * out_image;
        for (int64_t first = 0; first < taps_.out_width; first += block_pixels)
          multiply_line(i % taps_.out_height, first, x, y, places, ties);
        decide(x, places, ties, y);
      }
    }
    return {};
  }

 private:
  /// Neighbouring pixels whose taps lie alike.
  struct Run {
    int64_t first, count;
  };

  /// Pixels of output line `line` from `first` on, all channels.
  void multiply_line(int64_t line, int64_t first, const uint8_t* x, std::byte* y, Place* places,
                     TieList& ties) const {
    const int64_t taps = taps_.taps(), pairs = (taps + 1) / 2,
                  end = std::min(first + block_pixels, taps_.out_width);
    std::array<Run, block_pixels> runs;
    size_t count = 0;
    for (int64_t at = first; at < end; at += runs[count++].count) {
      const bool inner = at >= taps_.inner_begin() && at < taps_.inner_end();
      runs[count] = {at, inner ? std::min(end, taps_.inner_end()) - at : 1};
      taps_.place(x, padding_.data(), line, at, places + static_cast<int64_t>(count) * taps);
    }
    std::array<int64_t, block_pixels> pixels;
    std::iota(pixels.begin(), pixels.end(), line * taps_.out_width + first);
    alignas(64) std::array<int32_t, block_pixels * tap_channels> sums;
    for (int64_t channel = 0; channel < taps_.channels; channel += tap_channels) {
      const int64_t present = std::min(tap_channels, taps_.channels - channel);
      for (size_t run = 0; run < count; ++run)
        multiply_taps(is_signed_,
                      {places + static_cast<int64_t>(run) * taps,
                       reinterpret_cast<const int16_t*>(packed_.data()) + channel * pairs * 2,
                       how_.start.data() + channel, runs[run].count, taps, channel,
                       static_cast<uint32_t>((uint64_t{1} << present) - 1)},
                      sums.data() + (runs[run].first - first) * tap_channels);
      requantize_unpacked(how_, {sums.data(), pixels.data(), pixels[0], end - first, channel, nullptr, y},
                          ties);
      if (!ties.has_room()) decide(x, places, ties, y);
    }
  }

  /// `places`: this thread's.
  void decide(const uint8_t* x, Place* places, TieList& ties, std::byte* y) const {
    const int64_t taps = taps_.taps();
    Place* own = places + block_pixels * taps;
    auto* products = reinterpret_cast<float*>(own + taps);
    const Quantization& input = how_.operation.input;
    for (const Tie& tie : ties.all()) {
      const int32_t channel = how_.order[static_cast<size_t>(tie.lane)];
      const float scale = how_.operation.weight_scale(static_cast<size_t>(channel));
      taps_.place(x, padding_.data(), tie.pixel / taps_.out_width, tie.pixel % taps_.out_width, own);
      for (int64_t k = 0; k < taps; ++k) {
        const uint8_t byte = own[k].first[channel];
        const int32_t stored = is_signed_ ? static_cast<int32_t>(static_cast<int8_t>(byte)) : byte;
        const float weight = scale * static_cast<float>(weights_[static_cast<size_t>(channel * taps + k)]);
        products[k] = input.scale * static_cast<float>(stored - input.zero_point) * weight;
      }
      store_tie(how_, tie, sum_as_row(products, taps), y);
    }
    ties.count = 0;
  }

  /// Of one thread: those of a block of pixels, of a tie, and room for a tie's products.
  int64_t own_places() const { return (block_pixels + 2) * taps_.taps(); }

  Taps taps_;
  int64_t batch_;
  std::vector<int8_t> weights_;  ///< as the model has them, for ties
  Buffer packed_;
  std::vector<uint8_t> padding_;  ///< the zero point in every channel
  bool is_signed_;
  int threads_;
};

Prepared prepare(const KernelRequest& request) {
  const auto found = read_quantized_conv(request);
  if (const auto* reason = std::get_if<Decline>(&found)) return *reason;
  const auto& read = std::get<QuantizedConvRequest>(found);
  const ConvGeometry& conv = read.conv;
  if (conv.groups != conv.channels || conv.group_outputs() != 1 || conv.groups == 1)
    return Decline{DeclineReason::attribute, "not depthwise"};
  if (!image_window(conv)) return Decline{DeclineReason::rank, "a volume"};
  if (read.residual_type != ElementType::undefined) return Decline{DeclineReason::attribute, "a residual"};
  const auto order = unpacked_order(conv.channels);
  const WeightSums weights = add_up_weights(read);
  auto how = describe_requantization({read.operation, ElementType::undefined, conv.kernel_count(),
                                      read.operation.input.zero_point, weights.sums, weights.squares,
                                      read.bias, order});
  if (!how) return Decline{DeclineReason::attribute, "activation"};
  auto packed = pack_pairs(read.weights, order, conv.kernel_count());
  if (!packed.ok()) return Decline{DeclineReason::provider_error, packed.error().text()};
  return std::make_unique<DepthwiseKernel>(request, read, std::move(*packed), std::move(*how));
}

}  // namespace
}  // namespace simd

void register_depthwise_quantized_conv(KernelRegistry& registry) {
  registry.add({"simd:quantized_conv:depthwise", {"lathe.QuantizedConv"}, simd::prepare});
}

}  // namespace lathe
