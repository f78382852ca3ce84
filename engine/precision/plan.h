// SPDX-License-Identifier: Apache-2.0
// Which precision each node of a graph gets, and why. Changes nothing.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/precision/narrow_form.h"
#include "engine/precision/precision.h"

namespace lathe {

/// What was decided about one node.
struct PrecisionDecision {
  /// f16 or bf16: narrow. f32: stays wide. undefined: has nothing to decide (integers, bodies, other types).
  ElementType type = ElementType::undefined;
  const NarrowForm* form = nullptr;
  std::string rule, reason;

  bool narrow() const { return type == ElementType::f16 || type == ElementType::bf16; }
};

struct PrecisionPlan {
  InferenceResult types;
  std::vector<NodeId> order;
  std::vector<PrecisionDecision> nodes;  ///< by node index
  std::unordered_map<const Graph*, PrecisionPlan> bodies;

  bool is_f32(ValueId value) const {
    const TypeInfo& type = types.type(value);
    return type.is_tensor() && type.element == ElementType::f32;
  }
  const PrecisionDecision& of(NodeId node) const { return nodes[node.index]; }
  /// Input i of the node is read in this type: f32, f16, bf16; undefined where the node takes what it gets.
  ElementType wanted(const Node& node, size_t i) const;
};

/// What a person asked for, by module and node name.
struct PrecisionWishes {
  std::vector<ElementType> modules;      ///< by module index, f32 where nothing is asked
  std::vector<std::string> module_says;  ///< why a module stays wide
  const std::unordered_map<std::string, std::string>* keep = nullptr;
  int opset = 0;        ///< the newest ai.onnx opset the model can be written in
  std::string blocker;  ///< what stands against a newer one
};

Result<PrecisionPlan> plan_precision(const Graph& graph, const PrecisionWishes& wishes,
                                     const InferenceOptions& inference);
/// The opset that the narrow nodes of the plan need.
int needed_opset(const PrecisionPlan& plan);

}  // namespace lathe
