// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/convert.h"

#include <algorithm>

#include "engine/convert/build_engines.h"
#include "engine/convert/diagnose.h"
#include "engine/convert/input_dims.h"
#include "engine/convert/lower.h"
#include "engine/convert/merge.h"
#include "engine/convert/precision_settings.h"
#include "engine/ops/inference.h"

namespace lathe {
namespace {

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
  Status build_modules();
  Status choose_pieces();
  Result<std::unique_ptr<ConvertedModel>> compile(const Partition& partition, size_t* failed) const {
    return build_engines(conversion_.model, partition, shape_bounds(model_, conversion_.configuration, opt_),
                         static_shapes(), job_, failed);
  }
  std::map<std::string, Shape> static_shapes() const;
  Partition merged() const;
  void take(Partition partition);
  bool cuts() const;
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
  std::map<std::string, SuggestedShape> shapes_;  // that open inputs could be pinned to
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
  return diagnose(model_, types_, module, nodes, shapes_);
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

std::map<std::string, Shape> Converter::static_shapes() const {
  std::map<std::string, Shape> shapes;
  for (const ValueId id : model_.graph.inputs()) {
    const TypeInfo& type = types_.type(id);
    if (type.is_static()) shapes[model_.graph.value(id).name] = to_shape(*type.dims);
  }
  return shapes;
}

/// One engine a module. One that cannot be built becomes a failure, and the tree is walked again around it.
Status Converter::build_modules() {
  for (;;) {
    size_t failed = SIZE_MAX;
    auto made = compile(conversion_.partition, &failed);
    if (made.ok()) {
      conversion_.runnable = std::move(*made);
      return {};
    }
    if (failed == SIZE_MAX || made.error().kind == ErrorKind::interrupted) return std::move(made).error();
    const Partition::Piece& piece = conversion_.partition.pieces[failed];
    build_failures_[piece.name] = failure_of_build(model_, made.error(), piece.nodes);
    LATHE_TRY(choose_pieces());
  }
}

/// Walks the tree. A piece that waits for others which wait for it becomes a failure, and the tree is walked
/// again.
Status Converter::choose_pieces() {
  for (;;) {
    conversion_.outcomes.clear();
    conversion_.partition = {};
    LATHE_TRY(visit(ModuleTree::root()));
    const int waiting = first_in_circle(model_, conversion_.partition);
    if (waiting < 0) return {};
    const Partition::Piece& piece = conversion_.partition.pieces[static_cast<size_t>(waiting)];
    Failure failure;
    failure.cause = FailureCause::not_separable;
    failure.sentence = "the module and another one wait for each other's results";
    failure.remedies.push_back(
        {Remedy::Kind::keep_eager, "Keep this module eager: the rest converts around it.", piece.name});
    build_failures_[piece.name] = std::move(failure);
  }
}

bool Converter::cuts() const {
  const auto& steps = conversion_.configuration.remedies;
  return std::any_of(steps.begin(), steps.end(),
                     [](const RemedyStep& step) { return step.kind == Remedy::Kind::cut_postprocessing; });
}

/// The partition with larger pieces. Nodes of failed modules may join; those that nobody asked to convert, or
/// that are excluded, may not.
Partition Converter::merged() const {
  if (!conversion_.configuration.merge && !cuts()) return conversion_.partition;
  MergeRequest request;
  request.pieces = &conversion_.partition;
  request.cut = cuts();
  request.free.assign(model_.graph.nodes().size(), false);
  std::vector<bool> covered(model_.graph.nodes().size(), false), tried(tree_.modules().size(), false);
  for (const Partition::Piece& piece : conversion_.partition.pieces)
    for (const NodeId id : piece.nodes) covered[id.index] = true;
  for (const ModuleOutcome& outcome : conversion_.outcomes)
    tried[outcome.module.index] = outcome.status == ModuleStatus::failed;
  for (const Node& node : model_.graph.nodes()) {
    if (!node.alive || covered[node.id.index]) continue;
    const ModuleId owner = node.module.valid() ? node.module : ModuleTree::root();
    request.free[node.id.index] = tried[owner.index] && !node_obstacle(model_.graph, types_, node.id);
  }
  return merge_pieces(model_, request);
}

/// Makes it the conversion's partition: each outcome knows the piece its module is in.
void Converter::take(Partition partition) {
  std::vector<int> piece_of(model_.graph.nodes().size(), -1);
  for (size_t i = 0; i < partition.pieces.size(); ++i)
    for (const NodeId id : partition.pieces[i].nodes) piece_of[id.index] = static_cast<int>(i);
  for (ModuleOutcome& outcome : conversion_.outcomes) {
    const std::vector<NodeId> nodes = live_nodes(outcome.module);  // none in a model without nodes
    if (outcome.status == ModuleStatus::success && !nodes.empty())
      outcome.engine = piece_of[nodes.front().index];
  }
  conversion_.partition = std::move(partition);
  conversion_.cut = cuts();
}

Status Converter::build() {
  LATHE_TRY(build_modules());
  Partition partition = merged();
  const auto same = [](const Partition::Piece& a, const Partition::Piece& b) { return a.nodes == b.nodes; };
  const auto& apart = conversion_.partition.pieces;
  if (std::equal(partition.pieces.begin(), partition.pieces.end(), apart.begin(), apart.end(), same)) {
    take(std::move(partition));
    return {};
  }
  auto whole = compile(partition, nullptr);
  if (!whole.ok()) {
    if (whole.error().kind == ErrorKind::interrupted) return std::move(whole).error();
    conversion_.notes.push_back(
        {Severity::warning,
         "merge",
         "",
         "engines stay apart: together they could not be built: " + whole.error().text(),
         "",
         {}});
    return {};
  }
  if (!cuts()) {
    const auto inputs = options_.samples.empty() ? random_inputs(model_, static_shapes(), {}, 0)
                                                 : Result<NamedValues>(options_.samples.front());
    LATHE_ASSIGN(const Comparison compared,
                 compare_engines(**whole, *conversion_.runnable, inputs.ok() ? &*inputs : nullptr, job_));
    if (!compared.text.empty())
      conversion_.notes.push_back({Severity::note, "merge", "", compared.text, "", {}});
    if (!compared.merged_wins) return {};
  }
  conversion_.runnable = std::move(*whole);
  take(std::move(partition));
  return {};
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
  shapes_ = suggest_shapes(model_, opt_, options_.samples);
  count();
  return {};
}

Status Converter::decide() {
  silent_ = true;
  LATHE_TRY(prepare());
  LATHE_TRY(choose_pieces());
  take(merged());
  return {};
}

Status Converter::run() {
  LATHE_TRY(prepare());
  LATHE_TRY(choose_pieces());
  if (options_.dry_run)
    take(merged());
  else
    LATHE_TRY(build());
  conversion_.total = static_cast<int>(counted_.size());
  for (const ModuleOutcome& outcome : conversion_.outcomes) {
    const bool alone = outcome.status == ModuleStatus::success;
    conversion_.engines += alone;
    conversion_.converted += alone || outcome.status == ModuleStatus::covered;
  }
  return {};
}

/// What would be compiled, precision aside.
Result<Partition> engines_of(const Conversion& conversion, const JobContext& job) {
  Conversion first;
  first.model = conversion.model;
  first.configuration = conversion.configuration;
  ConvertOptions dry;
  dry.dry_run = true;
  LATHE_TRY(Converter(first, dry, job).decide());
  return std::move(first.partition);
}

/// Evidence names nodes of the model that the person opened.
void relocate_evidence(Conversion& conversion, const Model& original) {
  for (ModuleOutcome& outcome : conversion.outcomes) {
    if (!outcome.failure) continue;
    for (Failure::Evidence& each : outcome.failure->evidence)
      each.node = original.graph.find_node(each.name).value_or(NodeId());
  }
}

/// What has been done is not offered again.
void drop_taken(Conversion& conversion) {
  const auto taken = [&](const Remedy& remedy) {
    return std::any_of(conversion.remedies.begin(), conversion.remedies.end(),
                       [&](const AppliedRemedy& each) {
                         return each.step.kind == remedy.kind && each.step.subject == remedy.subject;
                       });
  };
  for (ModuleOutcome& outcome : conversion.outcomes)
    if (outcome.failure) std::erase_if(outcome.failure->remedies, taken);
}

/// The first remedy of each failure, each once.
Status look_ahead(Conversion& conversion, const ConvertOptions& options, const JobContext& job) {
  constexpr size_t most = 4;
  const std::shared_ptr<const Model> model = conversion.model;
  std::vector<std::pair<Remedy::Kind, std::string>> seen;
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (!outcome.failure || outcome.status != ModuleStatus::failed || outcome.failure->remedies.empty())
      continue;
    const Remedy& first = outcome.failure->remedies.front();
    const std::pair<Remedy::Kind, std::string> key{first.kind, first.subject};
    if (seen.size() == most || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    auto made = forecast(model, conversion.configuration, first, options.samples, job);
    if (made.ok()) conversion.forecasts.push_back(std::move(*made));
    LATHE_TRY(job.check());
  }
  return {};
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
  MendOptions mending;
  mending.search = options.apply_remedies;
  mending.samples = options.samples;
  const std::shared_ptr<const Model> opened = model;
  LATHE_ASSIGN(Mended mended, mend(std::move(model), configuration, mending, job));
  LATHE_ASSIGN(PrecisionRequest request, precision_request(mended.configuration));
  LATHE_ASSIGN(WeightsRequest weights, weights_request(mended.configuration, mended.model->modules));
  Conversion conversion;
  conversion.model = mended.model;
  conversion.configuration = std::move(mended.configuration);
  conversion.remedies = std::move(mended.applied);
  conversion.notes = configuration.notes;
  conversion.notes.insert(conversion.notes.end(), mended.notes.begin(), mended.notes.end());
  if (request.asks() || weights.asks()) {
    LATHE_ASSIGN(const Partition engines, engines_of(conversion, job));
    LATHE_TRY(lower(conversion, engines, std::move(request), std::move(weights), options, job));
  }
  LATHE_TRY(Converter(conversion, options, job).run());
  for (ModuleOutcome& outcome : conversion.outcomes)
    outcome.precision = module_precision(mended.model->modules, outcome.module, conversion.precision);
  if (conversion.model != opened) relocate_evidence(conversion, *opened);
  drop_taken(conversion);
  if (options.look_ahead) LATHE_TRY(look_ahead(conversion, options, job));
  return conversion;
}

}  // namespace lathe
