// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/plan_builder.h"

#include <algorithm>

#include "engine/runtime/memory_plan.h"

namespace lathe {

PlanBuilder::PlanBuilder(Graph& graph, const InferenceResult& types, const CompileOptions& options,
                         const std::vector<NodeId>& order)
    : graph_(graph), types_(types), options_(options) {
  placements_.resize(graph_.values().size());
  last_use_.assign(graph_.values().size(), -1);
  for (size_t position = 0; position < order.size(); ++position)
    for (const ValueId input : graph_.node(order[position]).inputs)
      if (input.valid()) last_use_[input.index] = static_cast<int>(position);
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    last_use_[graph_.outputs()[i].index] = INT32_MAX;
    output_of_.try_emplace(graph_.outputs()[i], i);
  }
}

Status PlanBuilder::place_sources() {
  for (size_t i = 0; i < graph_.inputs().size(); ++i) {
    Slot slot;
    slot.kind = Slot::Kind::input;
    slot.index = i;
    const ValueId id = graph_.inputs()[i];
    if (!types_.type(id).is_static())
      return unsupported("input '" + graph_.value(id).name + "'",
                         "has no static shape: " + to_string(types_.type(id)));
    if (types_.type(id).element == ElementType::string)
      return unsupported("input '" + graph_.value(id).name + "'", "holds strings, which an engine cannot");
    plan_.inputs.push_back(desc_of(id));
    slot.bytes = plan_.inputs.back().bytes();
    place(id, add_slot(std::move(slot)), {});
  }
  for (const Value& value : graph_.values()) {
    const Tensor* constant = value.alive ? graph_.constant(value.id) : nullptr;
    if (constant == nullptr) continue;
    Slot slot;
    slot.kind = Slot::Kind::constant;
    slot.bytes = constant->bytes();
    slot.constant = *constant;
    place(value.id, add_slot(std::move(slot)), {});
  }
  return {};
}

int PlanBuilder::add_slot(Slot slot) {
  slot.first = slot.last = static_cast<int>(plan_.steps.size());
  plan_.slots.push_back(std::move(slot));
  values_in_.emplace_back();
  return static_cast<int>(plan_.slots.size()) - 1;
}

TensorDesc PlanBuilder::desc_of(ValueId id, const Layout& layout) const {
  if (!id.valid()) return {};
  const TypeInfo& type = types_.type(id);
  return {type.element, to_shape(*type.dims), layout};
}

int PlanBuilder::place_result(ValueId id, const Layout& layout) {
  Slot slot;
  slot.bytes = desc_of(id, layout).bytes();
  const auto output = output_of_.find(id);
  if (output != output_of_.end() && layout.plain()) {
    slot.kind = Slot::Kind::output;
    slot.index = output->second;
  }
  const int made = add_slot(std::move(slot));
  place(id, made, layout);
  return made;
}

void PlanBuilder::place(ValueId id, int slot, Layout layout) {
  placements_[id.index] = {slot, std::move(layout)};
  values_in_[static_cast<size_t>(slot)].push_back(id);
}

void PlanBuilder::touch(int slot) {
  if (slot < 0) return;
  slot_at(slot).last = static_cast<int>(plan_.steps.size());
  touched_.resize(plan_.slots.size(), false);
  touched_[static_cast<size_t>(slot)] = true;
}

void PlanBuilder::add_step(PlanStep step) {
  for (const int slot : step.inputs) touch(slot);
  for (const int slot : step.outputs) touch(slot);
  plan_.steps.push_back(std::move(step));
}

