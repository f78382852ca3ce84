// SPDX-License-Identifier: Apache-2.0
// Resize and Upsample.
#include <cmath>
#include <numeric>

#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/resize_geometry.h"

namespace lathe {
namespace {

/// Which inputs hold what; -1: none.
struct ResizeInputs {
  int roi = -1, scales = -1, sizes = -1;
};

ResizeInputs input_roles(const Node& node) {
  if (node.op_type == "Upsample") return {-1, node.version >= 9 ? 1 : -1, -1};
  return node.version >= 11 ? ResizeInputs{1, 2, 3} : ResizeInputs{-1, 1, -1};
}

/// Upsample of versions 1 and 7 keeps its scales in attributes.
std::vector<float> attribute_scales(const Node& node, size_t rank) {
  if (node.op_type != "Upsample" || node.version >= 9) return {};
  if (node.version >= 7) return node.attributes.get_floats("scales");
  std::vector<float> scales(rank, 1.0f);
  if (rank >= 2) {
    scales[rank - 2] = node.attributes.get_float("height_scale", 1);
    scales[rank - 1] = node.attributes.get_float("width_scale", 1);
  }
  return scales;
}

std::vector<float> floats_of(const Tensor* tensor) {
  std::vector<float> out;
  if (tensor == nullptr || tensor->type() == ElementType::string) return out;
  for (const double value : tensor->to_double()) out.push_back(static_cast<float>(value));
  return out;
}

/// floor(dim * scale) where the scale is a small fraction; else a symbol of its own.
Dim scaled_dim(const Dim& dim, float scale) {
  if (dim.known()) return Dim(scaled_size(dim.value(), scale));
  for (int64_t denominator = 1; denominator <= 16; ++denominator) {
    const float numerator = scale * static_cast<float>(denominator);
    if (numerator == std::floor(numerator) && numerator < 1e6f)
      return dim_floor_div(dim * Dim(static_cast<int64_t>(numerator)), denominator);
  }
  return dim_function("scaled_by_" + std::to_string(scale), {dim});
}

/// Output dims where only symbolic sizes or scales are there.
Status infer_symbolic(InferContext& context, const ResizeSettings& settings, const Dims& x,
                      std::span<const float> scales, const std::vector<Dim>* sizes) {
  const bool crop = settings.coordinates == ResizeSettings::Coordinates::tf_crop_and_resize;
  const bool stretch = settings.aspect_ratio == ResizeSettings::AspectRatio::stretch;
  Dims output = x;
  for (size_t i = 0; i < settings.axes.size(); ++i) {
    Dim& dim = output[static_cast<size_t>(settings.axes[i])];
    if (sizes != nullptr && sizes->size() == settings.axes.size() && stretch)
      dim = (*sizes)[i];
    else if (scales.size() == settings.axes.size() && !crop)
      dim = scaled_dim(dim, scales[i]);
    else
      dim = context.unknown_dim();
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

Status infer_resize(InferContext& context) {
  const Dims* x = context.dims(0);
  if (x == nullptr) {
    context.set_tensor(0, context.element(0), std::nullopt);
    return {};
  }
  const Node& node = context.node();
  LATHE_ASSIGN(const ResizeSettings settings, read_resize(node, x->size()));
  const ResizeInputs roles = input_roles(node);
  const auto constant = [&](int i) {
    return i >= 0 && context.has_input(static_cast<size_t>(i)) ? context.constant(static_cast<size_t>(i))
                                                               : nullptr;
  };
  std::vector<float> scales = attribute_scales(node, x->size());
  if (roles.scales >= 0) scales = floats_of(constant(roles.scales));
  const std::vector<Dim>* sizes = roles.sizes >= 0 && context.has_input(3) ? context.contents(3) : nullptr;
  if (sizes != nullptr && sizes->empty()) sizes = nullptr;
  const bool sizes_known = sizes != nullptr && is_static(*sizes);
  const std::vector<float> roi = floats_of(constant(roles.roi));
  const bool roi_known = settings.coordinates != ResizeSettings::Coordinates::tf_crop_and_resize ||
                         roi.size() == 2 * settings.axes.size();
  if (is_static(*x) && roi_known && (sizes_known || !scales.empty())) {
    LATHE_ASSIGN(const auto axes,
                 resolve_resize(node, settings, to_shape(*x), sizes ? std::vector<float>() : scales,
                                sizes ? to_shape(*sizes) : Shape(), roi));
    Dims output;
    for (const ResizeAxis& axis : axes) output.emplace_back(axis.output);
    context.set_tensor(0, context.element(0), std::move(output));
    return {};
  }
  return infer_symbolic(context, settings, *x, scales, sizes);
}

/// data [outer, axis, inner] -> [outer, output, inner], every output element a weighted sum along the axis.
template <class A>
std::vector<A> resample(const std::vector<A>& data, const ResizeAxis& axis, const ResizeTaps& taps,
                        int64_t outer, int64_t inner, A extrapolation) {
  std::vector<A> out(static_cast<size_t>(outer * axis.output * inner));
  for (int64_t row = 0; row < outer * axis.output; ++row) {
    const A* source = data.data() + row / axis.output * axis.input * inner;
    A* target = out.data() + row * inner;
    const auto contributions = taps.at(row % axis.output);
    if (contributions.empty()) std::fill_n(target, inner, extrapolation);
    for (const ResizeTaps::Tap& tap : contributions)
      for (int64_t i = 0; i < inner; ++i)
        target[i] += static_cast<A>(tap.weight) * source[tap.index * inner + i];
  }
  return out;
}

bool unchanged(const ResizeSettings& settings, const ResizeAxis& axis) {
  return axis.input == axis.output && axis.scale == 1 &&
         settings.coordinates != ResizeSettings::Coordinates::tf_crop_and_resize &&
         settings.coordinates != ResizeSettings::Coordinates::tf_half_pixel_for_nn;
}

template <class A>
Status run_weighted(RunContext& context, const ResizeSettings& settings, const std::vector<ResizeAxis>& axes,
                    Shape output) {
  const Tensor& x = context.tensor(0);
  const Operand<A> operand(x);
  std::vector<A> data(operand.data(), operand.data() + x.count());
  Shape shape = x.shape();
  // Extrapolation holds for an element that is outside on any axis: apply it after all interpolation.
  std::vector<ResizeTaps> taps(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    if (unchanged(settings, axes[i])) continue;
    taps[i] = make_taps(settings, axes[i]);
    const int64_t outer = element_count(std::span(shape).first(i)),
                  inner = element_count(std::span(shape).subspan(i + 1));
    data = resample(data, axes[i], taps[i], outer, inner, A(0));
    shape[i] = axes[i].output;
  }
  const auto extrapolation = static_cast<A>(settings.extrapolation);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t inner = element_count(std::span(shape).subspan(i + 1));
    if (taps[i].first.size() == 1) continue;
    for (int64_t row = 0; row < static_cast<int64_t>(data.size()) / std::max<int64_t>(1, inner); ++row)
      if (taps[i].at(row % shape[i]).empty()) std::fill_n(data.data() + row * inner, inner, extrapolation);
  }
  if (is_integer(x.type()))
    for (A& value : data) value = std::trunc(value);
  LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), std::move(output)));
  std::copy(data.begin(), data.end(), y.data());
  y.finish();
  return {};
}

