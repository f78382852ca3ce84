// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/input_dims.h"

#include <algorithm>

#include "engine/base/strings.h"

namespace lathe {
namespace {

/// Declared dims of an input with the configured opt sizes in place; fixed axes must agree.
Result<Dims> configured_dims(const Value& input, const ShapeRange& range) {
  const std::string where = "input '" + input.name + "'";
  Dims dims = input.type.dims.value_or(Dims(range.opt.size()));
  if (range.opt.size() > dims.size() || (range.pinned() && range.opt.size() != dims.size()))
    return usage_error(
        where, "has rank " + std::to_string(dims.size()) + ", the shape given is " + to_string(range.opt));
  for (size_t axis = 0; axis < range.opt.size(); ++axis) {
    if (range.opt[axis] < 0) continue;
    if (dims[axis].known() && input.type.dims && dims[axis].value() != range.opt[axis])
      return usage_error(where, "axis " + std::to_string(axis) + " is " + dims[axis].text() +
                                    " in the model, the shape given is " + to_string(range.opt));
    dims[axis] = Dim(range.opt[axis]);
  }
  return dims;
}

}  // namespace

Status check_configured_inputs(const Model& model, const Configuration& configuration) {
  std::vector<std::string> names;
  for (const ValueId id : model.graph.inputs()) names.push_back(model.graph.value(id).name);
  const auto check = [&](const std::string& name) -> Status {
    if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    Error error = usage_error("input '" + name + "'", "is no input of the model");
    const std::string nearest = nearest_name(name, names);
    return error.hint(nearest.empty() ? "inputs: " + join(names, ", ") : "did you mean '" + nearest + "'?");
  };
  for (const auto& [name, shape] : configuration.input_shapes) LATHE_TRY(check(name));
  for (const auto& [name, axes] : configuration.dynamic_axes) LATHE_TRY(check(name));
  return {};
}

/// A symbol that one input's shape pins is pinned in the others that bear it too.
Result<InputDims> opt_dims(const Model& model, const Configuration& configuration) {
  InputDims opt;
  std::map<std::string, Dim> bound;
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    const auto range = configuration.range(input.name);
    if (!input.type.is_tensor() || !range) continue;
    LATHE_ASSIGN(Dims dims, configured_dims(input, *range));
    for (size_t axis = 0; input.type.dims && axis < dims.size(); ++axis)
      if (!(*input.type.dims)[axis].known() && dims[axis].known())
        bound.try_emplace((*input.type.dims)[axis].text(), dims[axis]);
    opt[input.name] = std::move(dims);
  }
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    if (!input.type.is_tensor() || !input.type.dims || bound.empty()) continue;
    Dims dims = opt.contains(input.name) ? opt[input.name] : *input.type.dims;
    for (Dim& dim : dims)
      if (const auto found = bound.find(dim.text()); !dim.known() && found != bound.end())
        dim = found->second;
    opt[input.name] = std::move(dims);
  }
  return opt;
}

std::map<std::string, ShapeBounds> shape_bounds(const Model& model, const Configuration& configuration,
                                                const InputDims& opt) {
  std::map<std::string, ShapeBounds> bounds;
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    const auto found = opt.find(input.name);
    if (found == opt.end() || !is_static(found->second)) continue;
    ShapeBounds allowed{to_shape(found->second), to_shape(found->second)};
    if (const auto range = configuration.range(input.name))
      for (size_t axis = 0; axis < range->min.size(); ++axis) {
        if (range->min[axis] >= 0) allowed.min[axis] = range->min[axis];
        if (range->max[axis] >= 0) allowed.max[axis] = range->max[axis];
      }
    bounds[input.name] = std::move(allowed);
  }
  return bounds;
}

}  // namespace lathe