PlanStep PlanBuilder::copy_step(int from, int to, const TensorDesc& desc, const std::string& name,
                                StepInfo::Kind kind) const {
  PlanStep step;
  step.info.kind = kind;
  step.info.name = name;
  step.info.op_type = "Copy";
  step.info.node = name;
  step.info.nodes = {name};
  step.info.module = options_.module;
  step.info.kernel = "copy";
  step.info.precision = to_string(desc.type);
  step.info.input_dims = {desc.shape};
  step.info.input_types = {desc.type};
  step.info.bytes = 2 * static_cast<int64_t>(desc.bytes());
  step.inputs = {from};
  step.outputs = {to};
  step.input_descs = step.output_descs = {desc};
  return step;
}

Result<int> PlanBuilder::reorder_constant(const Slot& slot, const TensorDesc& from, const Layout& wanted) {
  LATHE_ASSIGN(std::unique_ptr<Kernel> kernel, make_reorder(from.type, from.shape, from.layout, wanted));
  LATHE_ASSIGN(Buffer target, Buffer::allocate(TensorDesc{from.type, from.shape, wanted}.bytes()));
  LATHE_ASSIGN(Buffer scratch, Buffer::allocate(kernel->scratch_bytes()));
  const std::byte* in = slot.constant.raw();
  std::byte* out = target.mutable_data();
  LATHE_TRY(kernel->run({{&in, 1}, {&out, 1}, scratch.mutable_data()}));
  Slot packed;
  packed.kind = Slot::Kind::constant;
  packed.bytes = target.size();
  packed.constant = Tensor::wrap(from.type, from.shape, std::move(target));
  return add_slot(std::move(packed));
}

Result<int> PlanBuilder::slot_in_layout(ValueId id, const Layout& wanted, const Node& consumer) {
  const Placement have = placements_[id.index];
  if (have.layout == wanted) return have.slot;
  for (const Placement& copy : reordered_[have.slot])
    if (copy.layout == wanted) return copy.slot;
  const TensorDesc from = desc_of(id, have.layout);
  if (slot_at(have.slot).kind == Slot::Kind::constant) {
    const Slot source = slot_at(have.slot);
    LATHE_ASSIGN(const int packed, reorder_constant(source, from, wanted));
    reordered_[have.slot].push_back({packed, wanted});
    return packed;
  }
  LATHE_ASSIGN(std::unique_ptr<Kernel> kernel, make_reorder(from.type, from.shape, have.layout, wanted));
  Slot target;
  target.bytes = TensorDesc{from.type, from.shape, wanted}.bytes();
  const int to = add_slot(std::move(target));
  const bool at_border = slot_at(have.slot).kind == Slot::Kind::input;
  PlanStep step = copy_step(have.slot, to, from, "reorder for " + consumer.name,
                            at_border ? StepInfo::Kind::boundary_copy : StepInfo::Kind::reorder);
  step.info.op_type = "Reorder";
  step.info.node = consumer.name;
  step.info.nodes = {consumer.name};
  step.info.module = consumer.module.valid() ? consumer.module : options_.module;
  step.info.kernel = kernel->name();
  step.kernel = std::move(kernel);
  add_step(std::move(step));
  reordered_[have.slot].push_back({to, wanted});
  return to;
}

/// True when nothing after this step reads the slot of the input, and no other input of the node lies there.
bool PlanBuilder::overwritable(const Node& node, size_t input, int position) const {
  const int slot = placements_[node.inputs[input].index].slot;
  if (slot_at(slot).kind != Slot::Kind::arena) return false;
  for (const ValueId id : values_in_[static_cast<size_t>(slot)])
    if (last_use_[id.index] > position) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (i != input && node.inputs[i].valid() && placements_[node.inputs[i].index].slot == slot) return false;
  return true;
}

void PlanBuilder::forget(int slot) {
  reordered_.erase(slot);
  for (auto& [original, copies] : reordered_)
    std::erase_if(copies, [&](const Placement& copy) { return copy.slot == slot; });
}

bool PlanBuilder::take_over(const Node& node, size_t input, int slot, size_t bytes, int position) {
  // Only the value's own slot may be overwritten, not a reordered copy that others may want again.
  const bool own = placement(node.inputs[input]).slot == slot;
  if (!own || slot_at(slot).bytes < bytes || output_of_.contains(node.outputs[0]) ||
      !overwritable(node, input, position))
    return false;
  forget(slot);
  return true;
}

