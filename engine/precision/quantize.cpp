// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/quantize.h"

#include <algorithm>

#include "engine/base/strings.h"
#include "engine/graph/verify.h"
#include "engine/passes/pass.h"
#include "engine/precision/module_scopes.h"
#include "engine/precision/qdq_inserter.h"
#include "engine/precision/rebuild.h"
#include "engine/precision/rewrite_facts.h"
#include "engine/precision/weights_writer.h"

namespace lathe {
namespace {

/// What exporters make of equal weights: one of them, and Identity of it for the others. Normalisations read
/// the weights themselves, so that they can be folded.
void bypass_identities(Graph& graph) {
  GraphEditor editor(graph);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const bool normalises = node.domain.empty() && (node.op_type == "Mul" || node.op_type == "Add" ||
                                                    node.op_type == "BatchNormalization");
    if (!node.alive || !normalises) continue;
    std::vector<ValueId> inputs = node.inputs;
    for (ValueId& input : inputs)
      while (input.valid() && constant_behind(graph, input) != nullptr && graph.constant(input) == nullptr)
        input = graph.node(graph.value(input).producer).inputs[0];
    if (inputs != node.inputs) editor.set_node_inputs(node.id, std::move(inputs));
  }
}

/// A convolution stays in its own module.
Status fold_normalisations(Model& model) {
  std::vector<ModuleId> modules;
  for (const Node& node : model.graph.nodes()) modules.push_back(node.module);
  bypass_identities(model.graph);
  PassOptions options;
  options.modules = &model.modules;
  PassContext context(model.graph, options);
  for (const Pass& pass : passes().all()) {
    if (pass.name != "fold_batch_norm") continue;
    for (;;) {
      LATHE_ASSIGN(const size_t changes, pass.run(context));
      if (changes == 0) break;
      context.refresh();
    }
  }
  context.editor.remove_dead();
  for (const Node& node : model.graph.nodes())
    if (node.alive && node.id.index < modules.size() && node.module != modules[node.id.index])
      context.editor.set_module(node.id, modules[node.id.index]);
  return {};
}

Error no_such_module(const ModuleTree& tree, const std::string& path) {
  std::vector<std::string> paths;
  for (const Module& module : tree.modules()) paths.push_back(module.path);
  Error error = usage_error("module '" + path + "'", "is no module of the model");
  const std::string nearest = nearest_name(path, paths);
  return nearest.empty() ? error : error.hint("did you mean '" + nearest + "'?");
}

/// Facts about the nodes of the plan by name, since the rewrite ends with new ids.
PrecisionReport report_of(const Graph& before, const Int8Plan& plan, const Graph& after,
                          const std::map<std::string, std::string>& inserted) {
  PrecisionReport report;
  for (const Node& node : after.nodes()) {
    NodePrecision fact = fact_of(node);
    if (const auto made = inserted.find(node.name); made != inserted.end()) {
      fact.precision = node.op_type == "QuantizeLinear" ? ElementType::u8 : ElementType::f32;
      fact.rule = "quantization";
      fact.reason = made->second;
      fact.inserted = true;
      ++report.casts;
      report.nodes.push_back(std::move(fact));
      continue;
    }
    const auto original = before.find_node(node.name);
    if (!original || node.op_type == "Constant" || node.outputs.empty()) continue;
    const Int8Decision& decision = plan.of(*original);
    const ValueId output = before.node(*original).outputs[0];
    const bool floating =
        output.valid() && plan.types.type(output).is_tensor() && is_float(plan.types.type(output).element);
    if (decision.product) report.product_flops += decision.flops;
    if (decision.product && decision.int8) report.int8_flops += decision.flops;
    if (!floating) continue;
    fact.precision = decision.int8 ? ElementType::i8 : plan.types.type(output).element;
    fact.rule = decision.rule;
    fact.reason = decision.reason;
    fact.flops = decision.flops;
    report.nodes.push_back(std::move(fact));
  }
  return report;
}

/// Tables that only lookups read, in 8 bit in the file and in memory; what is picked is dequantised.
Status store_tables(const Graph& graph, const Int8Plan& plan, WeightWriter& writer) {
  for (const NodeId id : plan.order) {
    if (!plan.of(id).table || !plan.of(id).int8) continue;
    WeightDecision decision;
    decision.node = id;
    decision.weights = graph.node(id).inputs[0];
    decision.axis = plan.of(id).channel_axis;
    decision.table = true;
    decision.form = WeightForm::int8;
    LATHE_TRY(writer.write(decision));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Model>> prepared_for_int8(const Model& model) {
  auto made = std::make_shared<Model>(model);
  made->graph = model.graph.clone();
  LATHE_TRY(raise_for_channels(*made, "int8 needs"));
  LATHE_TRY(fold_normalisations(*made));
  LATHE_ASSIGN(made->graph, rebuild(made->graph));
  refresh_modules(*made);
  return std::shared_ptr<const Model>(made);
}

Result<Int8Wishes> int8_wishes(const ModuleTree& tree, const PrecisionRequest& request) {
  Int8Wishes wishes;
  wishes.modules = &tree;
  wishes.wide = request.keep;
  for (const auto& [path, type] : request.modules)
    if (!tree.find(path)) return no_such_module(tree, path);
  for (const std::string& path : request.exclude) {
    const auto module = tree.find(path);
    if (!module) return no_such_module(tree, path);
    wishes.wide_modules[*module] = "module '" + path + "' is excluded";
  }
  for (const Module& module : tree.modules()) {
    const auto own = request.modules.find(module.path);
    wishes.asked.push_back(own != request.modules.end()
                               ? own->second == ElementType::i8
                               : module.parent.valid() && wishes.asked[module.parent.index]);
  }
  return wishes;
}

std::vector<std::string> values_to_calibrate(const Graph& graph, const Int8Plan& plan) {
  std::vector<std::string> names;
  for (const auto& [value, range_from] : plan.tensors)
    for (const ValueId id : {value, range_from}) names.push_back(graph.value(id).name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<Quantized> quantize(const Model& model, const Int8Plan& plan, const Calibration& calibration,
                           Calibrator calibrator, const InferenceOptions& inference, bool symmetric) {
  Quantized made;
  made.model = std::make_shared<Model>(model);
  made.model->graph = model.graph.clone();
  QdqInserter inserter(made.model->graph, plan, calibration, calibrator, opset_of(model), symmetric);
  LATHE_TRY(inserter.run());
  WeightWriter tables(made.model->graph, opset_of(model));
  LATHE_TRY(store_tables(model.graph, plan, tables));
  std::map<std::string, std::string> inserted = inserter.inserted();
  inserted.insert(tables.inserted().begin(), tables.inserted().end());
  GraphEditor(made.model->graph).remove_dead();
  LATHE_ASSIGN(made.model->graph, rebuild(made.model->graph));
  refresh_modules(*made.model);
  write_module_scopes(*made.model);
  for (const Finding& finding : verify(made.model->graph))
    return internal_error(finding.where, "after quantising: " + finding.message);
  for (const Finding& finding : infer(made.model->graph, inference).findings)
    if (finding.severity == Severity::error)
      return internal_error(finding.where, "after quantising: " + finding.message);
  made.report = report_of(model.graph, plan, made.model->graph, inserted);
  made.report.opset_before = made.report.opset_after = opset_of(model);
  return made;
}

}  // namespace lathe
