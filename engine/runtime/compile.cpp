// SPDX-License-Identifier: Apache-2.0
// Lowers a graph with static shapes to a plan: kernels chosen, layouts carried, memory placed.
#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "engine/kernels/narrow.h"
#include "engine/ops/inference.h"
#include "engine/passes/pass.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/engine_run.h"
#include "engine/runtime/memory_plan.h"
#include "engine/runtime/plan.h"
#include "engine/runtime/step_info.h"

namespace lathe {
namespace {

std::string locate(const Node& node) {
  return "node '" + node.name + "' (" + node.qualified_type() + ")";
}

/// Where a value lies: a slot and the layout in it.
struct Placement {
  int slot = -1;
  Layout layout;
};

/// Blocks of channels are what Winograd, depthwise and pointwise convolutions and poolings read best, and
/// images in them are concatenated without a change; a model that keeps to one layout saves reorders. Groups
/// narrower than a block do not fit into them.
bool prefers_blocked_channels(const Graph& graph) {
  constexpr int64_t block = 16;
  return std::none_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
    if (!node.alive || (node.op_type != "Conv" && node.qualified_type() != "lathe.FusedConv")) return false;
    const Tensor* weights = graph.constant(node.inputs[1]);
    const bool grouped = node.attributes.get_int("group", 1) > 1;
    return grouped && weights != nullptr && weights->rank() > 2 && weights->dim(1) > 1 &&
           weights->dim(1) % block != 0;
  });
}

class Lowering {
 public:
  Lowering(Graph& graph, const InferenceResult& types, const CompileOptions& options)
      : graph_(graph), types_(types), options_(options), blocked_channels_(prefers_blocked_channels(graph)) {}

  Result<Plan> run();

 private:
  Status lower(const Node& node, int position);
  Status lower_view(const Node& node, int position);
  Status lower_kernel(const Node& node, std::unique_ptr<Kernel> kernel, int position);
  Status lower_reference(const Node& node, const Operator& op, int position);
  /// Rounds the results of the step just made, where a pass has asked for it.
  void round_results(const Node& node);
  Status finish_outputs();
  void place_arena();
  void drop_unused_constants();
  /// Constants that the node was the last to ask for and that a kernel has packed: their memory is free for
  /// what is packed next.
  void release_constants(const Node& node, int position);

  KernelRequest request_for(const Node& node) const;
  TensorDesc desc_of(ValueId id, const Layout& layout = {}) const;
  int add_slot(Slot slot);
  int new_slot_for(ValueId id, const Layout& layout);
  /// The value in the layout wanted, reordering it once where needed.
  Result<int> slot_in_layout(ValueId id, const Layout& wanted, const Node& consumer);
  Result<int> reorder_constant(const Slot& slot, const TensorDesc& from, const Layout& wanted);
  bool overwritable(const Node& node, size_t input, int position) const;
  /// The slot is about to be overwritten: no copy of it, and not it as a copy, may be taken for a value any
  /// more.
  void forget(int slot);
  void place(ValueId id, int slot, Layout layout);
  void touch(int slot) {
    if (slot < 0) return;
    plan_.slots[static_cast<size_t>(slot)].last = static_cast<int>(plan_.steps.size());
    touched_.resize(plan_.slots.size(), false);
    touched_[static_cast<size_t>(slot)] = true;
  }
  PlanStep copy_step(int from, int to, const TensorDesc& desc, const std::string& name,
                     StepInfo::Kind kind) const;

  Graph& graph_;
  const InferenceResult& types_;
  const CompileOptions& options_;
  bool blocked_channels_;
  Plan plan_;
  std::vector<Placement> placements_;                          // by value
  std::unordered_map<int, std::vector<Placement>> reordered_;  // slot -> copies of it in other layouts
  std::vector<int> last_use_;                                  // by value: position of its last consumer
  std::unordered_map<ValueId, size_t> output_of_;  // values that may be written straight into an output
  std::vector<std::vector<ValueId>> values_in_;    // by slot
  std::vector<bool> touched_;                      // by slot: a step reads or writes it
};

