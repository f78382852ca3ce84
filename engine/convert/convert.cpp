// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/convert.h"

#include <algorithm>

#include "engine/base/strings.h"
#include "engine/convert/diagnose.h"
#include "engine/convert/precision_settings.h"
#include "engine/ops/inference.h"

namespace lathe {
namespace {

using InputDims = std::map<std::string, Dims>;

Status check_configured_inputs(const Model& model, const Configuration& configuration) {
  std::vector<std::string> names;
  for (const ValueId id : model.graph.inputs()) names.push_back(model.graph.value(id).name);
  const auto check = [&](const std::string& name) -> Status {
    if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    Error error = usage_error("input '" + name + "'", "is no input of the model");
    const std::string nearest = nearest_name(name, names);
    return error.hint(nearest.empty() ? "inputs: " + join(names, ", ") : "did you mean '" + nearest + "'?");
  };
  for (const auto& [name, shape] : configuration.input_shapes) LATHE_TRY(check(name));
  for (const auto& [name, axes] : configuration.dynamic_axes) LATHE_TRY(check(name));
  return {};
}

/// Declared dims of an input with the configured opt sizes in place; fixed axes must agree.
Result<Dims> configured_dims(const Value& input, const ShapeRange& range) {
  const std::string where = "input '" + input.name + "'";
  Dims dims = input.type.dims.value_or(Dims(range.opt.size()));
  if (range.opt.size() > dims.size() || (range.pinned() && range.opt.size() != dims.size()))
    return usage_error(
        where, "has rank " + std::to_string(dims.size()) + ", the shape given is " + to_string(range.opt));
  for (size_t axis = 0; axis < range.opt.size(); ++axis) {
    if (range.opt[axis] < 0) continue;
    if (dims[axis].known() && input.type.dims && dims[axis].value() != range.opt[axis])
      return usage_error(where, "axis " + std::to_string(axis) + " is " + dims[axis].text() +
                                    " in the model, the shape given is " + to_string(range.opt));
    dims[axis] = Dim(range.opt[axis]);
  }
  return dims;
}

/// Opt shapes of all inputs. A symbol that one input's shape pins is pinned in the others that bear it too.
Result<InputDims> opt_dims(const Model& model, const Configuration& configuration) {
  InputDims opt;
  std::map<std::string, Dim> bound;
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    const auto range = configuration.range(input.name);
    if (!input.type.is_tensor() || !range) continue;
    LATHE_ASSIGN(Dims dims, configured_dims(input, *range));
    for (size_t axis = 0; input.type.dims && axis < dims.size(); ++axis)
      if (!(*input.type.dims)[axis].known() && dims[axis].known())
        bound.try_emplace((*input.type.dims)[axis].text(), dims[axis]);
    opt[input.name] = std::move(dims);
  }
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    if (!input.type.is_tensor() || !input.type.dims || bound.empty()) continue;
    Dims dims = opt.contains(input.name) ? opt[input.name] : *input.type.dims;
    for (Dim& dim : dims)
      if (const auto found = bound.find(dim.text()); !dim.known() && found != bound.end())
        dim = found->second;
    opt[input.name] = std::move(dims);
  }
  return opt;
}

std::map<std::string, ShapeBounds> shape_bounds(const Model& model, const Configuration& configuration,
                                                const InputDims& opt) {
  std::map<std::string, ShapeBounds> bounds;
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    const auto found = opt.find(input.name);
    if (found == opt.end() || !is_static(found->second)) continue;
    ShapeBounds allowed{to_shape(found->second), to_shape(found->second)};
    if (const auto range = configuration.range(input.name))
      for (size_t axis = 0; axis < range->min.size(); ++axis) {
        if (range->min[axis] >= 0) allowed.min[axis] = range->min[axis];
        if (range->max[axis] >= 0) allowed.max[axis] = range->max[axis];
      }
    bounds[input.name] = std::move(allowed);
  }
  return bounds;
}

