// SPDX-License-Identifier: Apache-2.0
// Reads operator_probes.txt.
#include <charconv>
#include <fstream>
#include <sstream>

#include "engine/ops/convert_elements.h"
#include "tests/conformance/operator_probe.h"

namespace lathe::conformance {
namespace {

/// At top level, so that "['a','b']" stays whole.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string unquoted(const std::string& text) {
  return text.size() >= 2 ? text.substr(1, text.size() - 2) : text;
}

AttributeValue attribute_of(const std::string& text) {
  if (text.starts_with('\'')) return unquoted(text);
  const bool real = text.find('.') != std::string::npos;
  if (!text.starts_with('[')) {
    if (real) return std::stof(text);
    return static_cast<int64_t>(std::stoll(text));
  }
  const std::vector<std::string> parts = split(unquoted(text), ',');
  if (text.find('\'') != std::string::npos) {
    std::vector<std::string> strings;
    for (const std::string& part : parts) strings.push_back(unquoted(part));
    return strings;
  }
  if (real) {
    std::vector<float> numbers;
    for (const std::string& part : parts) numbers.push_back(std::stof(part));
    return numbers;
  }
  std::vector<int64_t> numbers;
  for (const std::string& part : parts) numbers.push_back(std::stoll(part));
  return numbers;
}

/// 0.25, 0.5, 0.75, 1 in turn; integers 0 and 1.
Tensor pattern(ElementType type, const Shape& shape) {
  Tensor values = Tensor::allocate(ElementType::f32, shape).value();
  int64_t i = 0;
  for (float& element : values.mutable_data<float>()) {
    element = is_float(type) ? static_cast<float>(i % 4 + 1) / 4 : static_cast<float>(i % 2);
    ++i;
  }
  Tensor made = Tensor::allocate(type, shape).value();
  (void)convert_elements(values, made);
  return made;
}

RuntimeValue input_of(const std::string& text) {
  if (text == "-") return {};
  if (text.starts_with("seq(")) return RuntimeValue::of_sequence({input_of(text.substr(4, text.size() - 5))});
  const size_t open = text.find('['), close = text.find(']');
  const auto type = parse_element_type(text.substr(0, open));
  if (!type || close == std::string::npos) throw std::invalid_argument(text);
  Shape shape;
  for (const std::string& part : split(text.substr(open + 1, close - open - 1), ','))
    shape.push_back(std::stoll(part));
  if (close + 1 == text.size()) return pattern(*type, shape);
  const std::vector<std::string> elements = split(text.substr(close + 2), ',');
  if (static_cast<int64_t>(elements.size()) != element_count(shape)) throw std::invalid_argument(text);
  Tensor made = Tensor::allocate(*type, shape).value();
  if (!convert_elements(Tensor::of_strings(shape, elements), made).ok()) throw std::invalid_argument(text);
  return made;
}

Probe probe_of(const std::string& line) {
  std::istringstream in(line);
  std::string word;
  in >> word;
  Probe probe;
  Node& node = probe.node;
  const size_t at = word.find('@');
  const auto [domain, name] = split_operator_name(word.substr(0, at));
  node.name = "probe";
  node.op_type = name;
  node.domain = domain == "ai.onnx" ? "" : domain;
  node.version = at == std::string::npos ? 1 << 20 : std::stoi(word.substr(at + 1));
  const Operator* op = operators().find(node);
  if (op == nullptr) throw std::invalid_argument(word + " is not in the registry");
  node.version = std::min(node.version, op->versions.back());
  int64_t outputs = std::max(1, op->min_outputs);
  while (in >> word && word != ":") {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) throw std::invalid_argument(word);
    if (word.starts_with("outputs="))
      outputs = std::stoll(word.substr(equals + 1));
    else
      node.attributes.set(word.substr(0, equals), attribute_of(word.substr(equals + 1)));
  }
  uint32_t id = 0;
  while (in >> word) {
    probe.inputs.push_back(input_of(word));
    node.inputs.push_back(probe.inputs.back().present() ? ValueId(id) : ValueId());
    ++id;
  }
  for (int64_t i = 0; i < outputs; ++i) node.outputs.push_back(ValueId(id++));
  return probe;
}

}  // namespace

Result<std::vector<Probe>> read_probes(const std::string& file) {
  std::vector<Probe> probes;
  std::ifstream in(file);
  if (!in) return bad_input(file, "cannot be read");
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    try {
      probes.push_back(probe_of(line));
    } catch (const std::exception& error) {  // std::stoi's and our own
      return bad_input(file + ":" + std::to_string(number), error.what());
    }
  }
  return probes;
}

}  // namespace lathe::conformance