int Lowering::add_slot(Slot slot) {
  slot.first = slot.last = static_cast<int>(plan_.steps.size());
  plan_.slots.push_back(std::move(slot));
  values_in_.emplace_back();
  return static_cast<int>(plan_.slots.size()) - 1;
}

TensorDesc Lowering::desc_of(ValueId id, const Layout& layout) const {
  if (!id.valid()) return {};
  const TypeInfo& type = types_.type(id);
  return {type.element, to_shape(*type.dims), layout};
}

int Lowering::new_slot_for(ValueId id, const Layout& layout) {
  Slot slot;
  slot.bytes = desc_of(id, layout).bytes();
  const auto output = output_of_.find(id);
  if (output != output_of_.end() && layout.plain()) {
    slot.kind = Slot::Kind::output;
    slot.index = output->second;
  }
  return add_slot(std::move(slot));
}

void Lowering::place(ValueId id, int slot, Layout layout) {
  placements_[id.index] = {slot, std::move(layout)};
  values_in_[static_cast<size_t>(slot)].push_back(id);
}

PlanStep Lowering::copy_step(int from, int to, const TensorDesc& desc, const std::string& name,
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

Result<int> Lowering::reorder_constant(const Slot& slot, const TensorDesc& from, const Layout& wanted) {
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

Result<int> Lowering::slot_in_layout(ValueId id, const Layout& wanted, const Node& consumer) {
  const Placement have = placements_[id.index];
  if (have.layout == wanted) return have.slot;
  for (const Placement& copy : reordered_[have.slot])
    if (copy.layout == wanted) return copy.slot;
  const TensorDesc from = desc_of(id, have.layout);
  if (plan_.slots[static_cast<size_t>(have.slot)].kind == Slot::Kind::constant) {
    const Slot source = plan_.slots[static_cast<size_t>(have.slot)];
    LATHE_ASSIGN(const int packed, reorder_constant(source, from, wanted));
    reordered_[have.slot].push_back({packed, wanted});
    return packed;
  }
  LATHE_ASSIGN(std::unique_ptr<Kernel> kernel, make_reorder(from.type, from.shape, have.layout, wanted));
  Slot target;
  target.bytes = TensorDesc{from.type, from.shape, wanted}.bytes();
  const int to = add_slot(std::move(target));
  const bool at_border = plan_.slots[static_cast<size_t>(have.slot)].kind == Slot::Kind::input;
  PlanStep step = copy_step(have.slot, to, from, "reorder for " + consumer.name,
                            at_border ? StepInfo::Kind::boundary_copy : StepInfo::Kind::reorder);
  step.info.op_type = "Reorder";
  step.info.node = consumer.name;
  step.info.nodes = {consumer.name};
  step.info.module = consumer.module.valid() ? consumer.module : options_.module;
  step.info.kernel = kernel->name();
  step.kernel = std::move(kernel);
  touch(have.slot);
  touch(to);
  plan_.steps.push_back(std::move(step));
  reordered_[have.slot].push_back({to, wanted});
  return to;
}

KernelRequest Lowering::request_for(const Node& node) const {
  KernelRequest request;
  request.node = &node;
  request.blocked_channels = blocked_channels_;
  for (const ValueId input : node.inputs) {
    request.inputs.push_back(input.valid() ? desc_of(input, placements_[input.index].layout) : TensorDesc{});
    request.constants.push_back(input.valid() ? graph_.constant(input) : nullptr);
  }
  for (const ValueId output : node.outputs) request.outputs.push_back(desc_of(output));
  return request;
}

/// True when nothing after this step reads the slot of the input, and no other input of the node lies there.
bool Lowering::overwritable(const Node& node, size_t input, int position) const {
  const int slot = placements_[node.inputs[input].index].slot;
  if (plan_.slots[static_cast<size_t>(slot)].kind != Slot::Kind::arena) return false;
  for (const ValueId id : values_in_[static_cast<size_t>(slot)])
    if (last_use_[id.index] > position) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (i != input && node.inputs[i].valid() && placements_[node.inputs[i].index].slot == slot) return false;
  return true;
}

void Lowering::forget(int slot) {
  reordered_.erase(slot);
  for (auto& [original, copies] : reordered_)
    std::erase_if(copies, [&](const Placement& copy) { return copy.slot == slot; });
}

Status Lowering::lower_kernel(const Node& node, std::unique_ptr<Kernel> kernel, int position) {
  PlanStep step;
  KernelRequest request = request_for(node);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    int slot = -1;
    if (node.inputs[i].valid() && !kernel->consumed(i)) {
      const Layout wanted = i < kernel->input_layouts().size() ? kernel->input_layouts()[i] : Layout{};
      LATHE_ASSIGN(slot, slot_in_layout(node.inputs[i], wanted, node));
      request.inputs[i].layout = wanted;
    }
    step.inputs.push_back(slot);
  }
  const int base = kernel->in_place_input();
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId output = node.outputs[i];
    if (!output.valid()) {
      step.outputs.push_back(-1);
      continue;
    }
    const Layout layout = i < kernel->output_layouts().size() ? kernel->output_layouts()[i] : Layout{};
    request.outputs[i].layout = layout;
    int slot = -1;
    if (i == 0 && base >= 0) {
      const auto from = static_cast<size_t>(base);
      // Only the value's own slot may be overwritten, not a reordered copy that others may want again.
      const bool own = placements_[node.inputs[from].index].slot == step.inputs[from];
      const bool fits =
          own && plan_.slots[static_cast<size_t>(step.inputs[from])].bytes >= request.outputs[0].bytes();
      if (fits && !output_of_.contains(output) && overwritable(node, from, position)) {
        slot = step.inputs[from];
        forget(slot);
      } else if (kernel->in_place_required())
        step.copy_from = step.inputs[from];
    }
    if (slot < 0) slot = new_slot_for(output, layout);
    place(output, slot, layout);
    step.outputs.push_back(slot);
  }
  step.info = describe_step(node, *operators().find(node), request.inputs, request.outputs, kernel->name());
  step.info.kind = StepInfo::Kind::engine_step;
  step.input_descs = std::move(request.inputs);
  step.output_descs = std::move(request.outputs);
  step.kernel = std::move(kernel);
  for (const int slot : step.inputs) touch(slot);
  for (const int slot : step.outputs) touch(slot);
  plan_.steps.push_back(std::move(step));
  return {};
}