Failure excluded_failure(const std::string& path, bool itself) {
  Failure failure;
  failure.cause = FailureCause::excluded;
  failure.sentence = itself ? "the configuration keeps this module eager"
                            : "the module holds one that the configuration keeps eager";
  failure.chain.push_back("exclude: '" + path + "'");
  failure.remedies.push_back(
      {Remedy::Kind::include_module, "Take the module off the list of excluded ones.", path});
  return failure;
}

class Converter {
 public:
  Converter(Conversion& conversion, const ConvertOptions& options, const JobContext& job)
      : conversion_(conversion),
        model_(*conversion.model),
        tree_(model_.modules),
        options_(options),
        job_(job) {}

  Status run();
  /// Decides only, without a word: what run() would try to build first.
  Status decide();

 private:
  Status prepare();
  Status visit(ModuleId module);
  std::optional<Failure> obstacle(ModuleId module, const std::vector<NodeId>& nodes);
  void accept(ModuleOutcome& outcome, std::vector<NodeId> nodes);
  Status build();
  void report(ModuleId module, const char* state) const {
    if (!silent_) job_.report({progress(), "", tree_[module].path, state});
  }
  double progress() const {
    return counted_.empty()
               ? 0
               : static_cast<double>(conversion_.outcomes.size()) / static_cast<double>(counted_.size());
  }
  std::vector<NodeId> live_nodes(ModuleId module) const;
  const std::string* excluded_below(ModuleId module) const;
  void count();

  Conversion& conversion_;
  const Model& model_;
  const ModuleTree& tree_;
  const ConvertOptions& options_;
  const JobContext& job_;
  bool silent_ = false;
  InputDims opt_;
  InferenceResult types_;
  std::vector<bool> counted_module_;
  std::vector<ModuleId> counted_;
  std::map<std::string, Failure> build_failures_;  // by module path, from an earlier round
};

