// SPDX-License-Identifier: Apache-2.0
// Rules that keep a node wide, each with a reason. The first one that speaks decides.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ops/inference.h"
#include "engine/precision/narrow_form.h"

namespace lathe {

/// What follows from a whole graph, by node index.
struct GraphFacts {
  std::vector<bool> from_shapes;  ///< computed from nothing but sizes and constants
  std::vector<bool> to_indices;   ///< all its results end in integers
  std::vector<bool> to_angles;    ///< all its results end in sines and cosines
  std::vector<bool> to_outputs;   ///< the last small product before the graph's outputs, and what follows it

  static GraphFacts of(const Graph& graph, const std::vector<NodeId>& order);
};

/// One node that is asked to become narrow.
struct RuleContext {
  const Graph& graph;
  const InferenceResult& types;
  const GraphFacts& facts;
  const Node& node;
  ElementType narrow;      ///< f16 or bf16
  const NarrowForm* form;  ///< null: not in the table

  bool is(std::initializer_list<std::string_view> op_types) const;  ///< of ai.onnx
  /// Constant f32 input i, or null.
  const Tensor* constant(size_t i) const;
  /// The node that makes input i, or null.
  const Node* producer(size_t i) const;
  /// Elements that one element of output 0 of a reduction or pool comes from; nullopt when not known.
  std::optional<int64_t> reduced_elements() const;
};

struct PrecisionRule {
  std::string_view name;
  /// The reason why the node has to stay wide, one sentence; nullopt when this rule has nothing against it.
  std::optional<std::string> (*keeps_wide)(const RuleContext&) = nullptr;
};

class PrecisionRuleRegistry {
 public:
  void add(PrecisionRule rule) { rules_.push_back(rule); }
  const std::vector<PrecisionRule>& all() const { return rules_; }

 private:
  std::vector<PrecisionRule> rules_;
};

/// In the order of the list. Thread-safe, immutable.
const PrecisionRuleRegistry& precision_rules();

}  // namespace lathe
