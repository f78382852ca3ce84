// SPDX-License-Identifier: Apache-2.0
// Carries out a precision plan: the one place that inserts casts and narrows constants.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/precision/plan.h"

namespace lathe {

/// What all graphs of one model's rewrite share.
struct CastLog {
  const ModuleTree* modules = nullptr;
  int opset = 0;
  size_t casts = 0;
  std::map<std::string, std::string> reasons;  ///< by name of an inserted Cast of the main graph
  Findings notes;
};

class CastInserter {
 public:
  CastInserter(Graph& graph, const PrecisionPlan& plan, CastLog& log)
      : graph_(graph), editor_(graph), plan_(plan), log_(log) {}
  Status run();

 private:
  CastInserter(Graph& graph, const PrecisionPlan& plan, CastLog& log, CastInserter* outer, NodeId owner)
      : graph_(graph), editor_(graph), plan_(plan), log_(log), outer_(outer), owner_(owner) {}

  Status narrow_whole_constants();
  Status enter_captures();
  Status rewrite(NodeId id);
  Status rewrite_outputs(NodeId id, const PrecisionDecision& decision);
  Status rewrite_attribute(NodeId id, ElementType type);
  Status rewrite_bodies(NodeId id);
  /// The value in `type`, for `user`: itself, a form made before, a narrow constant, or a cast.
  Result<ValueId> in_type(ValueId value, ElementType type, const Node& user);
  Result<ValueId> make_form(ValueId value, ElementType type, const Node& user);
  Result<ValueId> capture_form(ValueId value, ElementType type);
  ValueId add_cast(ValueId from, ElementType type, const Node& user, const std::string& name);
  void put_cast(ValueId from, ValueId to, ElementType type, const Node& neighbour, std::string reason);
  ElementType type_of(ValueId value) const { return graph_.value(value).type.element; }
  /// The one narrow type that every use of the value wants; undefined when uses disagree or want fp32.
  static ElementType unanimous(const Graph& graph, const PrecisionPlan& plan, ValueId value);
  Result<Tensor> narrow(const Tensor& tensor, ElementType type, const std::string& name);

  Graph& graph_;
  GraphEditor editor_;
  const PrecisionPlan& plan_;
  CastLog& log_;
  CastInserter* outer_ = nullptr;
  NodeId owner_;
  std::map<std::pair<ValueId, ElementType>, ValueId> forms_;
  std::map<ValueId, NodeId> casts_;  ///< inserted ones by what they make
};

}  // namespace lathe