std::vector<NodeId> Converter::live_nodes(ModuleId module) const {
  std::vector<NodeId> nodes = tree_.all_nodes(module);
  std::erase_if(nodes, [&](NodeId id) { return !model_.graph.node(id).alive; });
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

const std::string* Converter::excluded_below(ModuleId module) const {
  for (const std::string& path : conversion_.configuration.exclude) {
    const auto excluded = tree_.find(path);
    if (excluded && *excluded != module && tree_.contains(module, *excluded)) return &path;
  }
  return nullptr;
}

std::optional<Failure> Converter::obstacle(ModuleId module, const std::vector<NodeId>& nodes) {
  if (const std::string* path = excluded_below(module)) return excluded_failure(*path, false);
  const auto built = build_failures_.find(tree_[module].path);
  if (built != build_failures_.end()) return built->second;
  return diagnose(model_, types_, module, nodes);
}

void Converter::accept(ModuleOutcome& outcome, std::vector<NodeId> nodes) {
  outcome.status = ModuleStatus::success;
  outcome.engine = static_cast<int>(conversion_.partition.pieces.size());
  std::vector<bool> inside(model_.graph.nodes().size(), false), listed(model_.graph.values().size(), false);
  for (const NodeId id : nodes) inside[id.index] = true;
  for (const NodeId id : nodes)
    for (const ValueId input : model_.graph.node(id).inputs) {
      if (!input.valid() || listed[input.index] || model_.graph.constant(input) != nullptr) continue;
      const Value& value = model_.graph.value(input);
      if (value.producer.valid() && inside[value.producer.index]) continue;
      listed[input.index] = true;
      outcome.input_names.push_back(value.name);
      outcome.input_shapes.push_back(types_.type(input).is_static() ? to_shape(*types_.type(input).dims)
                                                                    : Shape{});
    }
  conversion_.partition.pieces.push_back({tree_[outcome.module].path, outcome.module, std::move(nodes)});
}

Status Converter::visit(ModuleId module) {
  if (!counted_module_[module.index]) return {};
  LATHE_TRY(job_.check());
  const ModuleSettings settings = conversion_.configuration.effective(tree_, module);
  ModuleOutcome outcome;
  outcome.module = module;
  if (settings.excluded) {
    outcome.failure = excluded_failure(tree_[module].path, true);
  } else if (settings.convert == true) {
    report(module, "trying");
    std::vector<NodeId> nodes = live_nodes(module);
    outcome.failure = obstacle(module, nodes);
    outcome.status = ModuleStatus::failed;
    if (!outcome.failure) accept(outcome, std::move(nodes));
  }
  const bool whole = outcome.status == ModuleStatus::success;
  if (outcome.status != ModuleStatus::success || options_.dry_run) report(module, to_string(outcome.status));
  conversion_.outcomes.push_back(std::move(outcome));
  for (const ModuleId child : tree_[module].children) {
    if (!whole) {
      LATHE_TRY(visit(child));
      continue;
    }
    for (const ModuleId below : tree_.subtree(child)) {
      if (!counted_module_[below.index]) continue;
      ModuleOutcome covered;
      covered.module = below;
      covered.status = ModuleStatus::covered;
      conversion_.outcomes.push_back(std::move(covered));
    }
  }
  return {};
}

/// Compiles the pieces. One that cannot be built becomes a failure, and the tree is walked again around it.
Status Converter::build() {
  for (;;) {
    LATHE_ASSIGN(std::unique_ptr<ConvertedModel> made,
                 make_converted(conversion_.model, conversion_.partition,
                                shape_bounds(model_, conversion_.configuration, opt_)));
    std::map<std::string, Shape> shapes;
    for (const ValueId id : model_.graph.inputs()) {
      const TypeInfo& type = types_.type(id);
      if (type.is_static()) shapes[model_.graph.value(id).name] = to_shape(*type.dims);
    }
    conversion_.runnable = std::move(made);
    if (conversion_.partition.pieces.empty()) return {};
    size_t failed = SIZE_MAX;
    Status prepared = conversion_.runnable->prepare(shapes, &job_, &failed);
    if (prepared.ok()) return {};
    if (failed == SIZE_MAX || prepared.error().kind == ErrorKind::interrupted) return prepared;
    const Partition::Piece& piece = conversion_.partition.pieces[failed];
    build_failures_[piece.name] = failure_of_build(model_, prepared.error(), piece.nodes);
    conversion_.outcomes.clear();
    conversion_.partition = {};
    LATHE_TRY(visit(ModuleTree::root()));
  }
}

void Converter::count() {
  counted_module_.assign(tree_.modules().size(), false);
  for (const Module& module : tree_.modules()) {
    counted_module_[module.id.index] = module.id == ModuleTree::root() || !live_nodes(module.id).empty();
    if (counted_module_[module.id.index]) counted_.push_back(module.id);
  }
}

Status Converter::prepare() {
  LATHE_TRY(check_configured_inputs(model_, conversion_.configuration));
  LATHE_ASSIGN(opt_, opt_dims(model_, conversion_.configuration));
  InferenceOptions inference;
  inference.input_shapes = opt_;
  types_ = infer(model_.graph, inference);
  count();
  return {};
}

Status Converter::decide() {
  silent_ = true;
  LATHE_TRY(prepare());
  return visit(ModuleTree::root());
}

Status Converter::run() {
  LATHE_TRY(prepare());
  LATHE_TRY(visit(ModuleTree::root()));
  if (!options_.dry_run) LATHE_TRY(build());
  conversion_.total = static_cast<int>(counted_.size());
  for (const ModuleOutcome& outcome : conversion_.outcomes)
    conversion_.converted +=
        outcome.status == ModuleStatus::success || outcome.status == ModuleStatus::covered;
  conversion_.engines = static_cast<int>(conversion_.partition.pieces.size());
  return {};
}

constexpr double default_budget = 0.01;

/// Quantised with calibration data. A dry run compiles nothing, so that it has none.
Status lower_to_8bit(Conversion& conversion, PrecisionRequest request, const ConvertOptions& options,
                     const JobContext& job) {
  if (options.dry_run) {
    conversion.notes.push_back({Severity::note, "int8", "", "int8 is not looked at in a dry run", "", {}});
    return {};
  }
  if (options.calibration == nullptr) return usage_error("", "int8 needs calibration data");
  Int8Request int8;
  int8.precision = std::move(request);
  int8.calibrator = parse_calibrator(conversion.configuration.calibrator);
  int8.data = options.calibration;
  int8.score = options.score;
  int8.budget = conversion.configuration.accuracy_budget.value_or(default_budget);
  LATHE_ASSIGN(Quantized made, lower_to_int8(*conversion.model, int8, job));
  conversion.precision = std::move(made.report);
  conversion.model = std::move(made.model);
  return {};
}

/// Rewrites the model in the precision asked for. What will run eagerly stays in fp32.
Status lower(Conversion& conversion, PrecisionRequest request, const ConvertOptions& options,
             const JobContext& job) {
  Conversion first;
  first.model = conversion.model;
  first.configuration = conversion.configuration;
  ConvertOptions dry;
  dry.dry_run = true;
  LATHE_TRY(Converter(first, dry, job).decide());
  const Graph& graph = conversion.model->graph;
  std::vector<bool> inside(graph.nodes().size(), false);
  for (const Partition::Piece& piece : first.partition.pieces)
    for (const NodeId id : piece.nodes) inside[id.index] = true;
  for (const Node& node : graph.nodes())
    if (node.alive && !inside[node.id.index])
      request.keep[node.name] = "runs eagerly, outside of every engine";
  LATHE_ASSIGN(request.inference.input_shapes, opt_dims(*conversion.model, conversion.configuration));
  job.report(-1, "lowering the precision");
  if (request.asks_int8()) {
    LATHE_TRY(lower_to_8bit(conversion, std::move(request), options, job));
  } else {
    auto lowered = std::make_shared<Model>(*conversion.model);
    lowered->graph = graph.clone();
    LATHE_ASSIGN(conversion.precision, lower_precision(*lowered, request));
    conversion.model = std::move(lowered);
  }
  conversion.notes.insert(conversion.notes.end(), conversion.precision.notes.begin(),
                          conversion.precision.notes.end());
  return job.check();
}

/// Evidence names nodes of the model that the person opened.
void relocate_evidence(Conversion& conversion, const Model& original) {
  for (ModuleOutcome& outcome : conversion.outcomes) {
    if (!outcome.failure) continue;
    for (Failure::Evidence& each : outcome.failure->evidence)
      each.node = original.graph.find_node(each.name).value_or(NodeId());
  }
}

}  // namespace

