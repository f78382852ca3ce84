// SPDX-License-Identifier: Apache-2.0
// GridSample and AffineGrid, for any number of spatial axes.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/matrix_product.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

struct GridSettings {
  enum class Mode { linear, nearest, cubic } mode = Mode::linear;
  enum class Padding { zeros, border, reflection } padding = Padding::zeros;
  bool align_corners = false;
};

Result<GridSettings> read_grid(const Node& node) {
  GridSettings settings;
  const std::string mode = node.attributes.get_string("mode", "linear");
  const std::string padding = node.attributes.get_string("padding_mode", "zeros");
  if (mode == "nearest")
    settings.mode = GridSettings::Mode::nearest;
  else if (mode == "cubic" || mode == "bicubic")
    settings.mode = GridSettings::Mode::cubic;
  else if (mode != "linear" && mode != "bilinear")
    return node_error(node, "mode is '" + mode + "', which is not known");
  if (padding == "border")
    settings.padding = GridSettings::Padding::border;
  else if (padding == "reflection")
    settings.padding = GridSettings::Padding::reflection;
  else if (padding != "zeros")
    return node_error(node, "padding_mode is '" + padding + "', which is not known");
  settings.align_corners = node.attributes.get_int("align_corners", 0) != 0;
  return settings;
}

Status infer_grid_sample(InferContext& context) {
  const Dims *x = context.dims(0), *grid = context.dims(1);
  std::optional<Dims> output;
  if (x != nullptr && grid != nullptr) {
    if (x->size() < 3 || grid->size() != x->size())
      return node_error(context.node(), "has an input " + to_string(*x) + " and a grid " + to_string(*grid) +
                                            ", which do not fit");
    output = Dims{(*x)[0], (*x)[1]};
    output->insert(output->end(), grid->begin() + 1, grid->end() - 1);
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

/// Input positions along one axis with their weights; index -1 reads zero.
struct AxisTaps {
  int count = 0;
  std::array<int64_t, 4> index{};
  std::array<double, 4> weight{};
};

class AxisSampler {
 public:
  AxisSampler(const GridSettings& settings, int64_t size)
      : settings_(settings),
        size_(size),
        low_(settings.align_corners ? 0 : -0.5),
        high_(static_cast<double>(size) - (settings.align_corners ? 1 : 0.5)) {}

  /// `normalised` runs from -1 to 1 over the axis.
  AxisTaps taps(double normalised) const {
    const auto size = static_cast<double>(size_);
    double x =
        settings_.align_corners ? (normalised + 1) / 2 * (size - 1) : ((normalised + 1) * size - 1) / 2;
    x = std::isnan(x) ? -1 : std::clamp(x, -0x1p40, 0x1p40);
    if (settings_.mode == GridSettings::Mode::nearest) x = std::nearbyint(x);
    // Of a cubic each tap is moved to the border, not the position: as in PyTorch and ONNX Runtime.
    if (settings_.padding == GridSettings::Padding::border && settings_.mode != GridSettings::Mode::cubic)
      x = std::clamp(x, 0.0, size - 1);
    if ((x < low_ || x > high_) && settings_.padding == GridSettings::Padding::reflection) x = reflect(x);
    AxisTaps taps;
    const double floor = std::floor(x), t = x - floor;
    const auto add = [&](double position, double weight) {
      taps.index[static_cast<size_t>(taps.count)] = resolve(position);
      taps.weight[static_cast<size_t>(taps.count++)] = weight;
    };
    switch (settings_.mode) {
      case GridSettings::Mode::nearest:
        add(std::nearbyint(x), 1);
        break;
      case GridSettings::Mode::linear:
        add(floor, 1 - t);
        add(floor + 1, t);
        break;
      case GridSettings::Mode::cubic:
        for (int i = -1; i <= 2; ++i) add(floor + i, cubic(std::abs(t - i)));
        break;
    }
    return taps;
  }

 private:
  static double cubic(double x) {
    constexpr double a = -0.75;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  }
  double reflect(double x) const {
    const double range = high_ - low_;
    if (range <= 0) return 0;
    const double beyond = x < low_ ? low_ - x : x > high_ ? x - high_ : -1;
    if (beyond < 0) return x;
    const double times = std::floor(beyond / range), rest = beyond - times * range;
    const bool even = std::fmod(times, 2) == 0;
    return (x < low_) == even ? low_ + rest : high_ - rest;
  }
  int64_t resolve(double position) const {
    const auto last = static_cast<double>(size_ - 1);
    if (position >= 0 && position <= last) return static_cast<int64_t>(position);
    switch (settings_.padding) {
      case GridSettings::Padding::zeros:
        return -1;
      case GridSettings::Padding::border:
        break;
      case GridSettings::Padding::reflection:
        position = reflect(position);
        break;
    }
    return static_cast<int64_t>(std::clamp(position, 0.0, last));
  }
  const GridSettings& settings_;
  int64_t size_;
  double low_, high_;
};

/// Weighted sum over all combinations of the axes' taps.
template <class A>
double interpolate(const A* plane, std::span<const AxisTaps> taps, std::span<const int64_t> spatial,
                   size_t axis, int64_t offset) {
  if (axis == taps.size()) return plane[offset];
  double sum = 0;
  for (int i = 0; i < taps[axis].count; ++i) {
    const auto k = static_cast<size_t>(i);
    if (taps[axis].index[k] < 0 || taps[axis].weight[k] == 0) continue;
    sum += taps[axis].weight[k] *
           interpolate(plane, taps, spatial, axis + 1, offset * spatial[axis] + taps[axis].index[k]);
  }
  return sum;
}

Status run_grid_sample(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  LATHE_TRY(check_rank(context, 1, -1, "grid"));
  LATHE_ASSIGN(const GridSettings settings, read_grid(context.node()));
  const Tensor &x = context.tensor(0), &grid = context.tensor(1);
  const size_t rank = x.rank() - 2;
  if (x.rank() < 3 || grid.rank() != x.rank() || grid.dim(0) != x.dim(0) ||
      grid.shape().back() != static_cast<int64_t>(rank) || !is_float(grid.type()))
    return context.error("has an input " + to_string(x.shape()) + " and a grid " + to_string(grid.shape()) +
                         ", which do not fit");
  const Shape spatial(x.shape().begin() + 2, x.shape().end());
  Shape output{x.dim(0), x.dim(1)};
  output.insert(output.end(), grid.shape().begin() + 1, grid.shape().end() - 1);
  const int64_t plane = element_count(spatial), positions = element_count(std::span(output).subspan(2));
  if (plane == 0 && positions > 0) return context.error("cannot sample an empty input");
  const auto body = [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x);
    const Operand<double> coordinates(grid);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), output));
    std::vector<AxisSampler> samplers;
    for (const int64_t size : spatial) samplers.emplace_back(settings, size);
    std::vector<AxisTaps> taps(rank);
    for (int64_t i = 0; i < x.dim(0) * positions; ++i) {
      // The grid's last axis runs from the innermost spatial axis to the outermost.
      for (size_t axis = 0; axis < rank; ++axis)
        taps[axis] = samplers[axis].taps(
            coordinates[i * static_cast<int64_t>(rank) + static_cast<int64_t>(rank - 1 - axis)]);
      for (int64_t channel = 0; channel < x.dim(1); ++channel) {
        const int64_t row = i / positions * x.dim(1) + channel;
        y[row * positions + i % positions] =
            static_cast<A>(interpolate(data.data() + row * plane, taps, spatial, 0, 0));
      }
    }
    y.finish();
    return {};
  };
  if (is_integer(x.type())) return body(double{});
  return compute_float(context, x.type(), body);
}

