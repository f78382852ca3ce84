// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/reduce.h"

#include <algorithm>

#include "engine/convert/diagnose.h"
#include "engine/convert/reduce_piece.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/subgraph.h"

namespace lathe {
namespace {

size_t count_nodes(const Graph& graph, const Nodes& nodes) {
  return static_cast<size_t>(
      std::count_if(nodes.begin(), nodes.end(), [&](NodeId id) { return !is_shared_constant(graph, id); }));
}

class Reduction {
 public:
  Reduction(const Model& model, const ReduceRequest& request, const JobContext& job)
      : model_(model), graph_(model.graph), request_(request), job_(job) {}

  Result<Reduced> run();

 private:
  Nodes module_nodes() const;
  void judge(Piece& piece) const;
  bool fails(const Nodes& nodes);
  Result<Nodes> smallest(Nodes nodes);
  Result<Nodes> start();
  Result<NamedValues> values_of_run(const Piece& piece) const;
  Status give_inputs(Piece& piece, Reduced& reduced) const;

  const Model& model_;
  const Graph& graph_;
  const ReduceRequest& request_;
  const JobContext& job_;
  InferenceResult sizes_;        // with the shapes of the run
  std::vector<bool> in_module_;  // by node
  size_t tries_ = 0;
};

Nodes Reduction::module_nodes() const {
  Nodes nodes = model_.modules.all_nodes(request_.module);
  std::erase_if(nodes, [&](NodeId id) { return !graph_.node(id).alive || is_shared_constant(graph_, id); });
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

void Reduction::judge(Piece& piece) const {
  const Graph& graph = piece.model->graph;
  const InferenceResult types = infer(graph);
  Nodes nodes;
  for (const Node& node : graph.nodes()) {
    if (!node.alive) continue;
    const auto outer = graph_.find_node(node.name);
    if (outer && in_module_[outer->index]) nodes.push_back(node.id);
  }
  if (!nodes.empty()) piece.failure = request_.check(*piece.model, types, nodes);
}

bool Reduction::fails(const Nodes& nodes) {
  if (nodes.empty()) return false;
  ++tries_;
  Piece piece = cut_piece(model_, nodes, sizes_, request_.inference);
  judge(piece);
  return piece.failure && piece.failure->cause == request_.failure.cause &&
         piece.failure->sentence == request_.failure.sentence;
}

/// Zeller's ddmin: ever smaller chunks are taken away as long as the rest fails.
Result<Nodes> Reduction::smallest(Nodes nodes) {
  size_t chunks = 2;
  while (nodes.size() >= 2) {
    LATHE_TRY(job_.check());
    job_.report(-1, "reducing: " + std::to_string(nodes.size()) + " nodes");
    const size_t size = (nodes.size() + chunks - 1) / chunks;
    bool smaller = false;
    for (size_t begin = 0; begin < nodes.size() && !smaller; begin += size) {
      LATHE_TRY(job_.check());
      const auto from = nodes.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto to = nodes.begin() + static_cast<std::ptrdiff_t>(std::min(nodes.size(), begin + size));
      Nodes chunk(from, to), rest(nodes.begin(), from);
      rest.insert(rest.end(), to, nodes.end());
      if (chunks > 2 || begin == 0) smaller = fails(chunk);
      if (smaller) {
        nodes = std::move(chunk);
        chunks = 2;
      } else if (fails(rest)) {
        nodes = std::move(rest);
        chunks = std::max<size_t>(chunks - 1, 2);
        smaller = true;
      }
    }
    if (smaller) continue;
    if (size <= 1) break;
    chunks = std::min(nodes.size(), 2 * chunks);
  }
  return nodes;
}

/// A set that fails, the smaller the better: the first node of the evidence alone, the module, the module
/// with all that leads to it.
Result<Nodes> Reduction::start() {
  Nodes module = module_nodes();
  in_module_.assign(graph_.nodes().size(), false);
  for (const NodeId id : module) in_module_[id.index] = true;
  for (const Failure::Evidence& each : request_.failure.evidence) {
    const auto node = graph_.find_node(each.name);
    if (!node || !in_module_[node->index]) continue;
    if (const Nodes alone{*node}; fails(alone)) return alone;
    break;
  }
  if (fails(module)) return module;
  if (const Nodes ways = with_ways_between(graph_, module); fails(ways)) return ways;
  Nodes all = with_ancestors(graph_, module);
  for (const NodeId id : all) in_module_[id.index] = true;
  if (fails(all)) return all;
  return unsupported("module '" + model_.modules[request_.module].path + "'",
                     "fails only within the whole model: no piece of it fails the same way");
}

/// What a run of the whole model hands to the piece.
Result<NamedValues> Reduction::values_of_run(const Piece& piece) const {
  NamedValues values;
  Nodes wanted;
  for (const ValueId cut : piece.cuts) {
    const Value& value = graph_.value(cut);
    if (!value.is_input && value.producer.valid()) wanted.push_back(value.producer);
    const auto given = request_.inputs.find(value.name);
    if (value.is_input && given != request_.inputs.end()) values[value.name] = given->second;
  }
  if (wanted.empty()) return values;
  // Constants stand in the graph as nodes; the piece takes them in as constants.
  auto before = std::make_shared<Model>();
  before->opsets = model_.opsets;
  before->ir_version = model_.ir_version;
  before->modules = model_.modules;
  before->graph =
      extract_subgraph(graph_, with_ancestors(graph_, wanted),
                       InferenceResult{std::vector<TypeInfo>(graph_.values().size()), {}, {}, {}, {}})
          .graph;
  GraphEditor editor(before->graph);
  for (const ValueId cut : piece.cuts)
    if (const auto inner = before->graph.find_value(graph_.value(cut).name);
        inner && !before->graph.value(*inner).is_input)
      editor.add_output(*inner);
  for (const ValueId input : before->graph.inputs()) {
    const auto outer = graph_.find_value(before->graph.value(input).name);
    if (outer) editor.set_type(input, graph_.value(*outer).type);
  }
  NamedValues given;
  for (const ValueId input : before->graph.inputs())
    if (const auto found = request_.inputs.find(before->graph.value(input).name);
        found != request_.inputs.end())
      given.insert(*found);
  LATHE_ASSIGN(const std::unique_ptr<Runnable> runnable, make_eager(before));
  RunOptions options;
  options.job = &job_;
  LATHE_ASSIGN(NamedValues made, runnable->run(given, options));
  for (const ValueId cut : piece.cuts)
    if (const auto found = made.find(graph_.value(cut).name); found != made.end())
      values[found->first] = std::move(found->second);
  return values;
}

/// Values of a run where they can be had and the piece, with their sizes, still fails; else random ones.
Status Reduction::give_inputs(Piece& piece, Reduced& reduced) const {
  auto values = values_of_run(piece);
  if (!values.ok() && values.error().kind == ErrorKind::interrupted) return std::move(values).error();
  if (values.ok() && values->size() == piece.cuts.size()) {
    Piece sized;
    sized.model = std::make_shared<Model>(*piece.model);
    sized.model->graph = piece.model->graph.clone();
    GraphEditor editor(sized.model->graph);
    for (size_t i = 0; i < piece.cuts.size(); ++i) {
      const Value& outer = graph_.value(piece.cuts[i]);
      const RuntimeValue& value = values->at(outer.name);
      if (!outer.is_input && value.kind == RuntimeValue::Kind::tensor)
        editor.set_type(sized.model->graph.inputs()[i],
                        TypeInfo::tensor(value.tensor.type(), to_dims(value.tensor.shape())));
    }
    judge(sized);
    if (sized.failure && sized.failure->error() == piece.failure->error()) {
      piece.model = std::move(sized.model);
      piece.failure = std::move(sized.failure);
      reduced.inputs = std::move(values).value();
      reduced.inputs_of_run = true;
      return {};
    }
  }
  std::map<std::string, Shape> shapes;
  for (const ValueId cut : piece.cuts)
    if (const TypeInfo& type = sizes_.type(cut); type.is_tensor() && type.dims)
      shapes[graph_.value(cut).name] = to_shape(closed(*type.dims));
  LATHE_ASSIGN(reduced.inputs, random_inputs(*piece.model, shapes, {}, 0));
  return {};
}

Result<Reduced> Reduction::run() {
  if (request_.failure.cause == FailureCause::excluded ||
      request_.failure.cause == FailureCause::precision_loss)
    return usage_error("module '" + model_.modules[request_.module].path + "'",
                       std::string("has nothing to reduce: its failure is ") + request_.failure.error());
  InferenceOptions sizes = request_.inference;
  for (const auto& [name, value] : request_.inputs)
    if (value.kind == RuntimeValue::Kind::tensor) sizes.input_shapes[name] = to_dims(value.tensor.shape());
  sizes_ = infer(graph_, sizes);
  LATHE_ASSIGN(Nodes nodes, start());
  LATHE_ASSIGN(nodes, smallest(std::move(nodes)));
  Piece piece = cut_piece(model_, nodes, sizes_, request_.inference);
  judge(piece);
  Reduced reduced;
  LATHE_TRY(give_inputs(piece, reduced));
  reduced.failure = std::move(*piece.failure);
  reduced.model = std::move(piece.model);
  reduced.nodes_before = count_nodes(graph_, module_nodes());
  reduced.nodes = count_nodes(graph_, nodes);
  reduced.tries = tries_;
  return reduced;
}

}  // namespace

FailureCheck check_by_diagnosis() {
  return [](const Model& model, const InferenceResult& types, const std::vector<NodeId>& nodes) {
    return diagnose(model, types, ModuleTree::root(), nodes);
  };
}

FailureCheck check_by_building() {
  return [](const Model& model, const InferenceResult& types,
            const std::vector<NodeId>& nodes) -> std::optional<Failure> {
    if (auto failure = diagnose(model, types, ModuleTree::root(), nodes)) return failure;
    Graph graph = model.graph.clone();
    apply_types(graph, types);
    const auto built = compile(graph, CompileOptions());
    if (built.ok() || built.error().kind == ErrorKind::interrupted) return std::nullopt;
    return failure_of_build(model, types, built.error(), nodes);
  };
}

Result<Reduced> reduce_failure(const Model& model, const ReduceRequest& request, const JobContext& job) {
  return Reduction(model, request, job).run();
}

}  // namespace lathe
