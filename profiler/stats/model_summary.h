// SPDX-License-Identifier: Apache-2.0
// What a model consists of, counted: operators, parameters, FLOPs, bytes, by module.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace lathe {

/// Theoretical work of one node for the shapes at hand; -1 where it cannot be told.
struct NodeCost {
  int64_t flops = -1;
  int64_t bytes = -1;  ///< read and written
};

/// Elements and bytes of weights: initializers of floating point or of integers up to 32 bits (64-bit
/// integers are shapes and indices). Each one counts once, however often it is used; those that share storage
/// too.
struct ParameterCount {
  int64_t elements = 0;
  int64_t bytes = 0;
};

struct OperatorSummary {
  std::string op_type;  ///< with its domain when it has one
  int64_t count = 0;
  int64_t flops = 0;  ///< of those nodes that could be told
  int64_t bytes = 0;
};

/// Own: nodes it owns itself; total: those under it too. A shared parameter belongs to the module of its
/// first use.
struct ModuleSummary {
  ModuleId module;
  int64_t nodes = 0, total_nodes = 0;
  ParameterCount parameters, total_parameters;
  int64_t flops = 0, total_flops = 0;
  int64_t bytes = 0, total_bytes = 0;
  std::vector<OperatorSummary> operators;  ///< own, most frequent first
};

struct ModelSummary {
  int64_t nodes = 0;  ///< of the main graph and the sub-graphs inside it
  ParameterCount parameters;
  int64_t flops = 0;
  int64_t bytes = 0;
  int64_t unknown_costs = 0;               ///< nodes of the main graph whose FLOPs could not be told
  std::vector<OperatorSummary> operators;  ///< most frequent first
  std::vector<ModuleSummary> modules;      ///< by ModuleId
};

/// `costs` by node index of the main graph; empty, or shorter: unknown.
ModelSummary summarize(const Model& model, std::span<const NodeCost> costs = {});

}  // namespace lathe