const char* to_string(ModuleStatus status) {
  switch (status) {
    case ModuleStatus::success:
      return "success";
    case ModuleStatus::covered:
      return "covered";
    case ModuleStatus::failed:
      return "failed";
    case ModuleStatus::ignored:
      return "ignored";
  }
  return "";
}

const ModuleOutcome* Conversion::find(ModuleId module) const {
  for (const ModuleOutcome& outcome : outcomes)
    if (outcome.module == module) return &outcome;
  return nullptr;
}

Result<Conversion> convert(std::shared_ptr<const Model> model, const Configuration& configuration,
                           const ConvertOptions& options, const JobContext& job) {
  LATHE_ASSIGN(PrecisionRequest request, precision_request(configuration));
  Conversion conversion;
  conversion.model = std::move(model);
  conversion.configuration = configuration;
  conversion.notes = configuration.notes;
  const std::shared_ptr<const Model> original = conversion.model;
  if (request.asks()) LATHE_TRY(lower(conversion, std::move(request), options, job));
  LATHE_TRY(Converter(conversion, options, job).run());
  for (ModuleOutcome& outcome : conversion.outcomes)
    outcome.precision = module_precision(original->modules, outcome.module, conversion.precision);
  if (conversion.model != original) relocate_evidence(conversion, *original);
  return conversion;
}

}  // namespace lathe
