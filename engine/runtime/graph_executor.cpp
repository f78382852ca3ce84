// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/graph_executor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <optional>

#include "engine/base/strings.h"
#include "engine/ops/concrete.h"
#include "engine/ops/reference.h"
#include "engine/runtime/step_info.h"

namespace lathe {

/// A node prepared for one combination of input types and shapes.
struct GraphExecutor::Variant {
  std::vector<int64_t> key;
  std::unique_ptr<Kernel> kernel;  ///< null: reference
  std::vector<TensorDesc> outputs;
  StepInfo info;
};

struct GraphExecutor::Step {
  NodeId node;
  int piece = -1;
  const Operator* op = nullptr;
  std::vector<uint32_t> dying;                    ///< values not needed after this step
  std::vector<bool> contents_read;                ///< inputs whose elements select the variant
  std::deque<std::unique_ptr<Variant>> variants;  ///< newest first, bounded
  std::deque<std::unique_ptr<Variant>> retired;   ///< StepInfos must live as long as the runnable
};

struct GraphExecutor::Frame {
  std::vector<RuntimeValue> values;
  std::span<const std::unique_ptr<PieceRunner>> pieces;
  const RunOptions& options;
  int64_t step_end = 0;  ///< of the step before, while somebody observes
};

namespace {

constexpr size_t max_variants = 32;
constexpr int64_t max_key_elements = 64;

std::string locate(const Node& node) {
  return "node '" + node.name + "' (" + node.qualified_type() + ")";
}

/// What a variant depends on: types, shapes, and the elements of inputs that shape inference reads.
void append_key(const RuntimeValue* value, bool with_contents, std::vector<int64_t>& key) {
  if (value == nullptr || !value->is_tensor()) return key.push_back(-1);
  const Tensor& tensor = value->tensor;
  key.push_back(static_cast<int64_t>(tensor.type()));
  key.push_back(static_cast<int64_t>(tensor.rank()));
  key.insert(key.end(), tensor.shape().begin(), tensor.shape().end());
  if (!with_contents || tensor.count() > max_key_elements) return;
  if (tensor.type() == ElementType::i64) {
    const auto elements = tensor.data<int64_t>();
    key.insert(key.end(), elements.begin(), elements.end());
  } else {
    for (const double element : tensor.to_double()) key.push_back(std::bit_cast<int64_t>(element));
  }
}

TensorDesc describe(const RuntimeValue* value) {
  if (value == nullptr || !value->is_tensor()) return {};
  return {value->tensor.type(), value->tensor.shape(), {}};
}

/// Output descriptions for a kernel request, or nothing when a shape is not known before running.
std::optional<std::vector<TensorDesc>> describe_outputs(const Node& node, const ConcreteInference& inferred) {
  std::vector<TensorDesc> outputs(node.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!node.outputs[i].valid()) continue;
    const TypeInfo& type = inferred.outputs[i];
    if (!type.is_static() || type.element == ElementType::undefined) return std::nullopt;
    outputs[i] = {type.element, to_shape(*type.dims), {}};
  }
  return outputs;
}

}  // namespace

GraphExecutor::GraphExecutor(const Graph& graph) : graph_(graph) {}
GraphExecutor::~GraphExecutor() = default;

Result<std::unique_ptr<GraphExecutor>> GraphExecutor::make(const Graph& graph, std::vector<int> covered) {
  std::unique_ptr<GraphExecutor> executor(new GraphExecutor(graph));
  covered.resize(graph.nodes().size(), -1);
  LATHE_TRY(executor->plan(covered));
  executor->add_lifetimes();
  executor->constants_.resize(graph.values().size());
  for (const Value& value : graph.values())
    if (value.constant.defined()) executor->constants_[value.id.index] = RuntimeValue(value.constant);
  return executor;
}

