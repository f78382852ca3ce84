// SPDX-License-Identifier: Apache-2.0
// GraphProto -> Graph: names to ids, sub-graphs with their captures, everything wrong collected.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/finding.h"
#include "engine/formats/onnx/functions.h"
#include "engine/formats/onnx/tensor_reader.h"
#include "engine/formats/onnx/wire.h"
#include "engine/graph/graph.h"

namespace lathe {

/// What makes a file unusable, each with its place; collected so that all is told at once.
class Problems {
 public:
  void add(const std::string& where, const std::string& what);
  void add(const std::string& where, const Error& error);
  bool empty() const { return errors_.empty(); }
  /// One error for the file: the first problem, the others (at most 20) as hints. Only when not empty.
  Error summary(const std::string& file) const;

 private:
  std::vector<Error> errors_;
  size_t count_ = 0;
};

class GraphBuilder {
 public:
  GraphBuilder(const TensorReader& tensors, FunctionTable& functions, Problems& problems, Findings& findings)
      : tensors_(tensors), functions_(functions), problems_(problems), findings_(findings) {}

  /// Takes the contents of `model` apart. Usable only if no problem was added.
  Graph build(WireModel& model, const Opsets& opsets);

  static constexpr int depth_limit = 64;  ///< of sub-graphs in sub-graphs

 private:
  struct Scope;
  void fill(onnx::GraphProto& proto, std::vector<LiftedTensor>& initializers, const Opsets& opsets,
            Scope& scope);
  void add_initializers(onnx::GraphProto& proto, std::vector<LiftedTensor>& initializers, Scope& scope);
  void add_inputs(const onnx::GraphProto& proto, Scope& scope);
  void declare_outputs(const std::vector<PendingNode>& nodes, Scope& scope);
  void add_node(PendingNode& pending, const std::string& name, Scope& scope);
  void add_graph_outputs(const onnx::GraphProto& proto, Scope& scope);
  Attributes read_attributes(PendingNode& pending, const std::string& where, Scope& scope);
  std::shared_ptr<Graph> build_subgraph(onnx::GraphProto& proto, const Opsets& opsets, Scope& outer);
  int opset_version(const Opsets& opsets, const std::string& domain);
  void check_operator(const Node& node, const std::string& where, const Scope& scope);

  const TensorReader& tensors_;
  FunctionTable& functions_;
  Problems& problems_;
  Findings& findings_;
  std::set<std::string> missing_domains_;
};

}  // namespace lathe
