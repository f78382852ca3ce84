// SPDX-License-Identifier: Apache-2.0
// Shape and type inference over a whole graph, with symbolic dimensions and propagated integer values.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/finding.h"
#include "engine/graph/graph.h"
#include "engine/ops/operator.h"

namespace lathe {

/// Where a symbol in a shape comes from: the model's own dynamic axis, or a node whose output size depends on
/// data.
struct SymbolOrigin {
  enum class Kind { input_axis, data_dependent, unknown };
  Kind kind = Kind::unknown;
  ValueId input;  ///< input_axis: the first graph input and axis that bears the symbol
  int axis = 0;
  NodeId node;  ///< otherwise: the node of the main graph where it was born
};

/// What inference found. Types by ValueId index of the graph.
struct InferenceResult {
  std::vector<TypeInfo> types;
  std::unordered_map<ValueId, std::vector<Dim>> contents;  ///< integer elements as far as known
  std::unordered_map<ValueId, Tensor>
      evaluated;  ///< small values that follow from constants and known shapes
  std::map<std::string, SymbolOrigin> symbols;
  Findings findings;  ///< contradictions (error), unknown operators (error), declared vs inferred mismatches
                      ///< (warning)

  const TypeInfo& type(ValueId id) const { return types[id.index]; }
  /// A small tensor whose elements inference knows; nullopt otherwise.
  std::optional<Tensor> known_tensor(ValueId id) const;
};

struct InferenceOptions {
  /// Concrete or partly symbolic shapes for graph inputs by name, overriding the declared ones.
  std::map<std::string, Dims> input_shapes;
};

/// Infers types for every value. Never fails as a whole: what cannot be told stays unknown and is reported.
InferenceResult infer(const Graph& graph, const InferenceOptions& options = {});
/// Same, for a sub-graph given the types of its inputs and captures.
InferenceResult infer(const Graph& graph, std::span<const TypeInfo> inputs,
                      std::span<const TypeInfo> captures, const InferenceOptions& options = {});

/// Writes the inferred types into the graph's values.
void apply_types(Graph& graph, const InferenceResult& result);

}  // namespace lathe