/// Nearest neighbours are copied, whatever the element type.
Status run_nearest(RunContext& context, const ResizeSettings& settings, const std::vector<ResizeAxis>& axes,
                   Shape output) {
  const Tensor& x = context.tensor(0);
  if (x.type() == ElementType::string) return context.type_error(x.type());
  const size_t size = element_size(x.type());
  std::vector<std::vector<int64_t>> offsets;
  const std::vector<int64_t> strides = row_major_strides(x.shape());
  for (size_t i = 0; i < axes.size(); ++i) {
    const ResizeTaps taps = make_taps(settings, axes[i]);
    std::vector<int64_t>& axis = offsets.emplace_back();
    for (int64_t o = 0; o < axes[i].output; ++o) axis.push_back(taps.at(o)[0].index * strides[i]);
  }
  LATHE_ASSIGN(Tensor * y, context.output(0, x.type(), output));
  std::vector<size_t> at(output.size(), 0);
  std::byte* target = y->mutable_raw();
  for (int64_t i = 0; i < y->count(); ++i, target += size) {
    int64_t offset = 0;
    for (size_t axis = 0; axis < at.size(); ++axis) offset += offsets[axis][at[axis]];
    std::copy_n(x.raw() + static_cast<size_t>(offset) * size, size, target);
    for (size_t axis = at.size(); axis-- > 0;) {
      if (++at[axis] < offsets[axis].size()) break;
      at[axis] = 0;
    }
  }
  return {};
}

