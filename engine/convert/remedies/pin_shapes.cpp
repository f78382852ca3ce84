// SPDX-License-Identifier: Apache-2.0
// pin_shapes: an input's open sizes become fixed, and with them every size that bears the same name.
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

Result<std::string> pin(RemedyContext& context) {
  Graph& graph = context.model.graph;
  const auto id = graph.find_value(context.step.subject);
  if (!id || !graph.value(*id).is_input) return usage_error("", "there is no such input");
  const TypeInfo declared = graph.value(*id).type;
  if (!declared.is_tensor()) return usage_error("", "the input is no tensor");
  const auto suggested = context.shapes.find(context.step.subject);
  std::string why = "as asked";
  if (!context.step.shape) {
    if (suggested == context.shapes.end())
      return usage_error("", "no one shape can be told: give it as \"shape\"");
    context.step.shape = suggested->second.shape;
  }
  const Shape& shape = *context.step.shape;
  if (suggested != context.shapes.end() && suggested->second.shape == shape) why = suggested->second.why();
  const Dims dims = declared.dims.value_or(Dims(shape.size()));
  if (dims.size() != shape.size())
    return usage_error(
        "", "the input has rank " + std::to_string(dims.size()) + ", the shape is " + to_string(shape));
  std::map<std::string, Dim> bound;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const bool fixed = declared.dims && dims[axis].known();
    if (fixed && dims[axis].value() != shape[axis])
      return usage_error("", "axis " + std::to_string(axis) + " is " + dims[axis].text() +
                                 " in the model, the shape is " + to_string(shape));
    if (!dims[axis].known()) bound.try_emplace(dims[axis].text(), Dim(shape[axis]));
  }
  GraphEditor editor(graph);
  std::string with;
  for (const ValueId input : std::vector(graph.inputs())) {
    TypeInfo type = graph.value(input).type;
    if (input == *id) type.dims = to_dims(shape);
    if (!type.is_tensor() || !type.dims) continue;
    bool changed = false;
    for (Dim& dim : *type.dims)
      if (const auto found = bound.find(dim.text()); !dim.known() && found != bound.end()) {
        dim = found->second;
        changed = true;
      }
    if (changed) with += ", with it " + graph.value(input).name + " to " + to_string(*type.dims);
    editor.set_type(input, std::move(type));
  }
  return "pinned " + context.step.subject + " to " + to_string(shape) + " (" + why + ")" + with;
}

}  // namespace

void register_pin_shapes(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::pin_shapes, true, true, input_subjects, pin});
}

}  // namespace lathe
