// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/text_form.h"

#include <sstream>

namespace lathe {
namespace {

constexpr int64_t spelt_out_elements = 8;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

template <class T>
std::string number(T value) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << value;
  return out.str();
}

template <class Items, class Print>
std::string list(const Items& items, Print print) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) out += (i > 0 ? ", " : "") + print(items[i]);
  return out + "]";
}

std::string print_tensor(const Tensor& tensor) {
  std::string out = std::string(to_string(tensor.type())) + "[" + to_string(tensor.shape()) + "]";
  if (tensor.count() > spelt_out_elements || tensor.count() == 0) return out;
  if (tensor.type() == ElementType::string) return out + list(tensor.strings(), quoted);
  if (is_integer(tensor.type()) || tensor.type() == ElementType::boolean)
    return out + list(tensor.to_int64(), [](int64_t element) { return std::to_string(element); });
  return out + list(tensor.to_double(), number<double>);
}

class Printer {
 public:
  std::string print(const Graph& graph, int depth) {
    const std::string indent(static_cast<size_t>(depth) * 2, ' ');
    std::string out = indent + "graph " + quoted(graph.name) + "\n";
    for (const ValueId id : graph.inputs()) out += indent + "input " + typed(graph, id) + "\n";
    for (const Capture& capture : graph.captures())
      out += indent + "capture " + graph.value(capture.inner).name + "\n";
    for (const Value& value : graph.values())
      if (value.alive && value.constant.defined())
        out += indent + "constant " + value.name + " = " + print_tensor(value.constant) + "\n";
    for (const Node& node : graph.nodes())
      if (node.alive) out += print_node(graph, node, depth);
    for (const ValueId id : graph.outputs()) out += indent + "output " + typed(graph, id) + "\n";
    return out;
  }

 private:
  static std::string name(const Graph& graph, ValueId id) { return id.valid() ? graph.value(id).name : "_"; }
  static std::string typed(const Graph& graph, ValueId id) {
    if (!id.valid()) return "_";
    const Value& value = graph.value(id);
    return value.name + (value.type.kind == TypeInfo::Kind::unknown ? "" : ": " + to_string(value.type));
  }

  std::string print_node(const Graph& graph, const Node& node, int depth) {
    std::string out(static_cast<size_t>(depth) * 2, ' ');
    for (size_t i = 0; i < node.outputs.size(); ++i)
      out += (i > 0 ? ", " : "") + typed(graph, node.outputs[i]);
    out += " = " + node.qualified_type() + "-" + std::to_string(node.version) + "(";
    for (size_t i = 0; i < node.inputs.size(); ++i) out += (i > 0 ? ", " : "") + name(graph, node.inputs[i]);
    out += ")";
    std::string attributes, bodies;
    for (const auto& [key, value] : node.attributes.all()) {
      attributes += (attributes.empty() ? "" : ", ") + key + "=" + print_attribute(value);
      bodies += print_bodies(key, value, depth + 1);
    }
    if (!attributes.empty()) out += " {" + attributes + "}";
    return out + "  # " + node.name + "\n" + bodies;
  }

  static std::string print_attribute(const AttributeValue& value) {
    struct Print {
      std::string operator()(int64_t v) const { return std::to_string(v); }
      std::string operator()(float v) const { return number(v); }
      std::string operator()(const std::string& v) const { return quoted(v); }
      std::string operator()(const Tensor& v) const { return print_tensor(v); }
      std::string operator()(const std::shared_ptr<Graph>&) const { return "graph"; }
      std::string operator()(const std::vector<int64_t>& v) const { return list(v, number<int64_t>); }
      std::string operator()(const std::vector<float>& v) const { return list(v, number<float>); }
      std::string operator()(const std::vector<std::string>& v) const { return list(v, quoted); }
      std::string operator()(const std::vector<Tensor>& v) const { return list(v, print_tensor); }
      std::string operator()(const std::vector<std::shared_ptr<Graph>>& v) const {
        return std::to_string(v.size()) + " graphs";
      }
      std::string operator()(const TypeInfo& v) const { return to_string(v); }
    };
    return std::visit(Print{}, value);
  }

  std::string print_bodies(const std::string& key, const AttributeValue& value, int depth) {
    const std::string title = std::string(static_cast<size_t>(depth) * 2, ' ') + key + ":\n";
    std::string out;
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) out += title + print(**body, depth);
    if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&value))
      for (const auto& body : *bodies) out += title + print(*body, depth);
    return out;
  }
};

}  // namespace

std::string to_text(const Graph& graph) {
  return Printer().print(graph, 0);
}

}  // namespace lathe
