// SPDX-License-Identifier: Apache-2.0
// Einsum of two operands is one matrix product between transposes, which other passes then see: attention is
// written like that ("b h i d, b h j d -> b h i j").
#include <algorithm>
#include <numeric>
#include <string>

#include "engine/passes/match.h"

namespace lathe {
namespace {

struct Equation {
  std::string a, b, output;
  bool swapped = false;  ///< `a` is the second operand
};

bool has(const std::string& labels, char label) {
  return labels.find(label) != std::string::npos;
}

bool distinct(std::string labels) {
  std::sort(labels.begin(), labels.end());
  return std::adjacent_find(labels.begin(), labels.end()) == labels.end();
}

/// The term with letters of its own for the axes under an ellipsis, as many as `rank` leaves. Nothing where
/// the rank does not fit.
bool expand_ellipsis(std::string& term, size_t rank, const std::string& own) {
  const size_t at = term.find("...");
  if (at == std::string::npos) return term.size() == rank;
  const size_t letters = term.size() - 3;
  if (rank < letters || rank - letters > own.size()) return false;
  term.replace(at, 3, own.substr(own.size() - (rank - letters)));
  return true;
}

/// Two terms of distinct letters, every one of them in two of the three terms at least: nothing is summed
/// within one operand.
std::optional<Equation> read(std::string text, size_t a_rank, size_t b_rank, size_t output_rank) {
  std::erase(text, ' ');
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow) return std::nullopt;
  Equation made{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1), text.substr(arrow + 2)};
  std::string own;  // letters that the equation does not use
  for (char letter = 'A'; letter <= 'Z'; ++letter)
    if (!has(text, letter)) own += letter;
  if (!expand_ellipsis(made.a, a_rank, own) || !expand_ellipsis(made.b, b_rank, own) ||
      !expand_ellipsis(made.output, output_rank, own))
    return std::nullopt;
  for (const std::string* term : {&made.a, &made.b, &made.output}) {
    if (!distinct(*term)) return std::nullopt;
    for (const char label : *term) {
      const bool letter = (label >= 'a' && label <= 'z') || (label >= 'A' && label <= 'Z');
      if (!letter || has(made.a, label) + has(made.b, label) + has(made.output, label) < 2)
        return std::nullopt;
    }
  }
  // The operand that owns the innermost axis of the output is the right one.
  made.swapped = !made.output.empty() && !has(made.b, made.output.back());
  if (made.swapped) std::swap(made.a, made.b);
  return made;
}

/// Writes the nodes of one Einsum.
class Lowering {
 public:
  Lowering(PassContext& context, const Node& node) : context_(context), node_(node) {}

  bool run() {
    if (node_.inputs.size() != 2) return false;
    ValueId a = node_.inputs[0], b = node_.inputs[1];
    auto a_shape = static_shape(context_, a), b_shape = static_shape(context_, b);
    const auto output = static_shape(context_, node_.outputs[0]);
    if (!a_shape || !b_shape || !output || !is_f32_or_bf16(context_, a) || !same_element(context_, a, b))
      return false;
    const auto equation =
        read(node_.attributes.get_string("equation", ""), a_shape->size(), b_shape->size(), output->size());
    if (!equation) return false;
    if (equation->swapped) {
      std::swap(a, b);
      std::swap(a_shape, b_shape);
    }
    if (!bind(equation->a, *a_shape) || !bind(equation->b, *b_shape)) return false;
    write(*equation, a, b);
    return true;
  }

 private:
  bool bind(const std::string& labels, const Shape& shape) {
    if (labels.size() != shape.size()) return false;
    for (size_t i = 0; i < labels.size(); ++i) {
      const auto [known, added] = sizes_.emplace(labels[i], shape[i]);
      if (!added && known->second != shape[i]) return false;  // broadcasts
    }
    return true;
  }

  int64_t size(const std::string& labels) const {
    int64_t product = 1;
    for (const char label : labels) product *= sizes_.at(label);
    return product;
  }
  Shape shape(const std::string& labels) const {
    Shape made;
    for (const char label : labels) made.push_back(sizes_.at(label));
    return made;
  }

  void write(const Equation& equation, ValueId a, ValueId b) {
    std::string batch, rows, columns, summed;
    for (const char label : equation.output) {
      const bool left = has(equation.a, label), right = has(equation.b, label);
      (left && right ? batch : left ? rows : columns) += label;
    }
    for (const char label : equation.a)
      if (!has(equation.output, label)) summed += label;
    a = reshape(transpose(a, equation.a, batch + rows + summed), batch, rows, summed);
    b = reshape(transpose(b, equation.b, batch + summed + columns), batch, summed, columns);
    ValueId product = add("MatMul", {a, b});
    if (rows.size() != 1 || columns.size() != 1) product = reshape_to(product, shape(batch + rows + columns));
    product = transpose(product, batch + rows + columns, equation.output);
    // The last of them makes what the Einsum made: an output of the graph keeps its name.
    context_.editor.remove_node(node_.id);
    context_.editor.set_node_outputs(context_.graph.value(product).producer, {node_.outputs[0]});
  }

  ValueId transpose(ValueId x, const std::string& from, const std::string& to) {
    if (from == to) return x;
    std::vector<int64_t> perm;
    for (const char label : to) perm.push_back(static_cast<int64_t>(from.find(label)));
    return add("Transpose", {x}, [&](Node& node) { node.attributes.set("perm", perm); });
  }

  /// [batch.., first.., second..] as [batch.., first, second].
  ValueId reshape(ValueId x, const std::string& batch, const std::string& first, const std::string& second) {
    if (first.size() == 1 && second.size() == 1) return x;
    Shape wanted = shape(batch);
    wanted.push_back(size(first));
    wanted.push_back(size(second));
    return reshape_to(x, wanted);
  }

  ValueId reshape_to(ValueId x, const Shape& wanted) {
    const ValueId sizes = context_.editor.add_constant(
        node_.name + "_shape",
        Tensor::from<int64_t>({static_cast<int64_t>(wanted.size())}, std::span<const int64_t>(wanted)));
    return add("Reshape", {x, sizes});
  }

  template <class Fill = void (*)(Node&)>
  ValueId add(
      const char* op_type, std::vector<ValueId> inputs, Fill fill = [](Node&) {}) {
    Node made = context_.fused_node(op_type, {node_.id});
    made.domain.clear();
    made.version = 13;
    made.inputs = std::move(inputs);
    fill(made);
    const ValueId output = context_.editor.add_value(node_.name + "_" + op_type);
    made.outputs = {output};
    context_.editor.add_node(std::move(made));
    return output;
  }

  PassContext& context_;
  const Node node_;
  std::map<char, int64_t> sizes_;
};

Result<size_t> lower(PassContext& context) {
  size_t changes = 0;
  const size_t count = context.graph.nodes().size();
  for (size_t i = 0; i < count; ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || !is_op(node, "Einsum")) continue;
    changes += Lowering(context, node).run();
  }
  return changes;
}

}  // namespace

void register_lower_einsum(PassRegistry& registry) {
  registry.add({"lower_einsum", true, lower});
}

}  // namespace lathe
