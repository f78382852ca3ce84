// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/operator_probe.h"

#include <algorithm>
#include <complex>

#include "engine/formats/onnx/onnx.h"
#include "engine/ops/concrete.h"
#include "engine/ops/convert_elements.h"
#include "engine/ops/reference.h"
#include "tests/conformance/test_folders.h"

namespace lathe::conformance {
namespace {

constexpr int64_t largest_probe = 1 << 20;  // elements: types do not depend on sizes

bool has_graphs(const Node& node) {
  return std::any_of(node.attributes.all().begin(), node.attributes.all().end(), [](const auto& attribute) {
    return std::holds_alternative<std::shared_ptr<Graph>>(attribute.second);
  });
}

std::vector<const RuntimeValue*> pointers_to(const std::vector<RuntimeValue>& values) {
  std::vector<const RuntimeValue*> pointers;
  for (const RuntimeValue& value : values) pointers.push_back(&value);
  return pointers;
}

bool same(const std::vector<RuntimeValue>& a, const std::vector<RuntimeValue>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const RuntimeValue& x, const RuntimeValue& y) {
    if (x.kind == RuntimeValue::Kind::sequence) return y.kind == x.kind && same(*x.sequence, *y.sequence);
    if (!x.is_tensor() || !y.is_tensor()) return x.kind == y.kind;
    if (x.tensor.type() != y.tensor.type() || x.tensor.shape() != y.tensor.shape()) return false;
    if (x.tensor.type() == ElementType::string) return x.tensor.strings() == y.tensor.strings();
    return std::equal(x.tensor.raw(), x.tensor.raw() + x.tensor.bytes(), y.tensor.raw());
  });
}

/// Outputs, written over memory that was full of `filling`.
Result<std::vector<RuntimeValue>> run_over(const Operator& op, const Node& node,
                                           const std::vector<const RuntimeValue*>& inputs,
                                           const std::vector<RuntimeValue>& like, std::byte filling) {
  std::vector<Tensor> memory(like.size());
  for (size_t i = 0; i < like.size(); ++i) {
    if (!like[i].is_tensor() || like[i].tensor.type() == ElementType::string) continue;
    memory[i] = Tensor::allocate(like[i].tensor.type(), like[i].tensor.shape()).value();
    std::fill_n(memory[i].mutable_raw(), memory[i].bytes(), filling);
  }
  ReferenceOptions options;
  options.planned = memory;
  return run_reference(op, node, inputs, options);
}

/// Outputs when both the kernel and the inference take the inputs and every byte of the outputs is written.
std::optional<std::vector<RuntimeValue>> run(const Operator& op, const Node& node,
                                             const std::vector<RuntimeValue>& inputs) {
  const auto pointers = pointers_to(inputs);
  if (!infer_concrete(op, node, pointers).ok()) return std::nullopt;
  auto outputs = run_reference(op, node, pointers);
  if (!outputs.ok()) return std::nullopt;
  const auto once = run_over(op, node, pointers, *outputs, std::byte{0x11}),
             again = run_over(op, node, pointers, *outputs, std::byte{0x66});
  if (!once.ok() || !again.ok() || !same(*once, *again)) return std::nullopt;
  return std::move(*outputs);
}

/// The element type of a tensor, or of what a sequence holds.
ElementType element_of(const RuntimeValue& value) {
  if (value.is_tensor()) return value.tensor.type();
  if (value.kind != RuntimeValue::Kind::sequence) return ElementType::undefined;
  return value.sequence->empty() ? value.element : element_of(value.sequence->front());
}

/// The numbers of a tensor, each `more` greater; text counts as 1.
Tensor numbers_of(const Tensor& tensor, float more) {
  Tensor numbers = Tensor::allocate(ElementType::f32, tensor.shape()).value();
  if (!is_convertible(tensor.type()) || !convert_elements(tensor, numbers).ok())
    for (float& number : numbers.mutable_data<float>()) number = 1;
  for (float& number : numbers.mutable_data<float>()) number += more;
  return numbers;
}

/// The same numbers in another type, each `more` greater.
Tensor converted(const Tensor& from, ElementType type, float more) {
  Tensor to = Tensor::allocate(type, from.shape()).value();
  if (more == 0 && is_convertible(type) && is_convertible(from.type()) && convert_elements(from, to).ok())
    return to;
  const Tensor numbers = numbers_of(from, more);
  if (is_convertible(type)) {
    (void)convert_elements(numbers, to);
    return to;
  }
  visit_type<std::complex<float>, std::complex<double>>(type, [&](auto zero) {
    const auto elements = numbers.data<float>();
    std::copy(elements.begin(), elements.end(), to.mutable_data<decltype(zero)>().begin());
  });
  return to;
}

RuntimeValue converted(const RuntimeValue& from, ElementType type, float more) {
  if (from.is_tensor()) return converted(from.tensor, type, more);
  std::vector<RuntimeValue> items;
  for (const RuntimeValue& item : *from.sequence) items.push_back(converted(item, type, more));
  return RuntimeValue::of_sequence(std::move(items), type);
}

