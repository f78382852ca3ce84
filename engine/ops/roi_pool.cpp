// SPDX-License-Identifier: Apache-2.0
// MaxRoiPool and RoiAlign.
#include <algorithm>
#include <cmath>
#include <span>

#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status set_pooled(InferContext& context, int64_t height, int64_t width) {
  const Dims *x = context.dims(0), *rois = context.dims(1);
  std::optional<Dims> output;
  if (x != nullptr && rois != nullptr) {
    if (x->size() != 4 || rois->size() != 2)
      return node_error(context.node(), "needs an input of rank 4 and rois of rank 2");
    output = Dims{(*rois)[0], (*x)[1], height, width};
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

constexpr int64_t max_pooled = int64_t{1} << 31;

Result<Shape> pooled_shape(const Node& node) {
  const Shape pooled = node.attributes.get_ints("pooled_shape");
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1 || pooled[0] > max_pooled ||
      pooled[1] > max_pooled)
    return node_error(node, "needs a pooled_shape of two sizes");
  return pooled;
}

Status infer_max_roi_pool(InferContext& context) {
  LATHE_ASSIGN(const Shape pooled, pooled_shape(context.node()));
  return set_pooled(context, pooled[0], pooled[1]);
}

/// An interval of rows or columns that one output element covers.
struct Bin {
  int64_t from, to;
};

Bin roi_bin(double start, double end, int64_t index, int64_t bins, int64_t limit) {
  const double size = std::max(end - start + 1, 1.0) / static_cast<double>(bins);
  const auto clip = [&](double v) {
    return static_cast<int64_t>(std::clamp(v + start, 0.0, static_cast<double>(limit)));
  };
  return {clip(std::floor(static_cast<double>(index) * size)),
          clip(std::ceil(static_cast<double>(index + 1) * size))};
}

Status run_max_roi_pool(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 4, "X"));
  LATHE_TRY(check_rank(context, 1, 2, "rois"));
  LATHE_ASSIGN(const Shape pooled, pooled_shape(context.node()));
  const Tensor& x = context.tensor(0);
  if (context.tensor(1).dim(1) != 5) return context.error("needs five numbers per roi");
  const int64_t count = context.tensor(1).dim(0), channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  const double scale = context.attributes().get_float("spatial_scale", 1);
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x), rois(context.tensor(1));
    LATHE_ASSIGN(OutputBuffer<A> y,
                 OutputBuffer<A>::make(context, 0, x.type(), {count, channels, pooled[0], pooled[1]}));
    for (int64_t i = 0; i < y.count(); ++i) {
      const int64_t column = i % pooled[1], row = i / pooled[1] % pooled[0],
                    channel = i / (pooled[0] * pooled[1]) % channels;
      const A* roi = rois.data() + i / (pooled[0] * pooled[1] * channels) * 5;
      if (!(roi[0] >= 0 && roi[0] < static_cast<A>(x.dim(0))))
        return context.error("has a roi of a batch item that is not there");
      const auto edge = [&](int k) { return std::isfinite(roi[k]) ? std::round(roi[k] * scale) : 0.0; };
      const Bin rows = roi_bin(edge(2), edge(4), row, pooled[0], height),
                columns = roi_bin(edge(1), edge(3), column, pooled[1], width);
      const A* plane = data.data() + (static_cast<int64_t>(roi[0]) * channels + channel) * height * width;
      A best = 0;
      bool any = false;
      for (int64_t r = rows.from; r < rows.to; ++r)
        for (int64_t c = columns.from; c < columns.to; ++c) {
          best = any ? std::max(best, plane[r * width + c]) : plane[r * width + c];
          any = true;
        }
      y[i] = best;
    }
    y.finish();
    return {};
  });
}

struct RoiAlignSettings {
  int64_t height = 1, width = 1, sampling_ratio = 0;
  double scale = 1, shift = 0;
  bool max = false;
};

Result<RoiAlignSettings> read_roi_align(const Node& node) {
  RoiAlignSettings settings;
  settings.height = node.attributes.get_int("output_height", 1);
  settings.width = node.attributes.get_int("output_width", 1);
  settings.sampling_ratio = node.attributes.get_int("sampling_ratio", 0);
  settings.scale = node.attributes.get_float("spatial_scale", 1);
  const std::string mode = node.attributes.get_string("mode", "avg");
  // Before version 16 pixels were not shifted by a half.
  const std::string coordinates =
      node.version >= 16 ? node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
                         : "output_half_pixel";
  if (settings.height < 1 || settings.width < 1 || settings.height > max_pooled ||
      settings.width > max_pooled || settings.sampling_ratio < 0 || settings.sampling_ratio > 65536)
    return node_error(node, "has an output size or sampling_ratio out of range");
  if ((mode != "avg" && mode != "max") || (coordinates != "half_pixel" && coordinates != "output_half_pixel"))
    return node_error(node, "has an unknown mode '" + mode + "' or '" + coordinates + "'");
  settings.max = mode == "max";
  settings.shift = coordinates == "half_pixel" ? 0.5 : 0;
  return settings;
}

Status infer_roi_align(InferContext& context) {
  LATHE_ASSIGN(const RoiAlignSettings settings, read_roi_align(context.node()));
  return set_pooled(context, settings.height, settings.width);
}

