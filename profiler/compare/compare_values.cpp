// SPDX-License-Identifier: Apache-2.0
#include "profiler/compare/compare_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace lathe {
namespace {

std::string type_text(const Tensor& tensor) {
  return std::string(to_string(tensor.type())) + "[" + to_string(tensor.shape()) + "]";
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && a.type() != ElementType::string && a.shape() == b.shape() &&
         (a.raw() == b.raw() || a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

Tensor part(const Tensor& tensor, size_t begin, size_t count) {
  const size_t size = element_size(tensor.type());
  return Tensor::wrap(tensor.type(), {static_cast<int64_t>(count)},
                      tensor.buffer().slice(begin * size, count * size));
}

/// In parts, so that large weights are not copied whole.
double mean_abs_difference(const Tensor& a, const Tensor& b) {
  constexpr size_t step = size_t{1} << 16;
  if (a.type() == ElementType::string) return 0;
  double sum = 0;
  size_t finite = 0;
  const auto count = static_cast<size_t>(a.count());
  for (size_t begin = 0; begin < count; begin += step) {
    const size_t size = std::min(step, count - begin);
    const std::vector<double> left = part(a, begin, size).to_double();
    const std::vector<double> right = part(b, begin, size).to_double();
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      if (!std::isfinite(left[i]) || !std::isfinite(right[i])) continue;
      sum += std::abs(right[i] - left[i]);
      ++finite;
    }
  }
  return finite > 0 ? sum / static_cast<double>(finite) : 0;
}

ValueDifference compare(std::string name_a, const Tensor& a, std::string name_b, const Tensor& b) {
  ValueDifference made;
  made.name = name_b;
  made.name_a = std::move(name_a);
  made.name_b = std::move(name_b);
  made.type_a = type_text(a);
  made.type_b = type_text(b);
  Result<TensorDifference> difference = compare_tensors(a, b);
  if (!difference.ok()) {
    made.reason = difference.error().what;
    return made;
  }
  made.difference = std::move(difference).value();
  if (!made.difference->identical()) made.mean_abs = mean_abs_difference(a, b);
  return made;
}

/// `in_a`: the side that has it.
ValueDifference alone(const std::string& name, const Tensor& tensor, bool in_a) {
  ValueDifference made;
  made.name = name;
  (in_a ? made.name_a : made.name_b) = name;
  (in_a ? made.type_a : made.type_b) = type_text(tensor);
  made.reason = in_a ? "only in A" : "only in B";
  return made;
}

void sort_by_loss(std::vector<ValueDifference>& list) {
  const auto rank = [](const ValueDifference& each) {
    return std::pair(each.difference.has_value() ? 0 : 1, each.difference ? each.difference->snr_db : 0);
  };
  std::stable_sort(list.begin(), list.end(),
                   [&](const auto& left, const auto& right) { return rank(left) < rank(right); });
}

/// Constants of the main graph that some node reads.
std::vector<ValueId> weights(const Graph& graph) {
  std::vector<ValueId> found;
  for (const Value& value : graph.values())
    if (value.alive && !value.consumers.empty() && graph.constant(value.id) != nullptr)
      found.push_back(value.id);
  return found;
}

std::map<ValueId, ValueId> pair_weights(const Graph& a, const Graph& b, const std::vector<NodePair>& nodes) {
  std::map<ValueId, ValueId> pairs;
  std::set<ValueId> taken;
  const auto pair = [&](ValueId left, ValueId right) {
    if (!pairs.contains(left) && taken.insert(right).second) pairs[left] = right;
  };
  for (const ValueId id : weights(a)) {
    const auto other = b.find_value(a.value(id).name);
    if (other && b.constant(*other) != nullptr && !b.value(*other).consumers.empty() &&
        b.constant(*other)->shape() == a.constant(id)->shape())
      pair(id, *other);
  }
  for (const NodePair& nodes_pair : nodes) {
    const Node &left = a.node(nodes_pair.a), &right = b.node(nodes_pair.b);
    for (size_t i = 0; i < std::min(left.inputs.size(), right.inputs.size()); ++i)
      if (left.inputs[i].valid() && right.inputs[i].valid() && a.constant(left.inputs[i]) != nullptr &&
          b.constant(right.inputs[i]) != nullptr)
        pair(left.inputs[i], right.inputs[i]);
  }
  return pairs;
}

std::string reader_module(const Model& model, ValueId id) {
  const NodeId reader = model.graph.value(id).consumers.front();
  const ModuleId module = model.graph.node(reader).module;
  return model.modules[module.valid() ? module : ModuleTree::root()].path;
}

void flatten(const std::string& name, const RuntimeValue& value, std::map<std::string, Tensor>& out) {
  if (value.is_tensor()) out[name] = value.tensor;
  if (value.kind != RuntimeValue::Kind::sequence || value.sequence == nullptr) return;
  for (size_t k = 0; k < value.sequence->size(); ++k)
    flatten(name + "." + std::to_string(k), (*value.sequence)[k], out);
}

}  // namespace

WeightComparison compare_weights(const Model& a, const Model& b, const std::vector<NodePair>& nodes) {
  WeightComparison result;
  const auto pairs = pair_weights(a.graph, b.graph, nodes);
  std::set<ValueId> found;
  for (const ValueId id : weights(a.graph)) {
    const Tensor& mine = *a.graph.constant(id);
    const auto pair = pairs.find(id);
    if (pair == pairs.end()) {
      result.different.push_back(alone(a.graph.value(id).name, mine, true));
      result.different.back().module = reader_module(a, id);
      continue;
    }
    found.insert(pair->second);
    ++result.compared;
    const Tensor& other = *b.graph.constant(pair->second);
    if (same_bytes(mine, other)) {
      ++result.identical;
      continue;
    }
    ValueDifference made = compare(a.graph.value(id).name, mine, b.graph.value(pair->second).name, other);
    made.module = reader_module(a, id);
    if (made.identical())
      ++result.identical;  // text, or -0 for 0
    else
      result.different.push_back(std::move(made));
  }
  for (const ValueId id : weights(b.graph))
    if (!found.contains(id)) {
      result.different.push_back(alone(b.graph.value(id).name, *b.graph.constant(id), false));
      result.different.back().module = reader_module(b, id);
    }
  sort_by_loss(result.different);
  return result;
}

std::vector<ValueDifference> compare_outputs(const std::map<std::string, RuntimeValue>& a,
                                             const std::map<std::string, RuntimeValue>& b) {
  std::map<std::string, Tensor> left, right;
  for (const auto& [name, value] : a) flatten(name, value, left);
  for (const auto& [name, value] : b) flatten(name, value, right);
  std::vector<ValueDifference> result;
  for (const auto& [name, tensor] : left) {
    const auto other = right.find(name);
    result.push_back(other == right.end() ? alone(name, tensor, true)
                                          : compare(name, tensor, name, other->second));
  }
  for (const auto& [name, tensor] : right)
    if (!left.contains(name)) result.push_back(alone(name, tensor, false));
  return result;
}

}  // namespace lathe
