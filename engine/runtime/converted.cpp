// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/converted.h"

#include <algorithm>
#include <deque>

#include "engine/ops/inference.h"
#include "engine/runtime/graph_executor.h"
#include "engine/runtime/subgraph.h"

namespace lathe {
namespace {

constexpr size_t max_specialisations = 8;

using InputShapes = std::map<std::string, Shape>;

/// One compiled piece with the outer values it reads and makes.
class EnginePiece final : public PieceRunner {
 public:
  EnginePiece(Subgraph subgraph, std::unique_ptr<Engine> engine)
      : inputs_(std::move(subgraph.inputs)),
        outputs_(std::move(subgraph.outputs)),
        engine_(std::move(engine)) {}
  const std::vector<ValueId>& inputs() const override { return inputs_; }
  const std::vector<ValueId>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs, const RunOptions& options) override {
    return engine_->run(inputs, options);
  }
  const Engine& engine() const { return *engine_; }

 private:
  std::vector<ValueId> inputs_, outputs_;
  std::unique_ptr<Engine> engine_;
};

/// A named part of what the runtime itself does.
StepInfo runtime_step(std::string name) {
  StepInfo info;
  info.kind = StepInfo::Kind::runtime;
  info.name = std::move(name);
  info.module = ModuleTree::root();
  return info;
}

/// All engines of the model for one set of input shapes.
struct Specialisation {
  InputShapes shapes;
  std::vector<std::unique_ptr<PieceRunner>> pieces;
};

class PartitionedModel final : public ConvertedModel {
 public:
  PartitionedModel(std::shared_ptr<const Model> model, Partition partition,
                   std::map<std::string, ShapeBounds> bounds)
      : model_(std::move(model)),
        partition_(std::move(partition)),
        bounds_(std::move(bounds)),
        arena_(std::make_shared<Arena>()) {}

  Status plan();
  const Model& model() const override { return *model_; }
  const Partition& partition() const override { return partition_; }
  const Engine* engine(size_t piece) const override {
    if (specialisations_.empty() || piece >= specialisations_.front()->pieces.size()) return nullptr;
    return &static_cast<const EnginePiece&>(*specialisations_.front()->pieces[piece]).engine();
  }
  Status prepare(const InputShapes& shapes, const JobContext* job, size_t* failed_piece) override {
    LATHE_TRY(check_bounds(shapes));
    return specialise(shapes, job, failed_piece);
  }
  Result<NamedValues> run(const NamedValues& inputs, const RunOptions& options) override;

 private:
  Status check_bounds(const InputShapes& shapes) const;
  /// Makes the specialisation for `shapes` the first of the list.
  Status specialise(const InputShapes& shapes, const JobContext* job, size_t* failed_piece = nullptr);
  Result<std::unique_ptr<PieceRunner>> compile_piece(const Partition::Piece& piece,
                                                     const InferenceResult& types, const JobContext* job);

