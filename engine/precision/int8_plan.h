// SPDX-License-Identifier: Apache-2.0
// Which nodes compute in 8 bit and which tensors are quantised for that. Changes nothing.
//
// Products (Conv, MatMul and Gemm with constant weights) compute in 8 bit unless a rule or a person keeps
// them wide. Their inputs are quantised, and the outputs of convolutions, behind Relu or Clip; additions and
// moves between quantised tensors follow. Tables of embeddings are stored in 8 bit.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

struct Int8Decision {
  bool int8 = false;
  bool product = false;
  size_t channel_axis = 0;  ///< of a product's weights or a table
  double flops = 0;         ///< of a product, dynamic axes counted once
  std::string rule, reason;
  bool table = false;  ///< picks rows of a constant table, which alone is stored in 8 bit

  bool computes() const { return int8 && !table; }  ///< in 8 bit
};

struct Int8Plan {
  InferenceResult types;
  std::vector<NodeId> order;
  std::vector<Int8Decision> nodes;  ///< by node index
  /// Quantised activations and whose range each has: its own, or that of the tensor it was moved from.
  std::map<ValueId, ValueId> tensors;

  const Int8Decision& of(NodeId id) const { return nodes[id.index]; }
  bool quantised(ValueId value) const { return tensors.contains(value); }
};

struct Int8Wishes {
  const ModuleTree* modules = nullptr;
  std::vector<bool> asked;  ///< by module index
  /// Nodes that stay wide, by name, and why.
  std::unordered_map<std::string, std::string> wide;
  /// Modules that stay wide with all under them, and why.
  std::map<ModuleId, std::string> wide_modules;
};

Result<Int8Plan> plan_int8(const Graph& graph, const Int8Wishes& wishes, const InferenceOptions& inference);
/// A constant, also behind Identity.
const Tensor* constant_behind(const Graph& graph, ValueId value);

}  // namespace lathe
