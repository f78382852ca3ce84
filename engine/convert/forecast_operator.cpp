// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/forecast_operator.h"

#include "engine/convert/convert.h"
#include "engine/precision/rebuild.h"

namespace lathe {
namespace {

/// Takes the operator's nodes away and makes inputs of what they made.
Result<std::shared_ptr<Model>> without(const Model& model, const std::string& qualified_type) {
  auto made = std::make_shared<Model>(model);
  made->graph = model.graph.clone();
  GraphEditor editor(made->graph);
  for (const Node& each : model.graph.nodes()) {
    if (!each.alive || each.qualified_type() != qualified_type) continue;
    editor.remove_node(each.id);
    for (const ValueId output : each.outputs) {
      if (!output.valid()) continue;
      const Value value = model.graph.value(output);
      if (!value.type.is_tensor() || value.type.element == ElementType::undefined || !value.type.dims)
        return unsupported(value.name, "has no declared type: what comes after it cannot be told");
      const ValueId stand_in = editor.add_input(value.name + "_made", value.type);
      editor.replace_uses(output, stand_in);
    }
  }
  refresh_modules(*made);
  return made;
}

}  // namespace

Result<Forecast> forecast_operator(const Model& model, const Configuration& configuration,
                                   const std::string& qualified_type, const JobContext& job) {
  LATHE_ASSIGN(std::shared_ptr<const Model> reduced, without(model, qualified_type));
  Configuration plain = configuration;
  plain.remedies.clear();  // the model has them already
  for (auto& [path, settings] : plain.modules) settings.fp16 = settings.bf16 = settings.int8 = false;
  ConvertOptions options;
  options.dry_run = true;
  LATHE_ASSIGN(const Conversion after, convert(reduced, plain, options, job));
  const ModuleTree& tree = model.modules;
  Forecast made;
  for (const Module& module : tree.modules()) {
    bool alive = module.id == ModuleTree::root();
    for (const NodeId id : tree.all_nodes(module.id)) alive = alive || model.graph.node(id).alive;
    if (!alive) continue;
    const ModuleOutcome* outcome = after.find(module.id);
    // One that held nothing else would convert alone.
    const bool converts = outcome == nullptr || outcome->status == ModuleStatus::success ||
                          outcome->status == ModuleStatus::covered;
    if (converts) made.modules.push_back(module.path);
  }
  made.converted = static_cast<int>(made.modules.size());
  return made;
}

}  // namespace lathe