int64_t grid_sample_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  const auto settings = read_grid(node);
  if (!settings.ok() || inputs[0].size() < 2) return 0;
  const int64_t per_axis = settings->mode == GridSettings::Mode::cubic    ? 4
                           : settings->mode == GridSettings::Mode::linear ? 2
                                                                          : 1;
  int64_t taps = 2;
  for (size_t i = 2; i < inputs[0].size(); ++i) taps *= per_axis;
  return taps * element_count(outputs[0]);
}

Status infer_affine_grid(InferContext& context) {
  const std::vector<Dim>* size = context.contents(1);
  std::optional<Dims> output;
  if (size != nullptr) {
    if (size->size() < 3)
      return node_error(context.node(), "has a size of " + std::to_string(size->size()) + " numbers");
    output = Dims{(*size)[0]};
    output->insert(output->end(), size->begin() + 2, size->end());
    output->push_back(Dim(static_cast<int64_t>(size->size() - 2)));
  } else if (const Dims* theta = context.dims(0);
             theta != nullptr && theta->size() == 3 && (*theta)[1].known()) {
    output = Dims{(*theta)[0]};
    for (int64_t i = 0; i < std::min<int64_t>((*theta)[1].value(), 8); ++i)
      output->push_back(context.unknown_dim());
    output->push_back((*theta)[1]);
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

Status run_affine_grid(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 3, "theta"));
  LATHE_TRY(check_rank(context, 1, 1, "size"));
  const Tensor& theta = context.tensor(0);
  const std::vector<int64_t> size = context.tensor(1).to_int64();
  const auto rank = static_cast<int64_t>(size.size()) - 2;
  if (rank < 1 || theta.shape() != Shape{size[0], rank, rank + 1})
    return context.error("has theta of shape " + to_string(theta.shape()) + " for the size " +
                         to_string(size));
  Shape output{size[0]};
  output.insert(output.end(), size.begin() + 2, size.end());
  output.push_back(rank);
  const Shape spatial(size.begin() + 2, size.end());
  const bool align = context.attributes().get_int("align_corners", 0) != 0;
  return compute_float(context, theta.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> matrix(theta);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, theta.type(), output));
    const int64_t positions = element_count(spatial);
    std::vector<double> base(static_cast<size_t>(rank) + 1, 1);
    for (int64_t i = 0; i < size[0] * positions; ++i) {
      int64_t rest = i % positions;
      for (size_t axis = spatial.size(); axis-- > 0; rest /= spatial[axis]) {
        const auto index = static_cast<double>(rest % spatial[axis]), n = static_cast<double>(spatial[axis]);
        base[spatial.size() - 1 - axis] =
            align ? (n > 1 ? -1 + 2 * index / (n - 1) : 0) : (2 * index + 1) / n - 1;
      }
      for (int64_t row = 0; row < rank; ++row) {
        double sum = 0;
        for (int64_t k = 0; k <= rank; ++k)
          sum += matrix[(i / positions * rank + row) * (rank + 1) + k] * base[static_cast<size_t>(k)];
        y[i * rank + row] = static_cast<A>(sum);
      }
    }
    y.finish();
    return {};
  });
}

}  // namespace

void register_grid_sample(OperatorRegistry& registry) {
  registry.add({"",
                "GridSample",
                {16, 20, 22},
                2,
                2,
                1,
                1,
                trait_none,
                infer_grid_sample,
                run_grid_sample,
                grid_sample_flops});
  registry.add({"", "AffineGrid", {20}, 2, 2, 1, 1, trait_none, infer_affine_grid, run_affine_grid, nullptr});
}

}  // namespace lathe
