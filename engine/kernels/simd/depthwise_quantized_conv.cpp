// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedConv with as many groups as channels: 32 channels a vector of 16-bit numbers, two taps a
// product.
#include <algorithm>
#include <array>
#include <hwy/base.h>
#include <immintrin.h>
#include <numeric>
#include <omp.h>

#include "engine/kernels/simd/quantized_request.h"
#include "engine/kernels/simd/tie_sums.h"

namespace lathe {
namespace simd {
namespace {

constexpr int64_t block_pixels = 32, block_channels = 32;

/// Where one tap's first channel lies for the first of some pixels, and how far it is to the next one's.
struct Place {
  const uint8_t* first;
  int64_t step;
};

/// Output pixels of one line, and where their taps lie.
struct TapTask {
  const Place* places = nullptr;     ///< [taps]
  const int16_t* weights = nullptr;  ///< [pairs][low, high half][16][2]
  const int32_t* start = nullptr;    ///< what sums begin with, by lane
  int64_t pixels = 0, taps = 0, channel = 0;
  uint32_t present = 0;  ///< a bit for each of the 32 channels
};

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512vnni")

template <bool is_signed, bool full>
HWY_INLINE __m512i load_tap(const TapTask& task, const uint8_t* from) {
  const auto* whole = reinterpret_cast<const __m256i*>(from);
  const __m256i bytes = full ? _mm256_loadu_si256(whole) : _mm256_maskz_loadu_epi8(task.present, from);
  return is_signed ? _mm512_cvtepi8_epi16(bytes) : _mm512_cvtepu8_epi16(bytes);
}

template <bool is_signed, bool full, int pixels>
void multiply_pixels(const TapTask& task, int64_t first, int32_t* sums) {
  __m512i low[pixels], high[pixels];
  for (int p = 0; p < pixels; ++p) {
    low[p] = _mm512_loadu_si512(task.start);
    high[p] = _mm512_loadu_si512(task.start + block_channels / 2);
  }
  const int16_t* weights = task.weights;
  for (int64_t tap = 0; tap < task.taps; tap += 2, weights += 2 * block_channels) {
    const __m512i w_low = _mm512_load_si512(weights), w_high = _mm512_load_si512(weights + block_channels);
    // The second's weight is 0 where there is none.
    const Place &a = task.places[tap], &b = task.places[std::min(tap + 1, task.taps - 1)];
    const uint8_t *from_a = a.first + first * a.step + task.channel,
                  *from_b = b.first + first * b.step + task.channel;
    for (int p = 0; p < pixels; ++p, from_a += a.step, from_b += b.step) {
      const __m512i x = load_tap<is_signed, full>(task, from_a), y = load_tap<is_signed, full>(task, from_b);
      low[p] = _mm512_dpwssd_epi32(low[p], _mm512_unpacklo_epi16(x, y), w_low);
      high[p] = _mm512_dpwssd_epi32(high[p], _mm512_unpackhi_epi16(x, y), w_high);
    }
  }
  for (int p = 0; p < pixels; ++p) {
    _mm512_storeu_si512(sums + (first + p) * block_channels, low[p]);
    _mm512_storeu_si512(sums + (first + p) * block_channels + block_channels / 2, high[p]);
  }
}

template <bool is_signed, bool full>
void multiply_all(const TapTask& task, int32_t* sums) {
  int64_t p = 0;
  for (; p + 4 <= task.pixels; p += 4) multiply_pixels<is_signed, full, 4>(task, p, sums);
  for (; p < task.pixels; ++p) multiply_pixels<is_signed, full, 1>(task, p, sums);
}

void multiply(bool is_signed, const TapTask& task, int32_t* sums) {
  const bool full = task.present == 0xFFFFFFFF;
  if (is_signed) return full ? multiply_all<true, true>(task, sums) : multiply_all<true, false>(task, sums);
  full ? multiply_all<false, true>(task, sums) : multiply_all<false, false>(task, sums);
}

HWY_POP_ATTRIBUTES

/// The channel in each lane once halves of 8-channel groups are unpacked: 0-3, 8-11, 16-19, 24-27, then the
/// rest.
std::vector<int32_t> unpacked_order(int64_t channels) {
  std::vector<int32_t> order;
  for (int64_t group = 0; group < channels; group += block_channels)
    for (int64_t lane = 0; lane < block_channels; ++lane) {
      const int64_t half = lane / 16, channel = group + lane % 16 / 4 * 8 + half * 4 + lane % 4;
      order.push_back(channel < channels ? static_cast<int32_t>(channel) : -1);
    }
  return order;
}

/// [groups of 32 channels][pairs][low, high half][16][2]
Result<Buffer> pack_pairs(const int8_t* weights, std::span<const int32_t> order, int64_t taps) {
  const int64_t pairs = (taps + 1) / 2, groups = static_cast<int64_t>(order.size()) / block_channels;
  const int64_t count = groups * pairs * block_channels * 2;
  LATHE_ASSIGN(Buffer made, Buffer::allocate_lasting(static_cast<size_t>(count) * sizeof(int16_t)));
  auto* to = reinterpret_cast<int16_t*>(made.mutable_data());
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t pair = 0; pair < pairs; ++pair)
      for (int64_t lane = 0; lane < block_channels; ++lane)
        for (int64_t tap = 2 * pair; tap < 2 * pair + 2; ++tap) {
          const int32_t channel = order[static_cast<size_t>(group * block_channels + lane)];
          *to++ = channel < 0 || tap >= taps ? int16_t{0} : weights[channel * taps + tap];
        }
  return made;
}

struct Taps {
  int64_t height = 1, width = 0, out_height = 1, out_width = 0;
  int64_t kernel_height = 1, kernel_width = 1, stride_y = 1, stride_x = 1;
  int64_t dilation_y = 1, dilation_x = 1, pad_top = 0, pad_left = 0, channels = 0;