Status Lowering::lower_view(const Node& node, int) {
  LATHE_ASSIGN(const int slot, slot_in_layout(node.inputs[0], {}, node));
  place(node.outputs[0], slot, {});
  return {};
}

Status Lowering::lower_reference(const Node& node, const Operator& op, int) {
  if (op.run == nullptr) return unsupported(locate(node), "has no kernel in this build");
  PlanStep step;
  KernelRequest request = request_for(node);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    int slot = -1;
    if (node.inputs[i].valid()) {
      LATHE_ASSIGN(slot, slot_in_layout(node.inputs[i], {}, node));
      request.inputs[i].layout = {};
    }
    step.inputs.push_back(slot);
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    int slot = -1;
    if (node.outputs[i].valid()) {
      slot = new_slot_for(node.outputs[i], {});
      place(node.outputs[i], slot, {});
    }
    step.outputs.push_back(slot);
  }
  step.info = describe_step(node, op, request.inputs, request.outputs, "reference");
  step.info.kind = StepInfo::Kind::engine_step;
  step.input_descs = std::move(request.inputs);
  step.output_descs = std::move(request.outputs);
  step.op = &op;
  step.node = std::make_unique<Node>(node);
  for (const int slot : step.inputs) touch(slot);
  for (const int slot : step.outputs) touch(slot);
  plan_.steps.push_back(std::move(step));
  return {};
}

void Lowering::round_results(const Node& node) {
  const auto rounding = node.metadata.find(rounding_key);
  if (rounding == node.metadata.end()) return;
  const ElementType precision = parse_element_type(rounding->second).value_or(ElementType::f16);
  plan_.steps.back().info.precision = to_string(precision);
  const StepInfo made = plan_.steps.back().info;
  for (const ValueId output : node.outputs) {
    if (!output.valid() || types_.type(output).element != ElementType::f32) continue;
    const Placement& placed = placements_[output.index];
    const TensorDesc desc = desc_of(output, placed.layout);
    PlanStep step;
    step.kernel = make_rounding(precision, desc.bytes() / sizeof(float));
    step.info = made;
    step.info.op_type = "Round";
    step.info.kernel = step.kernel->name();
    step.info.input_dims = {desc.shape};
    step.info.input_types = {desc.type};
    step.info.flops = element_count(desc.shape);
    step.info.bytes = 2 * static_cast<int64_t>(desc.bytes());
    step.inputs = step.outputs = {placed.slot};
    step.input_descs = step.output_descs = {desc};
    touch(placed.slot);
    plan_.steps.push_back(std::move(step));
  }
}

