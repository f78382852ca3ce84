// SPDX-License-Identifier: Apache-2.0
// approximate_operator: an operator gives way to one that computes nearly the same. What that costs is
// measured before it is kept (engine/convert/approximation_loss.h), so that it is done only when asked.
#include <algorithm>

#include "engine/convert/remedies/composer.h"
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

/// One node and what is known of it.
struct Place {
  GraphEditor& editor;
  const Node& node;
  const InferenceResult& types;
  int opset;

  Composer composer() const { return {editor, node, opset}; }
  Status replace(ValueId by) const {
    replace_node(editor, node.id, {by});
    return {};
  }
};

/// x * sigmoid(1.702 x); off by 0.02 at most.
Status gelu_by_sigmoid(const Place& place) {
  Composer c = place.composer();
  const ValueId scaled = c.add("Mul", {c.input(), c.number(1.702F)});
  return place.replace(c.add("Mul", {c.input(), c.add("Sigmoid", {scaled})}));
}

/// tanh(2 / sqrt(pi) * (x + 0.08943 x^3)); off by 0.0004 at most.
Status erf_by_tanh(const Place& place) {
  Composer c = place.composer();
  const ValueId square = c.add("Mul", {c.input(), c.input()});
  const ValueId curve =
      c.add("Add", {c.add("Mul", {square, c.number(0.08943F * 1.1283792F)}), c.number(1.1283792F)});
  return place.replace(c.add("Tanh", {c.add("Mul", {c.input(), curve})}));
}

/// x * min(max(x / 6 + 0.5, 0), 1)
Status swish_by_lines(const Place& place) {
  Composer c = place.composer();
  const ValueId gate = c.add("HardSigmoid", {c.input()}, {{"alpha", 1.0F / 6.0F}, {"beta", 0.5F}});
  return place.replace(c.add("Mul", {c.input(), gate}));
}

/// Windows that the operator places unevenly, or over parts of elements, become even ones of the same number.
Status pool_by_even_windows(const Place& place, const char* op_type) {
  const TypeInfo& from = place.types.type(place.node.inputs[0]);
  if (!from.is_static() || from.dims->size() < 3)
    return usage_error("", "'" + place.node.name + "' reads an image of open size");
  const Shape image = to_shape(*from.dims);
  const size_t spatial = image.size() - 2;
  std::vector<int64_t> sizes;
  const TypeInfo& to = place.types.type(place.node.outputs[0]);
  if (const auto* given = place.node.attributes.get<std::vector<int64_t>>("output_size"))
    sizes = *given;
  else if (to.is_static() && to.dims->size() == image.size())
    sizes = to_shape(Dims(to.dims->begin() + 2, to.dims->end()));
  if (sizes.size() != spatial)
    return usage_error("", "the size of what '" + place.node.name + "' makes is not known");
  std::vector<int64_t> strides, kernel;
  for (size_t i = 0; i < spatial; ++i) {
    if (sizes[i] < 1 || sizes[i] > image[2 + i])
      return usage_error("", "'" + place.node.name + "' makes more of an axis than there is");
    strides.push_back(image[2 + i] / sizes[i]);
    kernel.push_back(image[2 + i] - (sizes[i] - 1) * strides.back());
  }
  Composer c = place.composer();
  return place.replace(c.add(op_type, {c.input()}, {{"kernel_shape", kernel}, {"strides", strides}}));
}
Status max_pool(const Place& place) {
  return pool_by_even_windows(place, "MaxPool");
}
Status average_pool(const Place& place) {
  return pool_by_even_windows(place, "AveragePool");
}

bool is_cubic(const Node& node) {
  const auto* mode = node.attributes.get<std::string>("mode");
  return mode != nullptr && (*mode == "cubic" || *mode == "bicubic");
}
bool always(const Node& node) {
  return node.inputs.size() == 1 && node.outputs.size() == 1;
}

/// Two neighbours along each axis instead of four.
Status linear(const Place& place) {
  const bool grid = *place.node.attributes.get<std::string>("mode") == "bicubic";
  place.editor.set_attribute(place.node.id, "mode", std::string(grid ? "bilinear" : "linear"));
  return {};
}

struct Approximation {
  std::string_view name;  ///< of the operator, whatever its domain
  const char* by;         ///< for people
  Status (*write)(const Place&);
  bool (*suits)(const Node&) = always;
};
constexpr Approximation approximations[] = {
    {"FractionalMaxPool", "MaxPool with even windows", max_pool},
    {"FractionalMaxPool2d", "MaxPool with even windows", max_pool},
    {"FractionalMaxPool3d", "MaxPool with even windows", max_pool},
    {"AdaptiveMaxPool2d", "MaxPool with even windows", max_pool},
    {"AdaptiveAvgPool2d", "AveragePool with even windows", average_pool},
    {"Gelu", "x * sigmoid(1.702 x)", gelu_by_sigmoid},
    {"Erf", "tanh of a cubic", erf_by_tanh},
    {"Swish", "x * HardSigmoid(x)", swish_by_lines},
    {"SiLU", "x * HardSigmoid(x)", swish_by_lines},
    {"Silu", "x * HardSigmoid(x)", swish_by_lines},
    {"Resize", "linear interpolation", linear, is_cubic},
    {"GridSample", "linear interpolation", linear, is_cubic},
};

const Approximation* approximation_of(const Node& node) {
  for (const Approximation& each : approximations)
    if (each.name == node.op_type && each.suits(node)) return &each;
  return nullptr;
}

/// Types and names: one node alone may be approximated, too.
std::vector<std::string> approximable(const RemedyContext& context) {
  std::vector<std::string> found;
  for (const Node& node : context.model.graph.nodes()) {
    if (!node.alive || approximation_of(node) == nullptr) continue;
    found.push_back(node.qualified_type());
    found.push_back(node.name);
  }
  return found;
}

Result<std::string> approximate(RemedyContext& context) {
  const std::string& subject = context.step.subject;
  GraphEditor editor(context.model.graph);
  size_t replaced = 0;
  const Approximation* used = nullptr;
  const size_t count = context.model.graph.nodes().size();
  for (size_t i = 0; i < count; ++i) {
    const Node node = context.model.graph.nodes()[i];
    if (!node.alive || (node.qualified_type() != subject && node.name != subject)) continue;
    const Approximation* approximation = approximation_of(node);
    if (approximation == nullptr)
      return usage_error("", "nothing is known that comes near '" + node.name + "'");
    LATHE_TRY(approximation->write({editor, node, context.types, context.model.opsets[""]}));
    used = approximation;
    ++replaced;
  }
  if (replaced == 0) return usage_error("", "there is no such operator or node in the model");
  return "approximated " + std::to_string(replaced) + " " + subject + " by " + used->by;
}

}  // namespace

bool has_approximation(const Node& node) {
  return approximation_of(node) != nullptr;
}

void register_approximate_operator(RemedyRegistry& registry) {
  RemedyAction action{Remedy::Kind::approximate_operator, false, true, approximable, approximate};
  action.approximate = true;
  registry.add(action);
}

}  // namespace lathe
