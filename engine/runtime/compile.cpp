// SPDX-License-Identifier: Apache-2.0
// Lowers a graph with static shapes to a plan: each node becomes the step of the first kernel that takes it,
// or of the fastest where kernels are measured.
#include <algorithm>

#include "engine/kernels/narrow.h"
#include "engine/ops/inference.h"
#include "engine/passes/pass.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/engine_run.h"
#include "engine/runtime/plan_builder.h"
#include "engine/runtime/step_info.h"
#include "engine/runtime/tuner.h"

namespace lathe {
namespace {

std::string locate(const Node& node) {
  return "node '" + node.name + "' (" + node.qualified_type() + ")";
}

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
  Lowering(const Graph& graph, const InferenceResult& types, PlanBuilder& plan)
      : graph_(graph), types_(types), plan_(plan), blocked_channels_(prefers_blocked_channels(graph)) {}

  /// Adds the steps of the node at this position of the order.
  Status lower(const Node& node, int position);

 private:
  Status check(const Node& node, const Operator* op) const;
  Result<std::unique_ptr<Kernel>> choose_kernel(KernelRequest request) const;
  Status lower_view(const Node& node);
  Status lower_kernel(const Node& node, std::unique_ptr<Kernel> kernel, int position);
  Status lower_reference(const Node& node, const Operator& op);
  /// Rounds the results of the step just made, where a pass has asked for it.
  void round_results(const Node& node);
  KernelRequest request_for(const Node& node) const;

  const Graph& graph_;
  const InferenceResult& types_;
  PlanBuilder& plan_;
  bool blocked_channels_;
};

KernelRequest Lowering::request_for(const Node& node) const {
  KernelRequest request;
  request.node = &node;
  request.blocked_channels = blocked_channels_;
  for (const ValueId input : node.inputs) {
    request.inputs.push_back(input.valid() ? plan_.desc_of(input, plan_.placement(input).layout)
                                           : TensorDesc{});
    request.constants.push_back(input.valid() ? graph_.constant(input) : nullptr);
  }
  for (const ValueId output : node.outputs) request.outputs.push_back(plan_.desc_of(output));
  return request;
}

Status Lowering::lower_kernel(const Node& node, std::unique_ptr<Kernel> kernel, int position) {
  PlanStep step;
  KernelRequest request = request_for(node);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    int slot = -1;
    if (node.inputs[i].valid() && !kernel->consumed(i)) {
      const Layout wanted = i < kernel->input_layouts().size() ? kernel->input_layouts()[i] : Layout{};
      LATHE_ASSIGN(slot, plan_.slot_in_layout(node.inputs[i], wanted, node));
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
      if (plan_.take_over(node, from, step.inputs[from], request.outputs[0].bytes(), position)) {
        slot = step.inputs[from];
        plan_.place(output, slot, layout);
      } else if (kernel->in_place_required())
        step.copy_from = step.inputs[from];
    }
    if (slot < 0) slot = plan_.place_result(output, layout);
    step.outputs.push_back(slot);
  }
  step.info = describe_step(node, *operators().find(node), request.inputs, request.outputs, kernel->name());
  step.info.kind = StepInfo::Kind::engine_step;
  step.input_descs = std::move(request.inputs);
  step.output_descs = std::move(request.outputs);
  step.kernel = std::move(kernel);
  plan_.add_step(std::move(step));
  return {};
}

Status Lowering::lower_view(const Node& node) {
  LATHE_ASSIGN(const int slot, plan_.slot_in_layout(node.inputs[0], {}, node));
  plan_.place(node.outputs[0], slot, {});
  return {};
}

