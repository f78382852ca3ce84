// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/model_summary.h"

#include <algorithm>
#include <map>
#include <set>

namespace lathe {
namespace {

using OperatorTable = std::map<std::string, OperatorSummary>;

bool is_parameter(const Tensor& tensor) {
  const ElementType type = tensor.type();
  return is_float(type) || (is_integer(type) && type != ElementType::i64 && type != ElementType::u64);
}

std::vector<OperatorSummary> by_count(const OperatorTable& table) {
  std::vector<OperatorSummary> rows;
  for (const auto& [name, row] : table) rows.push_back(row);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const OperatorSummary& a, const OperatorSummary& b) { return a.count > b.count; });
  return rows;
}

void add(OperatorTable& table, const Node& node, const NodeCost& cost) {
  OperatorSummary& row = table[node.qualified_type()];
  row.op_type = node.qualified_type();
  ++row.count;
  row.flops += std::max<int64_t>(cost.flops, 0);
  row.bytes += std::max<int64_t>(cost.bytes, 0);
}

class Summarizer {
 public:
  Summarizer(const Model& model, std::span<const NodeCost> costs) : model_(model), costs_(costs) {
    summary_.modules.resize(model.modules.modules().size());
    module_operators_.resize(summary_.modules.size());
    for (size_t i = 0; i < summary_.modules.size(); ++i) summary_.modules[i].module = ModuleId(i);
  }

  ModelSummary summarize() {
    for (const Node& node : model_.graph.nodes())
      if (node.alive) main_node(node);
    // Weights that no node reads (an output of the graph, or left over) still are in the file.
    for (const Value& value : model_.graph.values())
      if (value.alive) parameter(value.constant, ModuleTree::root());
    summary_.operators = by_count(operators_);
    for (size_t i = 0; i < summary_.modules.size(); ++i)
      summary_.modules[i].operators = by_count(module_operators_[i]);
    add_up();
    return std::move(summary_);
  }

 private:
  void main_node(const Node& node) {
    const NodeCost cost = node.id.index < costs_.size() ? costs_[node.id.index] : NodeCost();
    const ModuleId module = node.module.index < summary_.modules.size() ? node.module : ModuleTree::root();
    ModuleSummary& own = summary_.modules[module.index];
    own.flops += std::max<int64_t>(cost.flops, 0);
    own.bytes += std::max<int64_t>(cost.bytes, 0);
    if (cost.flops < 0) ++summary_.unknown_costs;
    visit(model_.graph, node, module, cost);
  }

  void visit(const Graph& graph, const Node& node, ModuleId module, const NodeCost& cost) {
    ++summary_.nodes;
    ++summary_.modules[module.index].nodes;
    add(operators_, node, cost);
    add(module_operators_[module.index], node, cost);
    for (const std::vector<ValueId>* values : {&node.inputs, &node.captured})
      for (const ValueId value : *values)
        if (value.valid()) parameter(graph.value(value).constant, module);
    for (const auto& [name, value] : node.attributes.all()) {
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) visit_body(**body, module);
      if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&value))
        for (const auto& each : *bodies) visit_body(*each, module);
    }
  }

  void visit_body(const Graph& body, ModuleId module) {
    for (const Node& node : body.nodes())
      if (node.alive) visit(body, node, module, {});
  }

  void parameter(const Tensor& tensor, ModuleId module) {
    if (!tensor.defined() || !is_parameter(tensor)) return;
    const auto bytes = static_cast<int64_t>(tensor.bytes());
    if (bytes == 0 || !counted_.emplace(tensor.buffer().data(), bytes).second) return;
    ParameterCount& own = summary_.modules[module.index].parameters;
    own.elements += element_count(tensor.shape());
    own.bytes += bytes;
  }

  void add_up() {
    for (ModuleSummary& m : summary_.modules) {
      m.total_nodes = m.nodes, m.total_parameters = m.parameters, m.total_flops = m.flops,
      m.total_bytes = m.bytes;
    }
    // Parents come before children in the tree, so that going backwards every module is whole when it is
    // added.
    for (size_t i = summary_.modules.size(); i-- > 1;) {
      const ModuleSummary& m = summary_.modules[i];
      ModuleSummary& parent = summary_.modules[model_.modules[ModuleId(i)].parent.index];
      parent.total_nodes += m.total_nodes;
      parent.total_parameters.elements += m.total_parameters.elements;
      parent.total_parameters.bytes += m.total_parameters.bytes;
      parent.total_flops += m.total_flops;
      parent.total_bytes += m.total_bytes;
    }
    const ModuleSummary& root = summary_.modules[0];
    summary_.parameters = root.total_parameters;
    summary_.flops = root.total_flops;
    summary_.bytes = root.total_bytes;
  }

  const Model& model_;
  std::span<const NodeCost> costs_;
  ModelSummary summary_;
  OperatorTable operators_;
  std::vector<OperatorTable> module_operators_;
  std::set<std::pair<const void*, int64_t>> counted_;
};

}  // namespace

ModelSummary summarize(const Model& model, std::span<const NodeCost> costs) {
  return Summarizer(model, costs).summarize();
}

}  // namespace lathe
