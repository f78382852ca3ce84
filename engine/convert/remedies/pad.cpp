// SPDX-License-Identifier: Apache-2.0
// pad: inputs smaller than the largest size are padded to it inside the model, and marked as padding in its
// mask. What comes after has one shape. A model may see padding a little: it is done only when asked.
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

class Padding {
 public:
  explicit Padding(RemedyContext& context) : context_(context), editor_(context.model.graph) {}

  Result<std::string> run() {
    const Graph& graph = context_.model.graph;
    const std::string& name = context_.step.subject;
    const auto image = graph.find_value(name);
    if (!image || !graph.value(*image).is_input) return usage_error("", "there is no such input");
    const std::string mask = mask_of(graph, name);
    if (mask.empty()) return usage_error("", "the model takes no mask that could mark the padding");
    LATHE_TRY(read_sizes(graph.value(*image)));
    LATHE_TRY(pad(*image, mask_value(ElementType::undefined)));
    const ValueId mask_id = *graph.find_value(mask);
    LATHE_TRY(pad(mask_id, mask_value(graph.value(mask_id).type.element)));
    return "pads '" + name + "' to " + to_string(*context_.step.shape) + " and marks the padding in '" +
           mask + "'";
  }

 private:
  Status read_sizes(const Value& input) {
    if (!context_.step.shape) {
      const auto suggested = context_.shapes.find(input.name);
      if (suggested == context_.shapes.end())
        return usage_error("", "the largest size is needed as \"shape\"");
      context_.step.shape = suggested->second.shape;
    }
    const Dims& dims = *input.type.dims;
    if (dims.size() != context_.step.shape->size())
      return usage_error("", "the input has rank " + std::to_string(dims.size()) + ", the shape is " +
                                 to_string(*context_.step.shape));
    for (size_t axis = 0; axis < dims.size(); ++axis) {
      const int64_t size = (*context_.step.shape)[axis];
      if (!dims[axis].known())
        largest_.try_emplace(dims[axis].text(), size);
      else if (dims[axis].value() != size)
        return usage_error("", "axis " + std::to_string(axis) + " is " + dims[axis].text() + " in the model");
    }
    return {};
  }

  /// Booleans mark padding, numbers mark what is no padding.
  static Tensor mask_value(ElementType type) {
    switch (type) {
      case ElementType::boolean:
        return Tensor::scalar(true);
      case ElementType::i64:
        return Tensor::scalar<int64_t>(0);
      case ElementType::i32:
        return Tensor::scalar<int32_t>(0);
      default:
        return Tensor::scalar(0.0F);
    }
  }

  Status pad(ValueId input, Tensor with) {
    const Value value = context_.model.graph.value(input);
    if (with.type() != value.type.element)
      return usage_error(
          "", "'" + value.name + "' holds " + to_string(value.type.element) + ", which is not padded here");
    const Dims& dims = *value.type.dims;
    std::vector<int64_t> sizes, zeros(dims.size(), 0);
    for (const Dim& dim : dims) {
      const auto found = largest_.find(dim.text());
      if (!dim.known() && found == largest_.end())
        return usage_error("", "'" + value.name + "' has an open size " + dim.text() + " of its own");
      sizes.push_back(dim.known() ? dim.value() : found->second);
    }
    const ValueId padded = editor_.add_value(value.name + "_padded");
    editor_.replace_uses(input, padded);
    const ValueId shape = add(value.name, "Shape", {input});
    const ValueId missing = add(value.name, "Sub", {list(value.name + "_largest", sizes), shape});
    const ValueId pads = add(value.name, "Concat", {list(value.name + "_before", zeros), missing});
    add(value.name, "Pad", {input, pads, editor_.add_constant(value.name + "_padding", std::move(with))},
        padded);
    return {};
  }

  ValueId list(const std::string& name, const std::vector<int64_t>& numbers) {
    return editor_.add_constant(name, Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())},
                                                            std::span<const int64_t>(numbers)));
  }
  ValueId add(const std::string& of, const char* op_type, std::vector<ValueId> inputs, ValueId output = {}) {
    Node node;
    node.name = of + "/" + op_type;
    node.op_type = op_type;
    node.version = context_.model.opsets[""];
    node.inputs = std::move(inputs);
    node.module = ModuleTree::root();
    if (node.op_type == "Concat") node.attributes.set("axis", int64_t{0});
    if (!output.valid()) output = editor_.add_value(node.name + "_output");
    node.outputs = {output};
    editor_.add_node(std::move(node));
    return output;
  }

  RemedyContext& context_;
  GraphEditor editor_;
  std::map<std::string, int64_t> largest_;  ///< by symbol
};

Result<std::string> pad_input(RemedyContext& context) {
  if (context.model.opsets[""] < 13) return usage_error("", "padding needs opset 13 or newer");
  return Padding(context).run();
}

}  // namespace

std::string mask_of(const Graph& graph, const std::string& input) {
  const auto id = graph.find_value(input);
  if (!id || !graph.value(*id).type.dims) return "";
  const Dims& image = *graph.value(*id).type.dims;
  for (const ValueId other : graph.inputs()) {
    const Value& value = graph.value(other);
    const ElementType type = value.type.element;
    const bool marks = type == ElementType::boolean || type == ElementType::i64 || type == ElementType::i32;
    if (other == *id || !marks || !value.type.dims || value.type.dims->size() < 2) continue;
    const Dims& dims = *value.type.dims;
    if (dims.size() > image.size()) continue;
    bool open = false, same = true;
    for (size_t back = 1; back < dims.size(); ++back) {
      const Dim& of_mask = dims[dims.size() - back];
      same = same && of_mask == image[image.size() - back];
      open = open || !of_mask.known();
    }
    if (same && open) return value.name;
  }
  return "";
}

void register_pad(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::pad, false, false, input_subjects, pad_input});
}

}  // namespace lathe
