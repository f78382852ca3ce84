// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/inference.h"

#include <algorithm>
#include <set>

#include "engine/ops/reference.h"

namespace lathe {
namespace {

constexpr size_t max_propagated_elements = 1024;
const TypeInfo unknown_type;

std::string locate(const Node& node) {
  return "node '" + node.name + "' (" + node.qualified_type() + ")";
}

/// More specific of two opinions about one dim: a number beats a symbol, the inferred symbol beats a declared
/// one.
Dim merge_dim(const Dim& inferred, const Dim& declared) {
  if (inferred.known()) return inferred;
  return declared.known() ? declared : inferred;
}

/// What all levels of sub-graphs share.
struct Session {
  InferenceResult* result = nullptr;
  NodeId outer_node;  ///< node of the main graph whose sub-graph is being inferred
  int next_symbol = 0;
  int depth = 0;
  std::set<std::string> newer_domains;  ///< operator sets reported as newer than this build
};

class GraphInference {
 public:
  GraphInference(const Graph& graph, InferenceResult& result, Session& session,
                 const InferenceOptions& options)
      : graph_(graph), result_(result), session_(session), options_(options) {
    result_.types.resize(graph.values().size());
  }

  void run(std::span<const TypeInfo> inputs, std::span<const TypeInfo> captures, bool main_graph);

  const TypeInfo& type(ValueId id) const { return result_.types[id.index]; }
  const std::vector<Dim>* contents(ValueId id);
  /// An initializer, or a value evaluated on the way.
  const Tensor* constant(ValueId id) const;
  void set_type(const Node& node, ValueId id, TypeInfo type);
  void report(Severity severity, const char* code, const Node& node, std::string message);

  const Graph& graph_;
  InferenceResult& result_;
  Session& session_;
  const InferenceOptions& options_;

 private:
  void seed_inputs(std::span<const TypeInfo> inputs, std::span<const TypeInfo> captures, bool main_graph);
  TypeInfo resolve_input(const Value& value);
  void infer_node(const Node& node);
  void check_version(const Node& node);
  void fill_unknown_outputs(const Node& node);
  void evaluate(const Operator& op, const Node& node);
};

/// The driver's side of one node's inference.
class NodeInference final : public InferContext {
 public:
  NodeInference(GraphInference& owner, const Node& node) : owner_(owner) { node_ = &node; }

  const TypeInfo& input(size_t i) const override {
    return has_input(i) ? owner_.type(node_->inputs[i]) : unknown_type;
  }
  const Tensor* constant(size_t i) const override {
    return has_input(i) ? owner_.constant(node_->inputs[i]) : nullptr;
  }
  const std::vector<Dim>* contents(size_t i) const override {
    return has_input(i) ? owner_.contents(node_->inputs[i]) : nullptr;
  }
  void set_output(size_t i, TypeInfo type) override {
    if (has_output(i)) owner_.set_type(*node_, node_->outputs[i], std::move(type));
  }
  void set_contents(size_t i, std::vector<Dim> elements) override {
    if (has_output(i) && elements.size() <= max_propagated_elements)
      owner_.result_.contents[node_->outputs[i]] = std::move(elements);
  }
  Dim data_dependent_dim(std::string_view hint) override {
    return new_symbol("u", hint, SymbolOrigin::Kind::data_dependent);
  }
  Dim unknown_dim() override { return new_symbol("unk", "", SymbolOrigin::Kind::unknown); }
  Result<std::vector<TypeInfo>> infer_subgraph(const Graph& body, std::span<const TypeInfo> inputs) override;

 private:
  Dim new_symbol(const std::string& prefix, std::string_view hint, SymbolOrigin::Kind kind) {
    Session& session = owner_.session_;
    std::string name = prefix + std::to_string(session.next_symbol++);
    if (!hint.empty()) name += "_" + std::string(hint);
    SymbolOrigin origin;
    origin.kind = kind;
    origin.node = session.outer_node.valid() ? session.outer_node : node_->id;
    session.result->symbols[name] = origin;
    return Dim::symbol(name);
  }

