// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/suggest_shapes.h"

#include <algorithm>

#include "engine/ops/inference.h"

namespace lathe {
namespace {

/// Sides of images and lengths of sequences that networks are usually made for, in the order they are tried.
constexpr int64_t usual_sides[] = {224, 256, 640, 512, 384, 96, 64, 32, 28, 16, 8};
constexpr int64_t usual_lengths[] = {128, 64, 32, 16, 8, 4, 2};

using InputDims = std::map<std::string, Dims>;

/// Inputs that are tensors of known rank with their dims as far as they are settled.
InputDims open_inputs(const Model& model, const InputDims& known) {
  InputDims open;
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    if (!input.type.is_tensor() || !input.type.dims) continue;
    const auto settled = known.find(input.name);
    const Dims& dims = settled == known.end() ? *input.type.dims : settled->second;
    if (!is_static(dims)) open[input.name] = dims;
  }
  return open;
}

/// The shape that all samples have; nullopt where they differ or leave the input out.
std::optional<Shape> common_shape(const std::string& name, const Dims& dims,
                                  const std::vector<NamedValues>& samples) {
  std::optional<Shape> common;
  for (const NamedValues& sample : samples) {
    const auto found = sample.find(name);
    if (found == sample.end() || !found->second.is_tensor()) return std::nullopt;
    const Shape& shape = found->second.tensor.shape();
    if (shape.size() != dims.size() || (common && *common != shape)) return std::nullopt;
    common = shape;
  }
  return common;
}

/// The usual size of one open axis, for the given try.
int64_t usual_size(const Dims& dims, size_t axis, size_t attempt) {
  if (axis == 0) return 1;
  if (dims.size() == 4) return axis == 1 ? 3 : usual_sides[attempt % std::size(usual_sides)];
  return dims.size() == 3 && !dims[1].known() && !dims[2].known()
             ? usual_sides[attempt % std::size(usual_sides)]
             : usual_lengths[attempt % std::size(usual_lengths)];
}

/// Open sizes filled in; an axis that shares its symbol with another gets the same.
InputDims filled(const InputDims& open, size_t attempt) {
  InputDims made = open;
  std::map<std::string, Dim> chosen;
  // Images first: what is as large as they are takes their size.
  for (const bool images : {true, false})
    for (auto& [name, dims] : made) {
      if ((dims.size() == 4) != images) continue;
      const Dims before = dims;
      for (size_t axis = 0; axis < dims.size(); ++axis)
        if (!before[axis].known())
          dims[axis] =
              chosen.try_emplace(before[axis].text(), Dim(usual_size(before, axis, attempt))).first->second;
    }
  return made;
}

bool consistent(const Model& model, const InputDims& known, const InputDims& candidate) {
  InferenceOptions options;
  options.input_shapes = known;
  for (const auto& [name, dims] : candidate) options.input_shapes[name] = dims;
  const InferenceResult types = infer(model.graph, options);
  const auto contradicts = [](const Finding& finding) {
    return finding.severity == Severity::error && finding.code == "inconsistent";
  };
  return std::none_of(types.findings.begin(), types.findings.end(), contradicts);
}

}  // namespace

std::string SuggestedShape::why() const {
  return assumed ? "no data tells its size: a usual one is assumed" : "the shape of the data's samples";
}

std::map<std::string, SuggestedShape> suggest_shapes(const Model& model,
                                                     const std::map<std::string, Dims>& known,
                                                     const std::vector<NamedValues>& samples) {
  const InputDims open = open_inputs(model, known);
  std::map<std::string, SuggestedShape> suggested;
  if (!samples.empty()) {
    for (const auto& [name, dims] : open)
      if (auto shape = common_shape(name, dims, samples)) suggested[name] = {std::move(*shape), false};
    return suggested;
  }
  for (size_t attempt = 0; !open.empty() && attempt < std::size(usual_sides); ++attempt) {
    const InputDims candidate = filled(open, attempt);
    if (!consistent(model, known, candidate)) continue;
    for (const auto& [name, dims] : candidate) suggested[name] = {to_shape(dims), true};
    break;
  }
  return suggested;
}

}  // namespace lathe
