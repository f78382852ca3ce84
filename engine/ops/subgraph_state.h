// SPDX-License-Identifier: Apache-2.0
// What operators that run a body again and again share: state types that hold for every round, and outputs
// collected over the rounds.
#pragma once

#include <span>
#include <vector>

#include "engine/ops/join_types.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operator.h"

namespace lathe {

/// The graph attribute of that name.
Result<const Graph*> subgraph(const Node& node, const char* attribute);

/// Type of body input i as declared, which is a scalar of `element` where nothing is.
TypeInfo declared_scalar(const Graph& body, size_t i, ElementType element);
/// A scalar as body input i declares it: some exporters want shape [1].
RuntimeValue scalar_like(const Graph& body, size_t i, Tensor scalar);

/// Infers a body whose inputs from `first` on are `states` states that its outputs from `first_output` on
/// replace. Widens the states in `inputs` until a round leaves them as they are. Gives the body's output
/// types.
Result<std::vector<TypeInfo>> infer_rounds(InferContext& context, const Graph& body,
                                           std::vector<TypeInfo>& inputs, size_t first, size_t states,
                                           size_t first_output);

/// Appends a round's tensors, one per list.
Status collect(const RunContext& context, std::span<RuntimeValue> round,
               std::vector<std::vector<Tensor>>& lists);
/// Output i: the tensors stacked along a new axis (negative from the end), the last first when `reverse`.
/// Without tensors the declared type says what is stacked.
Status stack(RunContext& context, size_t i, const std::vector<Tensor>& tensors, int64_t axis, bool reverse,
             const TypeInfo& declared);

}  // namespace lathe