/// The probe's inputs with those of these numbers in another type.
std::vector<RuntimeValue> with_type(const Probe& probe, const std::vector<size_t>& inputs, ElementType type,
                                    float more) {
  std::vector<RuntimeValue> values = probe.inputs;
  for (const size_t i : inputs) values[i] = converted(values[i], type, more);
  return values;
}

/// Whether other numbers in these inputs give another result; true when they cannot be had or do not run.
bool matters(const Operator& op, const Probe& probe, const std::vector<size_t>& inputs, ElementType type,
             const std::vector<RuntimeValue>& outputs) {
  const std::vector<RuntimeValue> values = with_type(probe, inputs, type, 0),
                                  others = with_type(probe, inputs, type, 1);
  if (same(values, others)) return true;
  const auto changed = run(op, probe.node, others);
  return !changed || !same(*changed, outputs);
}

}  // namespace

std::vector<Probe> probe_of_test(const Model& model, const std::string& test_folder) {
  const Graph& graph = model.graph;
  if (graph.nodes().size() != 1 || has_graphs(graph.nodes()[0])) return {};
  Probe probe{graph.nodes()[0], {}};
  std::map<ValueId, RuntimeValue> given;
  const auto files = numbered(test_folder + "/test_data_set_0", "input_");
  for (size_t i = 0; i < files.size() && i < graph.inputs().size(); ++i) {
    auto value = read_tensor_proto(files[i], graph.value(graph.inputs()[i]).type);
    if (!value.ok()) return {};
    given[graph.inputs()[i]] = std::move(*value);
  }
  for (const ValueId id : probe.node.inputs) {
    if (!id.valid())
      probe.inputs.emplace_back();
    else if (const Tensor* constant = graph.constant(id))
      probe.inputs.emplace_back(*constant);
    else
      probe.inputs.push_back(given[id]);
    if (probe.inputs.back().is_tensor() && probe.inputs.back().tensor.count() > largest_probe) return {};
  }
  return {std::move(probe)};
}

bool TypeProber::add(const Probe& probe) {
  const Operator* op = operators().find(probe.node);
  if (op == nullptr) return false;
  const auto outputs = run(*op, probe.node, probe.inputs);
  if (!outputs) return false;
  auto& seen = seen_[probe.node.qualified_type()];
  std::map<ElementType, std::vector<size_t>> groups;
  for (size_t i = 0; i < probe.inputs.size(); ++i) {
    const ElementType type = element_of(probe.inputs[i]);
    if (type == ElementType::undefined) continue;
    seen[static_cast<int>(i)].insert(type);
    groups[type].push_back(i);
  }
  if (groups.empty() && !outputs->empty() && element_of(outputs->front()) != ElementType::undefined)
    seen[-1].insert(element_of(outputs->front()));
  for (const auto& [type, inputs] : groups) {
    substitute(*op, probe, inputs);
    if (inputs.size() > 1 && inputs.size() < 8)
      for (const size_t input : inputs) substitute(*op, probe, {input});
  }
  return true;
}

void TypeProber::substitute(const Operator& op, const Probe& probe, const std::vector<size_t>& inputs) {
  auto& seen = seen_[probe.node.qualified_type()];
  const auto as_given = run(op, probe.node, probe.inputs);
  const bool read = as_given && matters(op, probe, inputs, element_of(probe.inputs[inputs[0]]), *as_given);
  for (int number = 1; number <= static_cast<int>(ElementType::i2); ++number) {
    const auto type = static_cast<ElementType>(number);
    const bool known = std::all_of(inputs.begin(), inputs.end(),
                                   [&](size_t i) { return seen[static_cast<int>(i)].contains(type); });
    if (known) continue;
    const auto outputs = run(op, probe.node, with_type(probe, inputs, type, 0));
    // A type whose numbers change nothing, where they should, is let in but not read.
    if (!outputs || (read && !matters(op, probe, inputs, type, *outputs))) continue;
    for (const size_t i : inputs) seen[static_cast<int>(i)].insert(type);
  }
}

std::vector<InputTypes> TypeProber::types(const std::string& qualified_type) const {
  std::vector<InputTypes> groups;
  const auto found = seen_.find(qualified_type);
  if (found == seen_.end()) return groups;
  // Inputs with the same types are one group: "0-2,4".
  std::vector<std::pair<std::set<ElementType>, std::vector<int>>> by_types;
  for (const auto& [input, types] : found->second) {
    auto group = std::find_if(by_types.begin(), by_types.end(), [&](auto& g) { return g.first == types; });
    if (group == by_types.end()) group = by_types.insert(by_types.end(), {types, {}});
    group->second.push_back(input);
  }
  for (const auto& [types, inputs] : by_types) {
    InputTypes group;
    for (size_t i = 0; i < inputs.size(); ++i) {
      size_t last = i;
      while (last + 1 < inputs.size() && inputs[last + 1] == inputs[last] + 1) ++last;
      group.inputs += group.inputs.empty() ? "" : ",";
      group.inputs += inputs[i] < 0 ? "out" : std::to_string(inputs[i]);
      if (last > i) group.inputs += "-" + std::to_string(inputs[last]);
      i = last;
    }
    for (const ElementType type : types) group.types.emplace_back(to_string(type));
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace lathe::conformance