Status Lowering::lower(const Node& node, int position) {
  const Operator* op = operators().find(node);
  if (op == nullptr) return unsupported(locate(node), "is not known to this build");
  if ((op->traits & trait_control_flow) != 0)
    return unsupported(locate(node), "has sub-graphs, which an engine cannot run");
  for (const ValueId input : node.inputs)
    if (input.valid() && types_.type(input).element == ElementType::string)
      return unsupported(locate(node), "reads strings, which an engine cannot hold");
  for (const ValueId output : node.outputs) {
    if (!output.valid()) continue;
    const TypeInfo& type = types_.type(output);
    if (!type.is_tensor() || type.element == ElementType::string)
      return unsupported(locate(node), "makes a " + to_string(type) + ", which an engine cannot hold");
    if (!type.is_static())
      return unsupported(locate(node), "has an output of dynamic shape " + to_string(type));
  }
  if (node.op_type == "Constant" && node.domain.empty() && graph_.constant(node.outputs[0]) != nullptr)
    return {};
  if ((op->traits & trait_view) != 0 &&
      types_.type(node.inputs[0]).element == types_.type(node.outputs[0]).element)
    return lower_view(node, position);
  const KernelRequest request = request_for(node);
  for (const KernelCandidate& candidate : kernels().find(node.qualified_type())) {
    Prepared prepared = candidate.prepare(request);
    if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) {
      LATHE_TRY(lower_kernel(node, std::move(*kernel), position));
      round_results(node);
      return {};
    }
  }
  LATHE_TRY(lower_reference(node, *op, position));
  round_results(node);
  return {};
}

/// Outputs that were not written in place: views of other values, blocked layouts, inputs or constants passed
/// through.
Status Lowering::finish_outputs() {
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    Placement have = placements_[id.index];
    const Slot& slot = plan_.slots[static_cast<size_t>(have.slot)];
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
    touch(have.slot);
    touch(to);
    plan_.steps.push_back(std::move(step));
  }
  return {};
}

void Lowering::place_arena() {
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

void Lowering::release_constants(const Node& node, int position) {
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

void Lowering::drop_unused_constants() {
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

Result<Plan> Lowering::run() {
  LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph_));
  placements_.resize(graph_.values().size());
  last_use_.assign(graph_.values().size(), -1);
  for (size_t position = 0; position < order.size(); ++position)
    for (const ValueId input : graph_.node(order[position]).inputs)
      if (input.valid()) last_use_[input.index] = static_cast<int>(position);
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    last_use_[graph_.outputs()[i].index] = INT32_MAX;
    output_of_.try_emplace(graph_.outputs()[i], i);
  }
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
  for (size_t position = 0; position < order.size(); ++position) {
    if (options_.job != nullptr) LATHE_TRY(options_.job->check());
    const Node& node = graph_.node(order[position]);
    LATHE_TRY(lower(node, static_cast<int>(position)));
    release_constants(node, static_cast<int>(position));
  }
  for (const ValueId id : graph_.outputs()) plan_.outputs.push_back(desc_of(id));
  LATHE_TRY(finish_outputs());
  place_arena();
  drop_unused_constants();
  return std::move(plan_);
}

}  // namespace

Result<std::unique_ptr<Engine>> compile(const Graph& graph, const CompileOptions& options) {
  Graph copy = graph.clone();
  PassOptions pass_options;
  pass_options.modules = options.modules;
  pass_options.fuse = options.fuse;
  LATHE_TRY(optimize(copy, pass_options));
  const InferenceResult types = infer(copy);
  LATHE_ASSIGN(Plan plan, Lowering(copy, types, options).run());
  return make_engine(std::move(plan), options);
}

}  // namespace lathe