/// Orders nodes and pieces so that each comes after everything it reads.
Status GraphExecutor::plan(const std::vector<int>& covered) {
  LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph_));
  const int piece_count = covered.empty() ? 0 : *std::max_element(covered.begin(), covered.end()) + 1;
  // A unit is a piece or a single node; units wait for the producers of what they read outside themselves.
  const auto unit_of = [&](NodeId id) {
    return covered[id.index] >= 0 ? static_cast<size_t>(covered[id.index]) : piece_count + id.index;
  };
  const size_t units = static_cast<size_t>(piece_count) + graph_.nodes().size();
  std::vector<size_t> waiting(units, 0), rank(units, SIZE_MAX);
  std::vector<std::vector<size_t>> unblocks(units);
  std::vector<NodeId> representative(units);
  for (size_t position = 0; position < order.size(); ++position) {
    const Node& node = graph_.node(order[position]);
    const size_t unit = unit_of(node.id);
    if (rank[unit] == SIZE_MAX) representative[unit] = node.id;
    rank[unit] = std::min(rank[unit], position);
    for (const auto* list : {&node.inputs, &node.captured})
      for (const ValueId input : *list) {
        const NodeId producer = input.valid() ? graph_.value(input).producer : NodeId();
        if (!producer.valid() || unit_of(producer) == unit) continue;
        unblocks[unit_of(producer)].push_back(unit);
        ++waiting[unit];
      }
  }
  const auto later = [&](size_t a, size_t b) { return rank[a] > rank[b]; };
  std::vector<size_t> ready;
  size_t total = 0;
  for (size_t unit = 0; unit < units; ++unit) {
    if (rank[unit] == SIZE_MAX) continue;
    ++total;
    if (waiting[unit] == 0) ready.push_back(unit);
  }
  std::make_heap(ready.begin(), ready.end(), later);
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), later);
    const size_t unit = ready.back();
    ready.pop_back();
    auto step = std::make_unique<Step>();
    step->node = representative[unit];
    step->piece = unit < static_cast<size_t>(piece_count) ? static_cast<int>(unit) : -1;
    if (step->piece < 0) {
      const Node& node = graph_.node(step->node);
      step->op = operators().find(node);
      if (step->op == nullptr)
        return unsupported(locate(node), "is not known to this build and cannot be run");
      if (step->op->run == nullptr) return unsupported(locate(node), "has no kernel in this build");
    }
    steps_.push_back(std::move(step));
    for (const size_t next : unblocks[unit])
      if (--waiting[next] == 0) {
        ready.push_back(next);
        std::push_heap(ready.begin(), ready.end(), later);
      }
  }
  if (steps_.size() != total)
    return internal_error("partition", "its pieces depend on each other in a circle");
  return {};
}

void GraphExecutor::add_lifetimes() {
  std::vector<int> step_of_node(graph_.nodes().size(), -1);
  for (size_t i = 0; i < steps_.size(); ++i) step_of_node[steps_[i]->node.index] = static_cast<int>(i);
  for (const Value& value : graph_.values()) {
    if (!value.alive || value.is_output || value.constant.defined()) continue;
    int last = value.producer.valid() ? step_of_node[value.producer.index] : -1;
    bool simple = true;  // read only by single-node steps; what pieces read is kept to the end of the run
    for (const NodeId consumer : value.consumers) {
      const int step = step_of_node[consumer.index];
      simple = simple && step >= 0 && steps_[static_cast<size_t>(step)]->piece < 0;
      last = std::max(last, step);
    }
    if (simple && last >= 0) steps_[static_cast<size_t>(last)]->dying.push_back(value.id.index);
  }
}

Result<std::vector<RuntimeValue>> GraphExecutor::run(std::vector<RuntimeValue> inputs,
                                                     std::vector<RuntimeValue> captures,
                                                     std::span<const std::unique_ptr<PieceRunner>> pieces,
                                                     const RunOptions& options) {
  Frame frame{constants_, pieces, options};
  for (size_t i = 0; i < inputs.size() && i < graph_.inputs().size(); ++i)
    frame.values[graph_.inputs()[i].index] = std::move(inputs[i]);
  for (size_t i = 0; i < captures.size() && i < graph_.captures().size(); ++i)
    frame.values[graph_.captures()[i].inner.index] = std::move(captures[i]);
  for (const auto& step : steps_) {
    if (options.job != nullptr) LATHE_TRY(options.job->check());
    LATHE_TRY(step->piece >= 0 ? run_piece(*step, frame) : run_node(*step, frame));
    for (const uint32_t value : step->dying) frame.values[value] = {};
    if (options.observer != nullptr)
      options.observer->memory(frame.step_end, static_cast<int64_t>(allocated_buffer_bytes()));
  }
  std::vector<RuntimeValue> outputs;
  for (const ValueId output : graph_.outputs()) {
    if (!frame.values[output.index].present())
      return internal_error("output '" + graph_.value(output).name + "'", "was not computed");
    outputs.push_back(frame.values[output.index]);
  }
  return outputs;
}