  int64_t count() const { return kernel_height * kernel_width; }
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

Taps taps_of(const ConvGeometry& conv) {
  const Window& window = conv.window;
  Taps t;
  t.channels = conv.channels;
  const size_t x = window.rank() - 1;
  t.width = conv.input[x];
  t.out_width = window.output[x];
  t.kernel_width = window.kernel[x];
  t.stride_x = window.strides[x];
  t.dilation_x = window.dilations[x];
  t.pad_left = window.pads_begin[x];
  if (x == 0) return t;
  t.height = conv.input[0];
  t.out_height = window.output[0];
  t.kernel_height = window.kernel[0];
  t.stride_y = window.strides[0];
  t.dilation_y = window.dilations[0];
  t.pad_top = window.pads_begin[0];
  return t;
}

class DepthwiseKernel final : public QuantizedConvKernel {
 public:
  DepthwiseKernel(const KernelRequest& request, const QuantizedConvRequest& read, Buffer packed,
                  Requantization how)
      : QuantizedConvKernel(request, std::move(how)),
        taps_(taps_of(read.conv)),
        batch_(read.conv.batch),
        weights_(read.weights, read.weights + read.conv.channels * taps_.count()),
        packed_(std::move(packed)),
        is_signed_(read.is_signed),
        threads_(omp_get_max_threads()) {
    name_ = "simd:quantized_conv:depthwise";
    packed_bytes_ = packed_.size() + weights_.size();
    padding_.assign(how_.order.size(), static_cast<uint8_t>(how_.operation.input.zero_point));
  }

  Status run(const KernelArguments& arguments) override {
    const int64_t in_image = taps_.height * taps_.width * taps_.channels,
                  out_image = taps_.out_height * taps_.out_width * taps_.channels * (how_.real() ? 4 : 1);
#pragma omp parallel num_threads(threads_)
    {
      std::vector<Place> places(static_cast<size_t>(block_pixels * taps_.count()));
      std::vector<Tie> ties;
#pragma omp for schedule(static)
      for (int64_t i = 0; i < batch_ * taps_.out_height; ++i) {
        const auto* x =
            reinterpret_cast<const uint8_t*>(arguments.inputs[0]) + i / taps_.out_height * in_image;
        std::byte* y = arguments.outputs[0] + i / taps_.out_height * out_image;
        for (int64_t first = 0; first < taps_.out_width; first += block_pixels)
          multiply_line(i % taps_.out_height, first, x, y, places, ties);
        decide(x, ties, y);
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
  void multiply_line(int64_t line, int64_t first, const uint8_t* x, std::byte* y, std::vector<Place>& places,
                     std::vector<Tie>& ties) const {
    const int64_t taps = taps_.count(), pairs = (taps + 1) / 2,
                  end = std::min(first + block_pixels, taps_.out_width);
    std::array<Run, block_pixels> runs;
    size_t count = 0;
    for (int64_t at = first; at < end; at += runs[count++].count) {
      const bool inner = at >= taps_.inner_begin() && at < taps_.inner_end();
      runs[count] = {at, inner ? std::min(end, taps_.inner_end()) - at : 1};
      taps_.place(x, padding_.data(), line, at, places.data() + static_cast<int64_t>(count) * taps);
    }
    std::array<int64_t, block_pixels> pixels;
    std::iota(pixels.begin(), pixels.end(), line * taps_.out_width + first);
    alignas(64) std::array<int32_t, block_pixels * block_channels> sums;
    for (int64_t channel = 0; channel < taps_.channels; channel += block_channels) {
      const int64_t present = std::min(block_channels, taps_.channels - channel);
      for (size_t run = 0; run < count; ++run)
        multiply(is_signed_,
                 {places.data() + static_cast<int64_t>(run) * taps,
                  reinterpret_cast<const int16_t*>(packed_.data()) + channel * pairs * 2,
                  how_.start.data() + channel, runs[run].count, taps, channel,
                  static_cast<uint32_t>((uint64_t{1} << present) - 1)},
                 sums.data() + (runs[run].first - first) * block_channels);
      requantize_unpacked(how_, {sums.data(), pixels.data(), pixels[0], end - first, channel, nullptr, y},
                          ties);
    }
  }

  void decide(const uint8_t* x, std::vector<Tie>& ties, std::byte* y) const {
    if (ties.empty()) return;
    const int64_t taps = taps_.count();
    std::vector<Place> places(static_cast<size_t>(taps));
    std::vector<float> data(places.size()), weights(places.size());
    for (const Tie& tie : ties) {
      const int32_t channel = how_.order[static_cast<size_t>(tie.lane)];
      taps_.place(x, padding_.data(), tie.pixel / taps_.out_width, tie.pixel % taps_.out_width,
                  places.data());
      for (size_t k = 0; k < places.size(); ++k) {
        const uint8_t stored = places[k].first[channel];
        const int32_t whole = is_signed_ ? static_cast<int32_t>(static_cast<int8_t>(stored)) : stored;
        data[k] = how_.operation.input.scale * static_cast<float>(whole - how_.operation.input.zero_point);
        weights[k] = how_.operation.weight_scale(static_cast<size_t>(channel)) *
                     static_cast<float>(weights_[static_cast<size_t>(channel * taps) + k]);
      }
      store_tie(how_, tie, sum_as_row(data.data(), weights.data(), taps), y);
    }
    ties.clear();
  }

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