  std::shared_ptr<const Model> model_;
  Partition partition_;
  std::map<std::string, ShapeBounds> bounds_;
  std::shared_ptr<Arena> arena_;
  std::unique_ptr<GraphExecutor> executor_;
  const StepInfo looking_up_ = runtime_step("check inputs, look up engines");
  const StepInfo executing_ = runtime_step("executor");
  std::deque<std::unique_ptr<Specialisation>> specialisations_;  // newest first
};

Status PartitionedModel::plan() {
  std::vector<int> covered(model_->graph.nodes().size(), -1);
  for (size_t piece = 0; piece < partition_.pieces.size(); ++piece)
    for (const NodeId id : partition_.pieces[piece].nodes) covered[id.index] = static_cast<int>(piece);
  LATHE_ASSIGN(executor_, GraphExecutor::make(model_->graph, std::move(covered)));
  return {};
}

Status PartitionedModel::check_bounds(const InputShapes& shapes) const {
  for (const auto& [name, bounds] : bounds_) {
    const auto given = shapes.find(name);
    if (given == shapes.end()) continue;
    const Shape& shape = given->second;
    for (size_t axis = 0; axis < shape.size() && axis < bounds.min.size(); ++axis)
      if (shape[axis] < bounds.min[axis] || shape[axis] > bounds.max[axis])
        return usage_error("input '" + name + "'",
                           "axis " + std::to_string(axis) + " is " + std::to_string(shape[axis]) +
                               ", outside the profile's " + std::to_string(bounds.min[axis]) + " to " +
                               std::to_string(bounds.max[axis]));
  }
  return {};
}

Result<std::unique_ptr<PieceRunner>> PartitionedModel::compile_piece(const Partition::Piece& piece,
                                                                     const InferenceResult& types,
                                                                     const JobContext* job) {
  Subgraph subgraph = extract_subgraph(model_->graph, piece.nodes, types);
  CompileOptions options;
  options.job = job;
  options.name = piece.name;
  options.module = piece.module;
  options.modules = &model_->modules;
  options.arena = arena_;
  auto engine = compile(subgraph.graph, options);
  if (!engine.ok()) return std::move(engine).error();
  subgraph.graph = Graph();
  return std::unique_ptr<PieceRunner>(
      std::make_unique<EnginePiece>(std::move(subgraph), std::move(engine).value()));
}

Status PartitionedModel::specialise(const InputShapes& shapes, const JobContext* job, size_t* failed_piece) {
  for (size_t i = 0; i < specialisations_.size(); ++i)
    if (specialisations_[i]->shapes == shapes) {
      std::rotate(specialisations_.begin(), specialisations_.begin() + static_cast<std::ptrdiff_t>(i),
                  specialisations_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return {};
    }
  InferenceOptions inference;
  for (const auto& [name, shape] : shapes) inference.input_shapes[name] = to_dims(shape);
  const InferenceResult types = infer(model_->graph, inference);
  auto made = std::make_unique<Specialisation>();
  made->shapes = shapes;
  for (size_t i = 0; i < partition_.pieces.size(); ++i) {
    const Partition::Piece& piece = partition_.pieces[i];
    const double fraction = static_cast<double>(i) / static_cast<double>(partition_.pieces.size());
    if (job != nullptr) job->report({fraction, "building " + piece.name, piece.name, "building"});
    auto runner = compile_piece(piece, types, job);
    if (!runner.ok()) {
      if (failed_piece != nullptr) *failed_piece = i;
      return std::move(runner).error();
    }
    made->pieces.push_back(std::move(runner).value());
    if (job != nullptr) job->report({fraction, "built " + piece.name, piece.name, "success"});
  }
  specialisations_.push_front(std::move(made));
  if (specialisations_.size() > max_specialisations) specialisations_.pop_back();
  return {};
}

Result<NamedValues> PartitionedModel::run(const NamedValues& inputs, const RunOptions& options) {
  RunObserver* observer = options.observer;
  const int64_t start = observer != nullptr ? now_ns() : 0;
  LATHE_TRY(check_inputs(*model_, inputs));
  const Graph& graph = model_->graph;
  std::vector<RuntimeValue> values;
  InputShapes shapes;
  for (const ValueId id : graph.inputs()) {
    values.push_back(inputs.at(graph.value(id).name));
    if (values.back().is_tensor()) shapes[graph.value(id).name] = values.back().tensor.shape();
  }
  std::span<const std::unique_ptr<PieceRunner>> pieces;
  if (!partition_.pieces.empty()) {
    LATHE_TRY(check_bounds(shapes));
    LATHE_TRY(specialise(shapes, options.job));
    pieces = specialisations_.front()->pieces;
  }
  const int64_t begin = observer != nullptr ? now_ns() : 0;
  if (observer != nullptr) observer->slice(looking_up_, start, begin);
  LATHE_ASSIGN(std::vector<RuntimeValue> outputs, executor_->run(std::move(values), {}, pieces, options));
  if (observer != nullptr) observer->slice(executing_, begin, now_ns());
  NamedValues named;
  for (size_t i = 0; i < outputs.size(); ++i)
    named[graph.value(graph.outputs()[i]).name] = std::move(outputs[i]);
  return named;
}

}  // namespace

Result<std::unique_ptr<ConvertedModel>> make_converted(std::shared_ptr<const Model> model,
                                                       Partition partition,
                                                       std::map<std::string, ShapeBounds> bounds) {
  auto made = std::make_unique<PartitionedModel>(std::move(model), std::move(partition), std::move(bounds));
  LATHE_TRY(made->plan());
  return std::unique_ptr<ConvertedModel>(std::move(made));
}

Result<std::unique_ptr<ConvertedModel>> make_engine_model(std::shared_ptr<const Model> model) {
  LATHE_ASSIGN(std::vector<NodeId> order, topological_order(model->graph));
  Partition whole;
  whole.pieces.push_back({"", ModuleTree::root(), std::move(order)});
  return make_converted(std::move(model), std::move(whole));
}

Result<std::unique_ptr<Runnable>> make_eager(std::shared_ptr<const Model> model) {
  LATHE_ASSIGN(std::unique_ptr<ConvertedModel> eager, make_converted(std::move(model), {}));
  return std::unique_ptr<Runnable>(std::move(eager));
}

}  // namespace lathe