Status GraphExecutor::run_piece(Step& step, Frame& frame) {
  PieceRunner& piece = *frame.pieces[static_cast<size_t>(step.piece)];
  std::vector<Tensor> inputs;
  for (const ValueId id : piece.inputs()) {
    if (!frame.values[id.index].is_tensor())
      return internal_error("value '" + graph_.value(id).name + "'", "is no tensor at an engine's border");
    inputs.push_back(frame.values[id.index].tensor);
  }
  LATHE_ASSIGN(std::vector<Tensor> outputs, piece.run(inputs, frame.options));
  for (size_t i = 0; i < outputs.size(); ++i)
    frame.values[piece.outputs()[i].index] = RuntimeValue(std::move(outputs[i]));
  if (frame.options.observer != nullptr) frame.step_end = now_ns();
  return {};
}

Status GraphExecutor::run_node(Step& step, Frame& frame) {
  const Node& node = graph_.node(step.node);
  std::vector<const RuntimeValue*> inputs(node.inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (node.inputs[i].valid()) inputs[i] = &frame.values[node.inputs[i].index];
  LATHE_ASSIGN(Variant * variant, variant_for(step, inputs));
  RunObserver* observer = frame.options.observer;
  const int64_t begin = observer != nullptr ? now_ns() : 0;
  LATHE_TRY(variant->kernel ? run_kernel(step, *variant, inputs, node, frame)
                            : run_reference_kernel(step, inputs, node, frame));
  if (observer == nullptr) return {};
  frame.step_end = now_ns();
  observer->slice(variant->info, begin, frame.step_end);
  return {};
}

Result<GraphExecutor::Variant*> GraphExecutor::variant_for(Step& step,
                                                           std::span<const RuntimeValue* const> inputs) {
  const Node& node = graph_.node(step.node);
  std::vector<int64_t> key;
  for (size_t i = 0; i < inputs.size(); ++i)
    append_key(inputs[i], i < step.contents_read.size() && step.contents_read[i], key);
  for (const auto& variant : step.variants)
    if (variant->key == key) return variant.get();

  auto variant = std::make_unique<Variant>();
  variant->key = key;
  std::vector<TensorDesc> descs;
  for (const RuntimeValue* input : inputs) descs.push_back(describe(input));
  const auto candidates = kernels().find(node.qualified_type());
  std::optional<std::vector<TensorDesc>> outputs;
  if (!candidates.empty()) {
    LATHE_ASSIGN(ConcreteInference inferred, infer_concrete(*step.op, node, inputs));
    outputs = describe_outputs(node, inferred);
    if (step.contents_read.empty()) {
      // Only inputs made at run time need to be compared: constants cannot change.
      step.contents_read = inferred.contents_read;
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i].valid() && graph_.constant(node.inputs[i]) != nullptr)
          step.contents_read[i] = false;
      variant->key.clear();
      for (size_t i = 0; i < inputs.size(); ++i) append_key(inputs[i], step.contents_read[i], variant->key);
    }
  }
  if (outputs) {
    KernelRequest request;
    request.node = &node;
    request.inputs = descs;
    request.outputs = *outputs;
    request.plain_layouts = true;
    for (const ValueId input : node.inputs) request.constants.push_back(graph_.constant(input));
    for (const KernelCandidate& candidate : candidates) {
      Prepared prepared = candidate.prepare(request);
      if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) {
        variant->kernel = std::move(*kernel);
        variant->outputs = *outputs;
        break;
      }
    }
  }
  variant->info = describe_step(node, *step.op, descs, outputs ? *outputs : std::vector<TensorDesc>{},
                                variant->kernel ? variant->kernel->name() : "reference");
  step.variants.push_front(std::move(variant));
  if (step.variants.size() > max_variants) {
    step.variants.back()->kernel.reset();
    step.retired.push_back(std::move(step.variants.back()));
    step.variants.pop_back();
  }
  return step.variants.front().get();
}

