// SPDX-License-Identifier: Apache-2.0
// Inputs of a run: seeded random data where none is given, and checks of what is given.
#include <algorithm>
#include <random>

#include "engine/base/strings.h"
#include "engine/runtime/runnable.h"

namespace lathe {
namespace {

std::vector<std::string> input_names(const Model& model) {
  std::vector<std::string> names;
  for (const ValueId id : model.graph.inputs()) names.push_back(model.graph.value(id).name);
  return names;
}

std::string declared_text(const Value& value) {
  return to_string(value.type);
}

/// Table size a Gather with this input as indices reads from: random indices stay below it. 0 when unknown.
int64_t index_bound(const Graph& graph, ValueId id, int depth) {
  int64_t bound = 0;
  for (const NodeId consumer : graph.value(id).consumers) {
    const Node& node = graph.node(consumer);
    int64_t found = 0;
    if (node.op_type == "Gather" && node.inputs.size() > 1 && node.inputs[1] == id) {
      const TypeInfo& table = graph.value(node.inputs[0]).type;
      const Tensor* constant = graph.constant(node.inputs[0]);
      const auto axis = static_cast<size_t>(std::max<int64_t>(node.attributes.get_int("axis", 0), 0));
      if (constant != nullptr && axis < constant->rank())
        found = constant->dim(axis);
      else if (table.dims && axis < table.dims->size() && (*table.dims)[axis].known())
        found = (*table.dims)[axis].value();
    } else if (depth < 3 &&
               (node.op_type == "Cast" || node.op_type == "Reshape" || node.op_type == "Unsqueeze") &&
               node.outputs[0].valid()) {
      found = index_bound(graph, node.outputs[0], depth + 1);
    }
    if (found > 0) bound = bound == 0 ? found : std::min(bound, found);
  }
  return bound;
}

void fill_random(Tensor& tensor, int64_t bound, std::mt19937_64& random) {
  visit_float(tensor.type(), [&](auto zero) {
    using T = decltype(zero);
    std::normal_distribution<float> normal;
    for (T& element : tensor.mutable_data<T>()) element = static_cast<T>(normal(random));
  });
  visit_type<int64_t, int32_t, int16_t, int8_t, uint8_t, uint16_t, uint32_t, uint64_t>(
      tensor.type(), [&](auto zero) {
        using T = decltype(zero);
        std::uniform_int_distribution<int64_t> uniform(
            0, std::max<int64_t>(std::min<int64_t>(bound, 100), 2) - 1);
        for (T& element : tensor.mutable_data<T>()) element = static_cast<T>(uniform(random));
      });
  if (tensor.type() == ElementType::boolean)
    for (bool& element : tensor.mutable_data<bool>()) element = false;
}

Result<Shape> concrete_shape(const Value& value, const std::map<std::string, Shape>& shapes) {
  const auto given = shapes.find(value.name);
  const std::optional<Dims>& dims = value.type.dims;
  if (given != shapes.end()) {
    if (dims && dims->size() != given->second.size())
      return usage_error(
          "input '" + value.name + "'",
          "has rank " + std::to_string(dims->size()) + ", the shape given is " + to_string(given->second));
    for (size_t i = 0; dims && i < dims->size(); ++i)
      if ((*dims)[i].known() && (*dims)[i].value() != given->second[i])
        return usage_error("input '" + value.name + "'",
                           "axis " + std::to_string(i) + " is " + (*dims)[i].text() +
                               " in the model, the shape given is " + to_string(given->second));
    return given->second;
  }
  if (!dims)
    return usage_error("input '" + value.name + "'", "has no known rank")
        .hint("give its shape: --shape " + value.name + "=1x3x224x224");
  Shape shape;
  for (const Dim& dim : *dims) shape.push_back(dim.known() ? dim.value() : 1);
  return shape;
}

}  // namespace

Result<NamedValues> random_inputs(const Model& model, const std::map<std::string, Shape>& shapes,
                                  const NamedValues& given, uint64_t seed) {
  const std::vector<std::string> names = input_names(model);
  for (const auto& [name, shape] : shapes)
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      Error error = usage_error("input '" + name + "'", "is no input of the model");
      const std::string nearest = nearest_name(name, names);
      return error.hint(nearest.empty() ? "inputs: " + join(names, ", ") : "did you mean '" + nearest + "'?");
    }
  NamedValues values = given;
  uint64_t position = 0;
  for (const ValueId id : model.graph.inputs()) {
    const Value& value = model.graph.value(id);
    ++position;
    if (values.contains(value.name)) continue;
    if (!value.type.is_tensor())
      return usage_error("input '" + value.name + "'",
                         "is a " + declared_text(value) + " and has to be given");
    LATHE_ASSIGN(Shape shape, concrete_shape(value, shapes));
    LATHE_ASSIGN(Tensor tensor, Tensor::allocate(value.type.element, std::move(shape)));
    std::mt19937_64 random(seed * 1000003 + position);
    fill_random(tensor, index_bound(model.graph, id, 0), random);
    values[value.name] = RuntimeValue(std::move(tensor));
  }
  return values;
}

Status check_inputs(const Model& model, const NamedValues& inputs) {
  const std::vector<std::string> names = input_names(model);
  for (const auto& [name, value] : inputs)
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      Error error = usage_error("input '" + name + "'", "is no input of the model");
      const std::string nearest = nearest_name(name, names);
      return error.hint(nearest.empty() ? "inputs: " + join(names, ", ") : "did you mean '" + nearest + "'?");
    }
  for (const ValueId id : model.graph.inputs()) {
    const Value& value = model.graph.value(id);
    const auto given = inputs.find(value.name);
    if (given == inputs.end())
      return usage_error("input '" + value.name + "'", "is missing: it is a " + declared_text(value));
    if (!value.type.is_tensor()) continue;
    if (!given->second.is_tensor())
      return usage_error("input '" + value.name + "'",
                         "is not a tensor: it should be a " + declared_text(value));
    const Tensor& tensor = given->second.tensor;
    const std::string got = std::string(to_string(tensor.type())) + "[" + to_string(tensor.shape()) + "]";
    const Error mismatch = usage_error("input '" + value.name + "'",
                                       "is " + got + " but the model wants " + declared_text(value));
    if (value.type.element != ElementType::undefined && tensor.type() != value.type.element) return mismatch;
    if (!value.type.dims) continue;
    if (value.type.dims->size() != tensor.rank()) return mismatch;
    for (size_t axis = 0; axis < tensor.rank(); ++axis)
      if ((*value.type.dims)[axis].known() && (*value.type.dims)[axis].value() != tensor.dim(axis))
        return mismatch;
  }
  return {};
}

}  // namespace lathe