/// Two neighbouring rows (or columns) and the weight of the second.
struct Neighbours {
  int64_t low = 0, high = 0;
  double weight = 0;
  bool outside = false;
};

Neighbours neighbours(double position, int64_t size) {
  if (!(position >= -1 && position <= static_cast<double>(size)) || size == 0) return {0, 0, 0, true};
  position = std::max(position, 0.0);
  const auto low = static_cast<int64_t>(position);
  if (low >= size - 1) return {size - 1, size - 1, 0, false};
  return {low, low + 1, position - static_cast<double>(low), false};
}

/// Where the samples of all bins of one axis lie, bin by bin: the same for every channel.
struct AxisSamples {
  int64_t per_bin = 0;
  std::vector<Neighbours> all;

  std::span<const Neighbours> bin(int64_t index) const {
    return std::span(all).subspan(static_cast<size_t>(index * per_bin), static_cast<size_t>(per_bin));
  }
};

AxisSamples axis_samples(const RoiAlignSettings& settings, double start, double end, int64_t bins,
                         int64_t size) {
  double length = end - start;
  if (settings.shift == 0) length = std::max(length, 1.0);
  const double bin = length / static_cast<double>(bins);
  AxisSamples samples;
  samples.per_bin = settings.sampling_ratio > 0 ? settings.sampling_ratio
                                                : std::max<int64_t>(0, static_cast<int64_t>(std::ceil(bin)));
  const double step = bin / static_cast<double>(samples.per_bin);
  for (int64_t b = 0; b < bins; ++b)
    for (int64_t k = 0; k < samples.per_bin; ++k)
      samples.all.push_back(
          neighbours(start + static_cast<double>(b) * bin + (static_cast<double>(k) + 0.5) * step, size));
  return samples;
}

template <class A>
A align_bin(const RoiAlignSettings& s, const A* plane, int64_t width, std::span<const Neighbours> rows,
            std::span<const Neighbours> columns) {
  double sum = 0, best = 0;
  bool first = true;
  for (const Neighbours& r : rows) {
    const A *low = plane + r.low * width, *high = plane + r.high * width;
    for (const Neighbours& c : columns) {
      double parts[4] = {0, 0, 0, 0};
      if (!r.outside && !c.outside) {
        parts[0] = (1 - r.weight) * (1 - c.weight) * low[c.low];
        parts[1] = (1 - r.weight) * c.weight * low[c.high];
        parts[2] = r.weight * (1 - c.weight) * high[c.low];
        parts[3] = r.weight * c.weight * high[c.high];
      }
      sum += parts[0] + parts[1] + parts[2] + parts[3];
      if (!s.max) continue;
      // The maximum is taken over the weighted neighbours, not over the interpolated values: so ONNX has it.
      const double largest = *std::max_element(parts, parts + 4);
      best = first ? largest : std::max(best, largest);
      first = false;
    }
  }
  if (s.max) return static_cast<A>(best);
  return static_cast<A>(sum / static_cast<double>(std::max<size_t>(1, rows.size() * columns.size())));
}

Status run_roi_align(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 4, "X"));
  LATHE_TRY(check_rank(context, 1, 2, "rois"));
  LATHE_TRY(check_rank(context, 2, 1, "batch_indices"));
  LATHE_ASSIGN(const RoiAlignSettings settings, read_roi_align(context.node()));
  const Tensor& x = context.tensor(0);
  const int64_t count = context.tensor(1).dim(0), channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  const std::vector<int64_t> items = context.tensor(2).to_int64();
  if (context.tensor(1).dim(1) != 4 || static_cast<int64_t>(items.size()) != count)
    return context.error("needs four numbers and one batch index per roi");
  for (const int64_t item : items)
    if (item < 0 || item >= x.dim(0)) return context.error("has a roi of a batch item that is not there");
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x);
    const Operand<double> rois(context.tensor(1));
    LATHE_ASSIGN(
        OutputBuffer<A> y,
        OutputBuffer<A>::make(context, 0, x.type(), {count, channels, settings.height, settings.width}));
    int64_t at = 0;
    for (int64_t n = 0; n < count; ++n) {
      double box[4];  // left, top, right, bottom
      for (int k = 0; k < 4; ++k)
        box[k] = std::clamp(rois[n * 4 + k] * settings.scale - settings.shift, -1e6, 1e6);
      const AxisSamples rows = axis_samples(settings, box[1], box[3], settings.height, height),
                        columns = axis_samples(settings, box[0], box[2], settings.width, width);
      const A* plane = data.data() + items[static_cast<size_t>(n)] * channels * height * width;
      for (int64_t channel = 0; channel < channels; ++channel, plane += height * width)
        for (int64_t row = 0; row < settings.height; ++row)
          for (int64_t column = 0; column < settings.width; ++column)
            y[at++] = align_bin(settings, plane, width, rows.bin(row), columns.bin(column));
    }
    y.finish();
    return {};
  });
}

}  // namespace

void register_roi_pool(OperatorRegistry& registry) {
  registry.add(
      {"", "MaxRoiPool", {1, 22}, 2, 2, 1, 1, trait_none, infer_max_roi_pool, run_max_roi_pool, nullptr});
  registry.add(
      {"", "RoiAlign", {10, 16, 22}, 3, 3, 1, 1, trait_none, infer_roi_align, run_roi_align, nullptr});
}

}  // namespace lathe