  GraphInference& owner_;
};

const Tensor* GraphInference::constant(ValueId id) const {
  const auto evaluated = result_.evaluated.find(id);
  return evaluated != result_.evaluated.end() ? &evaluated->second : graph_.constant(id);
}

const std::vector<Dim>* GraphInference::contents(ValueId id) {
  // Elements are only meaningful in order for scalars and lists.
  if (type(id).dims && type(id).dims->size() > 1) return nullptr;
  const auto found = result_.contents.find(id);
  if (found != result_.contents.end()) return &found->second;
  const Tensor* tensor = constant(id);
  if (tensor == nullptr || (!is_integer(tensor->type()) && tensor->type() != ElementType::boolean) ||
      tensor->rank() > 1 || tensor->count() > static_cast<int64_t>(max_propagated_elements))
    return nullptr;
  std::vector<Dim> elements;
  for (const int64_t element : tensor->to_int64()) elements.emplace_back(element);
  return &(result_.contents[id] = std::move(elements));
}

void GraphInference::report(Severity severity, const char* code, const Node& node, std::string message) {
  Finding finding{severity,           code, locate(node),
                  std::move(message), "",   session_.outer_node.valid() ? session_.outer_node : node.id};
  session_.result->findings.push_back(std::move(finding));
}

void GraphInference::set_type(const Node& node, ValueId id, TypeInfo type) {
  const TypeInfo& declared = graph_.value(id).type;
  if (type.is_tensor() && declared.is_tensor()) {
    if (type.element == ElementType::undefined)
      type.element = declared.element;
    else if (declared.element != ElementType::undefined && declared.element != type.element)
      report(Severity::warning, "type_mismatch", node,
             "output '" + graph_.value(id).name + "' is declared " + to_string(declared.element) +
                 " but is " + to_string(type.element));
    // A declared shape is used only where inference knows nothing: it may speak of other input shapes.
    if (!type.dims && declared.dims && options_.input_shapes.empty())
      type.dims = declared.dims;
    else if (type.dims && declared.dims && type.dims->size() == declared.dims->size() &&
             options_.input_shapes.empty())
      for (size_t i = 0; i < type.dims->size(); ++i) {
        const Dim merged = merge_dim((*type.dims)[i], (*declared.dims)[i]);
        (*type.dims)[i] = merged;
      }
    else if (type.dims && declared.dims && type.dims->size() != declared.dims->size())
      report(Severity::warning, "shape_mismatch", node,
             "output '" + graph_.value(id).name + "' is declared " + to_string(*declared.dims) + " but is " +
                 to_string(*type.dims));
  }
  result_.types[id.index] = std::move(type);
}

Result<std::vector<TypeInfo>> NodeInference::infer_subgraph(const Graph& body,
                                                            std::span<const TypeInfo> inputs) {
  Session& session = owner_.session_;
  if (session.depth > 32) return bad_input(locate(*node_), "sub-graphs are nested too deeply");
  std::vector<TypeInfo> captures;
  for (const Capture& capture : body.captures()) captures.push_back(owner_.type(capture.outer));
  InferenceResult inner;
  const NodeId saved = session.outer_node;
  if (!saved.valid()) session.outer_node = node_->id;
  ++session.depth;
  GraphInference inference(body, inner, session, owner_.options_);
  for (const Capture& capture : body.captures())
    if (const auto* known = owner_.contents(capture.outer)) inner.contents[capture.inner] = *known;
  inference.run(inputs, captures, false);
  --session.depth;
  session.outer_node = saved;
  std::vector<TypeInfo> outputs;
  for (const ValueId output : body.outputs()) outputs.push_back(inner.types[output.index]);
  return outputs;
}

TypeInfo GraphInference::resolve_input(const Value& value) {
  TypeInfo type = value.type;
  if (!type.is_tensor()) return type;
  const auto given = options_.input_shapes.find(value.name);
  if (given != options_.input_shapes.end()) type.dims = given->second;
  if (!type.dims) return type;
  for (size_t axis = 0; axis < type.dims->size(); ++axis) {
    for (const std::string& symbol : (*type.dims)[axis].symbols()) {
      SymbolOrigin origin;
      origin.kind = SymbolOrigin::Kind::input_axis;
      origin.input = value.id;
      origin.axis = static_cast<int>(axis);
      session_.result->symbols.try_emplace(symbol, origin);
    }
  }
  return type;
}

void GraphInference::seed_inputs(std::span<const TypeInfo> inputs, std::span<const TypeInfo> captures,
                                 bool main_graph) {
  for (const Value& value : graph_.values())
    if (value.constant.defined())
      result_.types[value.id.index] =
          TypeInfo::tensor(value.constant.type(), to_dims(value.constant.shape()));
  for (size_t i = 0; i < graph_.inputs().size(); ++i) {
    const Value& value = graph_.value(graph_.inputs()[i]);
    TypeInfo type = main_graph ? resolve_input(value) : i < inputs.size() ? inputs[i] : value.type;
    if (type.kind == TypeInfo::Kind::unknown) type = value.type;
    result_.types[value.id.index] = std::move(type);
  }
  for (size_t i = 0; i < graph_.captures().size() && i < captures.size(); ++i)
    result_.types[graph_.captures()[i].inner.index] = captures[i];
}

void GraphInference::fill_unknown_outputs(const Node& node) {
  for (const ValueId output : node.outputs)
    if (output.valid() && type(output).kind == TypeInfo::Kind::unknown)
      result_.types[output.index] = graph_.value(output).type;
}

/// Warns once of each operator set that is newer than this build: its operators may have new definitions.
void GraphInference::check_version(const Node& node) {
  const int newest = operators().newest_version(node.domain);
  if (node.version <= newest || !session_.newer_domains.insert(node.domain).second) return;
  report(Severity::warning, "newer_opset", node,
         "is of operator set " + (node.domain.empty() ? "ai.onnx" : node.domain) + " version " +
             std::to_string(node.version) + ", newer than this build knows (" + std::to_string(newest) +
             "): its operators are taken to mean what they did then");
}

/// Small outputs that follow from small known inputs, by the reference kernel: exporters compute pads, scales
/// and slices from shapes by whatever operators come to hand, in any type and rank.
void GraphInference::evaluate(const Operator& op, const Node& node) {
  constexpr uint32_t never = trait_random | trait_control_flow | trait_internal;
  if (op.run == nullptr || (op.traits & never) != 0 || node.inputs.empty()) return;
  const auto small = [](ElementType element, int64_t count) {
    return element != ElementType::string && count <= static_cast<int64_t>(max_propagated_elements);
  };
  for (const ValueId output : node.outputs) {
    if (!output.valid()) continue;
    const TypeInfo& made = type(output);
    if (!made.is_static() || !small(made.element, element_count(to_shape(*made.dims)))) return;
  }
  std::vector<RuntimeValue> values(node.inputs.size());
  std::vector<const RuntimeValue*> inputs(node.inputs.size(), nullptr);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!node.inputs[i].valid()) continue;
    const Tensor* known = constant(node.inputs[i]);
    std::optional<Tensor> counted = known != nullptr ? *known : result_.known_tensor(node.inputs[i]);
    if (!counted || !small(counted->type(), counted->count())) return;
    values[i] = RuntimeValue(std::move(*counted));
    inputs[i] = &values[i];
  }
  const auto made = run_reference(op, node, inputs);
  if (!made.ok()) return;  // whoever runs the node says why
  for (size_t i = 0; i < made->size(); ++i) {
    const ValueId output = node.outputs[i];
    if (!output.valid() || !(*made)[i].is_tensor()) continue;
    const Tensor& tensor = (*made)[i].tensor;
    if (tensor.type() != type(output).element || tensor.shape() != to_shape(*type(output).dims)) continue;
    result_.evaluated.insert_or_assign(output, tensor);
  }
}