Status run_resize(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Tensor& x = context.tensor(0);
  const Node& node = context.node();
  LATHE_ASSIGN(const ResizeSettings settings, read_resize(node, x.rank()));
  LATHE_ASSIGN(const auto axes, resize_axes(node, settings, x.shape(), [&](size_t i) -> const Tensor* {
                 return context.has_input(i) && context.value(i).is_tensor() ? &context.tensor(i) : nullptr;
               }));
  Shape output;
  for (const ResizeAxis& axis : axes) output.push_back(axis.output);
  const bool crop = settings.coordinates == ResizeSettings::Coordinates::tf_crop_and_resize;
  if (settings.mode == ResizeSettings::Mode::nearest && !crop)
    return run_nearest(context, settings, axes, output);
  if (x.type() == ElementType::f64 || element_bits(x.type()) >= 32)
    return x.type() == ElementType::f32 ? run_weighted<float>(context, settings, axes, output)
                                        : run_weighted<double>(context, settings, axes, output);
  if (!is_integer(x.type()) && x.type() != ElementType::f16 && x.type() != ElementType::bf16)
    return context.type_error(x.type());
  return run_weighted<float>(context, settings, axes, output);
}

/// Nearest neighbours are copies and count nothing.
int64_t resize_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  const std::string mode = node.attributes.get_string("mode", "nearest");
  if (mode == "nearest") return 0;
  const int64_t taps = mode == "cubic" ? 4 : 2;
  int64_t resized = 0;
  for (size_t i = 0; i < inputs[0].size() && i < outputs[0].size(); ++i)
    resized += inputs[0][i] != outputs[0][i];
  return 2 * taps * resized * element_count(outputs[0]);
}

}  // namespace

Result<std::vector<ResizeAxis>> resize_axes(const Node& node, const ResizeSettings& settings, const Shape& x,
                                            const std::function<const Tensor*(size_t)>& input) {
  const ResizeInputs roles = input_roles(node);
  const auto given = [&](int role) { return role >= 0 ? input(static_cast<size_t>(role)) : nullptr; };
  const std::vector<float> scales =
      roles.scales >= 0 ? floats_of(given(roles.scales)) : attribute_scales(node, x.size());
  const Tensor* sizes = given(roles.sizes);
  return resolve_resize(node, settings, x, scales,
                        sizes != nullptr ? sizes->to_int64() : std::vector<int64_t>(),
                        floats_of(given(roles.roi)));
}

void register_resize(OperatorRegistry& registry) {
  registry.add(
      {"", "Resize", {10, 11, 13, 18, 19}, 1, 4, 1, 1, trait_none, infer_resize, run_resize, resize_flops});
  registry.add(
      {"", "Upsample", {1, 7, 9, 10}, 1, 2, 1, 1, trait_none, infer_resize, run_resize, resize_flops});
}

}  // namespace lathe