Status Lowering::lower_reference(const Node& node, const Operator& op) {
  if (op.run == nullptr) return unsupported(locate(node), "has no kernel in this build");
  PlanStep step;
  KernelRequest request = request_for(node);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    int slot = -1;
    if (node.inputs[i].valid()) {
      LATHE_ASSIGN(slot, plan_.slot_in_layout(node.inputs[i], {}, node));
      request.inputs[i].layout = {};
    }
    step.inputs.push_back(slot);
  }
  for (const ValueId output : node.outputs)
    step.outputs.push_back(output.valid() ? plan_.place_result(output, {}) : -1);
  step.info = describe_step(node, op, request.inputs, request.outputs, "reference");
  step.info.kind = StepInfo::Kind::engine_step;
  step.input_descs = std::move(request.inputs);
  step.output_descs = std::move(request.outputs);
  step.op = &op;
  step.node = std::make_unique<Node>(node);
  plan_.add_step(std::move(step));
  return {};
}

void Lowering::round_results(const Node& node) {
  const auto rounding = node.metadata.find(rounding_key);
  if (rounding == node.metadata.end()) return;
  const ElementType precision = parse_element_type(rounding->second).value_or(ElementType::f16);
  plan_.last_step().info.precision = to_string(precision);
  const StepInfo made = plan_.last_step().info;
  for (const ValueId output : node.outputs) {
    if (!output.valid() || types_.type(output).element != ElementType::f32) continue;
    const Placement& placed = plan_.placement(output);
    const TensorDesc desc = plan_.desc_of(output, placed.layout);
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
    plan_.add_step(std::move(step));
  }
}

/// Whether an engine can hold what the node reads and makes.
Status Lowering::check(const Node& node, const Operator* op) const {
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
  return {};
}

/// The first that takes the request, or the fastest; null: none does.
Result<std::unique_ptr<Kernel>> Lowering::choose_kernel(KernelRequest request) const {
  request.measured = tuner() != nullptr;
  std::vector<std::unique_ptr<Kernel>> fit;
  for (const KernelCandidate& candidate : kernels().find(request.node->qualified_type())) {
    Prepared prepared = candidate.prepare(request);
    if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) fit.push_back(std::move(*kernel));
    if (!fit.empty() && !request.measured) break;
  }
  if (fit.empty()) return std::unique_ptr<Kernel>();
  size_t best = 0;
  if (request.measured) {
    LATHE_ASSIGN(best, tuner()->fastest(request, fit));
  }
  return std::move(fit[best]);
}

Status Lowering::lower(const Node& node, int position) {
  const Operator* op = operators().find(node);
  LATHE_TRY(check(node, op));
  if (node.op_type == "Constant" && node.domain.empty() && graph_.constant(node.outputs[0]) != nullptr)
    return {};
  if ((op->traits & trait_view) != 0 &&
      types_.type(node.inputs[0]).element == types_.type(node.outputs[0]).element)
    return lower_view(node);
  LATHE_ASSIGN(std::unique_ptr<Kernel> kernel, choose_kernel(request_for(node)));
  LATHE_TRY(kernel ? lower_kernel(node, std::move(kernel), position) : lower_reference(node, *op));
  round_results(node);
  return {};
}

Result<Plan> make_plan(Graph& graph, const CompileOptions& options) {
  const InferenceResult types = infer(graph);
  LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph));
  PlanBuilder plan(graph, types, options, order);
  LATHE_TRY(plan.place_sources());
  Lowering lowering(graph, types, plan);
  for (size_t position = 0; position < order.size(); ++position) {
    if (options.job != nullptr) LATHE_TRY(options.job->check());
    const Node& node = graph.node(order[position]);
    LATHE_TRY(lowering.lower(node, static_cast<int>(position)));
    plan.release_constants(node, static_cast<int>(position));
  }
  // What cannot be kept (a cache folder that nobody may write to) is measured again next time.
  if (tuner() != nullptr) static_cast<void>(tuner()->save());
  return plan.finish();
}

}  // namespace

Result<std::unique_ptr<Engine>> compile(const Graph& graph, const CompileOptions& options) {
  Graph copy = graph.clone();
  PassOptions pass_options;
  pass_options.modules = options.modules;
  pass_options.fuse = options.fuse;
  LATHE_TRY(optimize(copy, pass_options));
  LATHE_ASSIGN(Plan plan, make_plan(copy, options));
  trim_buffers();  // of constants that are packed now
  return make_engine(std::move(plan), options);
}

}  // namespace lathe
