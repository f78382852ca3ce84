// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/converter.h"

#include <algorithm>
#include <utility>

#include "engine/convert/build_engines.h"
#include "engine/convert/diagnose.h"
#include "engine/convert/merge.h"

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

}  // namespace

Result<std::unique_ptr<ConvertedModel>> Converter::compile(const Partition& partition, size_t* failed) const {
  return build_engines(conversion_.model, partition, shape_bounds(model_, conversion_.configuration, opt_),
                       static_shapes(), job_, failed);
}

void Converter::report(ModuleId module, const char* state) const {
  if (!silent_) job_.report({progress(), "", tree_[module].path, state});
}

double Converter::progress() const {
  return counted_.empty()
             ? 0
             : static_cast<double>(conversion_.outcomes.size()) / static_cast<double>(counted_.size());
}

std::vector<NodeId> Converter::live_nodes(const Model& model, ModuleId module) {
  std::vector<NodeId> nodes = model.modules.all_nodes(module);
  std::erase_if(nodes, [&](NodeId id) { return !model.graph.node(id).alive; });
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

/// A module is not whole where one below it has failed for its precision.
std::optional<Failure> Converter::loss_below(ModuleId module) const {
  for (const auto& [path, loss] : losses_) {
    const auto lost = tree_.find(path);
    if (!lost || *lost == module || !tree_.contains(module, *lost)) continue;
    Failure failure = loss;
    failure.sentence = "the module holds one whose precision costs more accuracy than the budget allows";
    return failure;
  }
  return std::nullopt;
}

std::optional<Failure> Converter::obstacle(ModuleId module, const std::vector<NodeId>& nodes) {
  if (const std::string* path = excluded_below(module)) return excluded_failure(*path, false);
  for (const auto* known : {&losses_, &std::as_const(build_failures_)})
    if (const auto found = known->find(tree_[module].path); found != known->end()) return found->second;
  if (auto failure = loss_below(module)) return failure;
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
    // Where a narrow precision has folded all its nodes into others' there is nothing left to convert.
    const bool folded = nodes.empty() && module != ModuleTree::root();
    if (!outcome.failure && folded)
      outcome.status = ModuleStatus::ignored;
    else if (!outcome.failure)
      accept(outcome, std::move(nodes));
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
    build_failures_[piece.name] = failure_of_build(model_, types_, made.error(), piece.nodes);
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

/// The partition with larger pieces. Nodes of failed modules may join; those that nobody asked to convert,
/// that are excluded or have lost their precision may not.
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
    tried[outcome.module.index] =
        outcome.status == ModuleStatus::failed && !losses_.contains(tree_[outcome.module].path);
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
    counted_module_[module.id.index] =
        module.id == ModuleTree::root() || !live_nodes(given_, module.id).empty();
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

Result<Partition> engines_of(const Conversion& conversion, const Losses& losses, const JobContext& job) {
  Conversion first;
  first.model = conversion.model;
  first.configuration = conversion.configuration;
  ConvertOptions dry;
  dry.dry_run = true;
  LATHE_TRY(Converter(first, losses, dry, job, *conversion.model).decide());
  return std::move(first.partition);
}

}  // namespace lathe