void PlanBuilder::release_constants(const Node& node, int position) {
  touched_.resize(plan_.slots.size(), false);
  for (const ValueId input : node.inputs) {
    if (!input.valid() || graph_.constant(input) == nullptr || last_use_[input.index] > position) continue;
    const auto slot = static_cast<size_t>(placements_[input.index].slot);
    const auto wanted_later = [&](ValueId id) { return last_use_[id.index] > position; };
    if (touched_[slot] || std::any_of(values_in_[slot].begin(), values_in_[slot].end(), wanted_later))
      continue;
    plan_.slots[slot].constant.buffer().release_pages();
    plan_.slots[slot].constant = {};
    GraphEditor(graph_).set_constant(input, {});
  }
}

/// Outputs that were not written in place: views of other values, blocked layouts, inputs or constants passed
/// through.
Status PlanBuilder::finish_outputs() {
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    Placement have = placements_[id.index];
    const Slot& slot = slot_at(have.slot);
    if (slot.kind == Slot::Kind::output && slot.index == i && have.layout.plain()) continue;
    Slot target;
    target.kind = Slot::Kind::output;
    target.index = i;
    target.bytes = desc_of(id).bytes();
    const int to = add_slot(std::move(target));
    PlanStep step = copy_step(have.slot, to, desc_of(id, have.layout), "output " + graph_.value(id).name,
                              StepInfo::Kind::boundary_copy);
    if (!have.layout.plain()) {
      LATHE_ASSIGN(step.kernel,
                   make_reorder(types_.type(id).element, to_shape(*types_.type(id).dims), have.layout, {}));
      step.info.op_type = "Reorder";
      step.info.kernel = step.kernel->name();
    }
    add_step(std::move(step));
  }
  return {};
}

void PlanBuilder::place_arena() {
  std::vector<BufferLifetime> lifetimes;
  std::vector<size_t> owners;
  size_t scratch = 0;
  for (size_t i = 0; i < plan_.slots.size(); ++i) {
    const Slot& slot = plan_.slots[i];
    if (slot.kind != Slot::Kind::arena) continue;
    lifetimes.push_back({slot.bytes + 64, slot.first, slot.last});  // vectors may read past the end
    owners.push_back(i);
  }
  for (const PlanStep& step : plan_.steps)
    if (step.kernel) scratch = std::max(scratch, step.kernel->scratch_bytes());
  const MemoryPlan memory = plan_memory(lifetimes);
  for (size_t k = 0; k < owners.size(); ++k) plan_.slots[owners[k]].offset = memory.offsets[k];
  plan_.scratch_offset = memory.arena_bytes;
  plan_.arena_bytes = memory.arena_bytes + scratch;
}

void PlanBuilder::drop_unused_constants() {
  std::vector<bool> used(plan_.slots.size(), false);
  for (const PlanStep& step : plan_.steps)
    for (const int slot : step.inputs)
      if (slot >= 0) used[static_cast<size_t>(slot)] = true;
  for (size_t i = 0; i < plan_.slots.size(); ++i) {
    Slot& slot = plan_.slots[i];
    if (slot.kind != Slot::Kind::constant) continue;
    if (!used[i])
      slot.constant = {};
    else
      plan_.weight_bytes += slot.bytes;
  }
  for (const PlanStep& step : plan_.steps)
    if (step.kernel) plan_.weight_bytes += step.kernel->packed_bytes();
}

Result<Plan> PlanBuilder::finish() {
  for (const ValueId id : graph_.outputs()) plan_.outputs.push_back(desc_of(id));
  LATHE_TRY(finish_outputs());
  place_arena();
  drop_unused_constants();
  return std::move(plan_);
}

}  // namespace lathe