void GraphInference::infer_node(const Node& node) {
  const Operator* op = operators().find(node);
  if (op == nullptr) {
    report(Severity::error, "unknown_operator", node, "is not known to this build");
    return fill_unknown_outputs(node);
  }
  check_version(node);
  const auto count = static_cast<int>(node.inputs.size());
  if (count < op->min_inputs || (op->max_inputs >= 0 && count > op->max_inputs)) {
    report(Severity::error, "input_count", node, "has " + std::to_string(count) + " inputs");
    return fill_unknown_outputs(node);
  }
  if (op->infer != nullptr) {
    NodeInference context(*this, node);
    const Status status = op->infer(context);
    if (!status.ok())
      report(Severity::error, "inconsistent", node, status.error().what);
    else
      evaluate(*op, node);
  }
  fill_unknown_outputs(node);
}

void GraphInference::run(std::span<const TypeInfo> inputs, std::span<const TypeInfo> captures,
                         bool main_graph) {
  seed_inputs(inputs, captures, main_graph);
  const auto order = topological_order(graph_);
  if (!order.ok()) {
    session_.result->findings.push_back(
        {Severity::error, "cycle", order.error().where, order.error().what, "", {}});
    return;
  }
  for (const NodeId id : *order) infer_node(graph_.node(id));
}

}  // namespace

std::optional<Tensor> InferenceResult::known_tensor(ValueId id) const {
  if (const auto found = evaluated.find(id); found != evaluated.end()) return found->second;
  const auto found = contents.find(id);
  const TypeInfo& known_type = type(id);
  if (found == contents.end() || !known_type.is_static()) return std::nullopt;
  const Shape shape = to_shape(*known_type.dims);
  if (element_count(shape) != static_cast<int64_t>(found->second.size())) return std::nullopt;
  std::vector<int64_t> elements;
  for (const Dim& dim : found->second) {
    if (!dim.known()) return std::nullopt;
    elements.push_back(dim.value());
  }
  std::optional<Tensor> tensor;
  visit_type<int64_t, int32_t>(known_type.element, [&](auto zero) {
    using T = decltype(zero);
    tensor = Tensor::from<T>(shape, std::vector<T>(elements.begin(), elements.end()));
  });
  if (known_type.element == ElementType::boolean) {
    auto made = Tensor::allocate(ElementType::boolean, shape);
    if (!made.ok()) return std::nullopt;
    std::copy(elements.begin(), elements.end(), made->mutable_data<bool>().begin());
    tensor = std::move(*made);
  }
  return tensor;
}

InferenceResult infer(const Graph& graph, const InferenceOptions& options) {
  InferenceResult result;
  Session session;
  session.result = &result;
  GraphInference(graph, result, session, options).run({}, {}, true);
  return result;
}

InferenceResult infer(const Graph& graph, std::span<const TypeInfo> inputs,
                      std::span<const TypeInfo> captures, const InferenceOptions& options) {
  InferenceResult result;
  Session session;
  session.result = &result;
  GraphInference(graph, result, session, options).run(inputs, captures, false);
  return result;
}

void apply_types(Graph& graph, const InferenceResult& result) {
  GraphEditor editor(graph);
  for (const Value& value : graph.values())
    if (result.types[value.id.index].kind != TypeInfo::Kind::unknown)
      editor.set_type(value.id, result.types[value.id.index]);
}

}  // namespace lathe
