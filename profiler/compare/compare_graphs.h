// SPDX-License-Identifier: Apache-2.0
// What two models' graphs do not have in common, module by module.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace lathe {

/// The type of a value of one model's main graph, as far as it is known.
using TypeOf = std::function<TypeInfo(ValueId)>;

/// One side of a comparison.
struct GraphSide {
  const Model& model;
  TypeOf type;
};

/// Nodes taken for the same one in both graphs.
struct NodePair {
  NodeId a, b;
};

struct NodeDifference {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  NodeId a, b;         ///< invalid in the graph that does not have it
  std::string name;    ///< in B; in A where removed
  std::string module;  ///< path, in B; in A where removed
  std::string op_a, op_b;
  std::vector<std::string> changes;  ///< "attribute 'axis': 1 -> 2", "output 0: f32[1x8] -> f16[1x8]"
};
const char* to_string(NodeDifference::Kind kind);

/// The differences inside one module (its own nodes).
struct ModuleDifference {
  std::string path, class_name;
  int added = 0, removed = 0, changed = 0;
  std::vector<NodeDifference> nodes;
};

struct GraphComparison {
  size_t nodes_a = 0, nodes_b = 0;
  int added = 0, removed = 0, changed = 0;
  std::vector<std::string> interface;     ///< inputs and outputs that differ, a sentence each
  std::vector<ModuleDifference> modules;  ///< those with differences: in B's order, then what only A has
  std::vector<NodePair> pairs;            ///< in A's order

  bool identical() const { return interface.empty() && modules.empty(); }
};

/// Nodes are aligned by name (where operator or module agree as well), then by module path, operator and
/// order. Contents of weights are not looked at.
GraphComparison compare_graphs(const GraphSide& a, const GraphSide& b);

}  // namespace lathe