/// The input whose memory output 0 may have, where nothing else holds or reads it; else undefined.
Tensor GraphExecutor::take_over_input(const Step& step, const Variant& variant, const Node& node,
                                      Frame& frame) const {
  const int base = variant.kernel->in_place_input();
  if (base < 0 || variant.kernel->in_place_required()) return {};
  const ValueId id = node.inputs[static_cast<size_t>(base)];
  const TensorDesc& wanted = variant.outputs[0];
  const bool dies = std::find(step.dying.begin(), step.dying.end(), id.index) != step.dying.end();
  if (!dies || std::count(node.inputs.begin(), node.inputs.end(), id) != 1) return {};
  const Tensor& tensor = frame.values[id.index].tensor;
  if (!tensor.buffer().unique() || tensor.type() != wanted.type || tensor.shape() != wanted.shape) return {};
  return tensor;
}

Status GraphExecutor::run_kernel(const Step& step, Variant& variant,
                                 std::span<const RuntimeValue* const> inputs, const Node& node,
                                 Frame& frame) {
  Kernel& kernel = *variant.kernel;
  std::vector<const std::byte*> in(inputs.size(), nullptr);
  for (size_t i = 0; i < in.size(); ++i)
    if (inputs[i] != nullptr && inputs[i]->is_tensor() && !kernel.consumed(i))
      in[i] = inputs[i]->tensor.raw();
  std::vector<std::byte*> out(node.outputs.size(), nullptr);
  std::vector<Tensor> results(node.outputs.size());
  for (size_t i = 0; i < out.size(); ++i) {
    if (!variant.outputs[i].present()) continue;
    if (i == 0) results[0] = take_over_input(step, variant, node, frame);
    if (!results[i].defined()) {
      LATHE_ASSIGN(results[i], Tensor::allocate(variant.outputs[i].type, variant.outputs[i].shape));
    }
    out[i] = results[i].mutable_raw();
  }
  if (kernel.in_place_required()) {
    const Tensor& base = inputs[static_cast<size_t>(kernel.in_place_input())]->tensor;
    std::memcpy(out[0], base.raw(), base.bytes());
  }
  if (scratch_.size() < kernel.scratch_bytes()) {
    LATHE_ASSIGN(scratch_, Buffer::allocate(kernel.scratch_bytes()));
  }
  LATHE_TRY(kernel.run({in, out, scratch_.mutable_data()}));
  for (size_t i = 0; i < results.size(); ++i)
    if (results[i].defined()) frame.values[node.outputs[i].index] = RuntimeValue(std::move(results[i]));
  return {};
}

Status GraphExecutor::run_reference_kernel(Step& step, std::span<const RuntimeValue* const> inputs,
                                           const Node& node, Frame& frame) {
  ReferenceOptions options;
  options.seed = frame.options.seed ^ (node.id.index * 0x9e3779b97f4a7c15u);
  options.run_subgraph = [&](const Graph& body, std::vector<RuntimeValue> values) {
    return run_body(body, std::move(values), frame);
  };
  LATHE_ASSIGN(std::vector<RuntimeValue> outputs, run_reference(*step.op, node, inputs, options));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (node.outputs[i].valid()) frame.values[node.outputs[i].index] = std::move(outputs[i]);
  return {};
}

Result<std::vector<RuntimeValue>> GraphExecutor::run_body(const Graph& body, std::vector<RuntimeValue> inputs,
                                                          Frame& frame) {
  auto& executor = bodies_[&body];
  if (!executor) {
    LATHE_ASSIGN(executor, make(body));
  }
  std::vector<RuntimeValue> captures;
  for (const Capture& capture : body.captures()) captures.push_back(frame.values[capture.outer.index]);
  // Steps inside a body count as time of the node that owns it: they are not recorded on their own.
  RunOptions options = frame.options;
  options.observer = nullptr;
  return executor->run(std::move(inputs), std::move(captures), {}, options);
}

}  // namespace lathe
