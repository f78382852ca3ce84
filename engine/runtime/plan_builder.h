// SPDX-License-Identifier: Apache-2.0
// A plan being built: slots for values, the layouts they have there, reorders between those, and memory once
// all steps are known. Which kernel runs a node is not its business. Internal to runtime.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/ops/inference.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/plan.h"

namespace lathe {

/// Where a value lies: a slot and the layout in it.
struct Placement {
  int slot = -1;
  Layout layout;
};

class PlanBuilder {
 public:
  /// `order`: the nodes, as they will be lowered; positions count in it. All three outlive the builder.
  PlanBuilder(Graph& graph, const InferenceResult& types, const CompileOptions& options,
              const std::vector<NodeId>& order);

  /// Slots for inputs and constants.
  Status place_sources();
  const Placement& placement(ValueId id) const { return placements_[id.index]; }
  /// Undefined for an absent value.
  TensorDesc desc_of(ValueId id, const Layout& layout = {}) const;
  /// A new slot for a result, the output itself where it may be written there.
  int place_result(ValueId id, const Layout& layout);
  /// The value lies where another one does, or in a slot taken over.
  void place(ValueId id, int slot, Layout layout);
  /// Whether the step may write result 0 of the node over what it reads in `slot` for this input: nobody
  /// wants that later, and it is large enough. Copies of what was there are then forgotten.
  bool take_over(const Node& node, size_t input, int slot, size_t bytes, int position);
  /// The value in the layout wanted, reordering it once where needed.
  Result<int> slot_in_layout(ValueId id, const Layout& wanted, const Node& consumer);
  void add_step(PlanStep step);
  PlanStep& last_step() { return plan_.steps.back(); }
  /// Constants that the node was the last to ask for and that a kernel has packed: their memory is free for
  /// what is packed next.
  void release_constants(const Node& node, int position);
  /// Writes what is left of the outputs and places all memory. The builder is used up.
  Result<Plan> finish();

 private:
  Slot& slot_at(int slot) { return plan_.slots[static_cast<size_t>(slot)]; }
  const Slot& slot_at(int slot) const { return plan_.slots[static_cast<size_t>(slot)]; }
  int add_slot(Slot slot);
  Result<int> reorder_constant(const Slot& slot, const TensorDesc& from, const Layout& wanted);
  PlanStep copy_step(int from, int to, const TensorDesc& desc, const std::string& name,
                     StepInfo::Kind kind) const;
  bool overwritable(const Node& node, size_t input, int position) const;
  /// The slot is about to be overwritten: no copy of it, and not it as a copy, may be taken for a value any
  /// more.
  void forget(int slot);
  void touch(int slot);
  Status finish_outputs();
  void place_arena();
  void drop_unused_constants();

  Graph& graph_;
  const InferenceResult& types_;
  const CompileOptions& options_;
  Plan plan_;
  std::vector<Placement> placements_;                          // by value
  std::unordered_map<int, std::vector<Placement>> reordered_;  // slot -> copies of it in other layouts
  std::vector<int> last_use_;                                  // by value: position of its last consumer
  std::unordered_map<ValueId, size_t> output_of_;  // values that may be written straight into an output
  std::vector<std::vector<ValueId>> values_in_;    // by slot
  std::vector<bool> touched_;                      // by slot: a step reads or writes it
};

}  // namespace lathe
