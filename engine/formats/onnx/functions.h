// SPDX-License-Identifier: Apache-2.0
// Model-local functions: calls are replaced by the function's nodes before the graph is built.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/formats/onnx/lathe_onnx.pb.h"

namespace lathe {

/// Opset version by canonical domain.
using Opsets = std::map<std::string, int>;
Opsets read_opsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports);

/// A node together with the opset imports it was written under.
struct PendingNode {
  onnx::NodeProto proto;
  const Opsets* opsets = nullptr;
};

class FunctionTable {
 public:
  explicit FunctionTable(const onnx::ModelProto& model);

  /// Moves the nodes out of `nodes`, calls inlined at every depth (not inside sub-graphs: expand those when
  /// they are built). Refuses recursion and more than `node_limit` nodes in all.
  Result<std::vector<PendingNode>> expand(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes,
                                          const Opsets& opsets);

  static constexpr size_t node_limit = 300'000;
  static constexpr size_t depth_limit = 100;

 private:
  struct Function {
    const onnx::FunctionProto* proto = nullptr;
    Opsets opsets;
  };
  const Function* find(const onnx::NodeProto& node) const;
  Status add(PendingNode node, std::vector<PendingNode>& out);
  Status inline_call(const Function& function, const onnx::NodeProto& call, std::vector<PendingNode>& out);
  std::string unique_prefix(const onnx::NodeProto& call);

  std::map<std::string, Function> functions_;
  std::set<std::string> prefixes_;
  std::vector<const Function*> calls_;  ///< being inlined, outermost first
  size_t inlined_nodes_ = 0;
};

}  // namespace lathe
