// SPDX-License-Identifier: Apache-2.0
// Which element types an operator takes: a node with inputs that are known to run is run again with every
// element type in turn.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "profiler/workflow/operators.h"

namespace lathe::conformance {

/// One node and inputs for it; absent inputs have kind none.
struct Probe {
  Node node;
  std::vector<RuntimeValue> inputs;
};

/// Lines of operator_probes.txt:
///   OPERATOR[@VERSION] [attribute=value].. : [input]..
/// An attribute is 1, 0.5, 'text', [1,2], [0.5] or ['a','b']; an input is TYPE[DIMS] with a pattern,
/// TYPE[DIMS]=1,2,.. with elements, seq(INPUT), or - for none. `outputs=N` asks for more outputs than it must
/// have. Errors name the line.
Result<std::vector<Probe>> read_probes(const std::string& file);

/// The single node of a model that needs no executor, with the inputs of its first data set; none otherwise.
std::vector<Probe> probe_of_test(const Model& model, const std::string& test_folder);

/// What was seen, by operator and input (-1: the output of an operator without inputs).
class TypeProber {
 public:
  /// Runs the probe with its own types, then with others. False when it does not run as it stands.
  bool add(const Probe& probe);
  std::vector<InputTypes> types(const std::string& qualified_type) const;

 private:
  void substitute(const Operator& op, const Probe& probe, const std::vector<size_t>& inputs);
  std::map<std::string, std::map<int, std::set<ElementType>>> seen_;
};

}  // namespace lathe::conformance
