// SPDX-License-Identifier: Apache-2.0
// What an operator is: its signature, how its output types follow from its inputs, and its reference kernel.
//
// Adding one: a file engine/ops/<family>.cpp with `void register_<family>(OperatorRegistry&)`, and its name
// in engine/ops/CMakeLists.txt (LATHE_OPERATOR_FAMILIES); the registry source is generated from that list.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/result.h"
#include "engine/graph/graph.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// Type and shape inference of one node. Implemented by the inference driver (engine/ops/inference.h).
class InferContext {
 public:
  virtual ~InferContext() = default;
  const Node& node() const { return *node_; }
  int version() const { return node_->version; }
  const Attributes& attributes() const { return node_->attributes; }
  size_t input_count() const { return node_->inputs.size(); }
  size_t output_count() const { return node_->outputs.size(); }
  bool has_input(size_t i) const { return i < node_->inputs.size() && node_->inputs[i].valid(); }
  bool has_output(size_t i) const { return i < node_->outputs.size() && node_->outputs[i].valid(); }

  /// Type of input i; kind unknown when absent or not inferable.
  virtual const TypeInfo& input(size_t i) const = 0;
  /// Constant data of input i or null.
  virtual const Tensor* constant(size_t i) const = 0;
  /// Elements (flattened) of a small integer input as far as they can be told, or null. Constants included.
  virtual const std::vector<Dim>* contents(size_t i) const = 0;
  virtual void set_output(size_t i, TypeInfo type) = 0;
  /// Propagates the elements of a small integer output (rank 0 or 1).
  virtual void set_contents(size_t i, std::vector<Dim> elements) = 0;
  /// A new symbol for a size that depends on data (`NonZero`): remembered as such for failure causes.
  virtual Dim data_dependent_dim(std::string_view hint) = 0;
  /// A new symbol for a size that cannot be told for another reason (unknown rank upstream, missing
  /// inference).
  virtual Dim unknown_dim() = 0;
  /// Infers a sub-graph with these input types (captures are resolved by the driver); gives its output types.
  virtual Result<std::vector<TypeInfo>> infer_subgraph(const Graph& body,
                                                       std::span<const TypeInfo> inputs) = 0;

  // Shorthands.
  ElementType element(size_t i) const { return input(i).element; }
  /// Dims of tensor input i, or null when its rank is unknown.
  const Dims* dims(size_t i) const {
    return input(i).is_tensor() && input(i).dims ? &*input(i).dims : nullptr;
  }
  void set_tensor(size_t i, ElementType element, std::optional<Dims> dims) {
    if (has_output(i)) set_output(i, TypeInfo::tensor(element, std::move(dims)));
  }
  /// Numbers of a constant or fully propagated integer input; nullopt when any is not known.
  std::optional<std::vector<int64_t>> known_ints(size_t i) const;

 protected:
  const Node* node_ = nullptr;
};

/// One execution of a node by its reference kernel. Implemented by the executors.
class RunContext {
 public:
  virtual ~RunContext() = default;
  const Node& node() const { return *node_; }
  int version() const { return node_->version; }
  const Attributes& attributes() const { return node_->attributes; }
  size_t input_count() const { return inputs_.size(); }
  size_t output_count() const { return node_->outputs.size(); }
  bool has_input(size_t i) const {
    return i < inputs_.size() && inputs_[i] != nullptr && inputs_[i]->present();
  }
  bool has_output(size_t i) const { return i < node_->outputs.size() && node_->outputs[i].valid(); }
  const RuntimeValue& value(size_t i) const { return *inputs_[i]; }
  const Tensor& tensor(size_t i) const { return inputs_[i]->tensor; }

  /// Memory for tensor output i, uninitialised; may be the place an engine has planned for it.
  virtual Result<Tensor*> output(size_t i, ElementType type, Shape shape) = 0;
  /// Hands over a finished value (views, sequences, strings).
  virtual void set_output(size_t i, RuntimeValue value) = 0;
  /// Runs a sub-graph (captures are bound by the executor).
  virtual Result<std::vector<RuntimeValue>> run_subgraph(const Graph& body,
                                                         std::vector<RuntimeValue> inputs) = 0;
  /// Seed for operators that draw random numbers and have no seed attribute.
  virtual uint64_t seed() const = 0;

  /// A bad_input error located at this node.
  Error error(std::string what) const {
    return bad_input("node '" + node_->name + "' (" + node_->qualified_type() + ")", std::move(what));
  }
  /// An error for an element type the operator does not take.
  Error type_error(ElementType type) const {
    return error(std::string("does not take elements of type ") + to_string(type));
  }

 protected:
  const Node* node_ = nullptr;
  std::vector<const RuntimeValue*> inputs_;
};

/// Facts about an operator that passes, planner and converter use.
enum OperatorTrait : uint32_t {
  trait_none = 0,
  trait_elementwise = 1u << 0,  ///< output i depends on input element i only (with broadcasting)
  trait_view = 1u << 1,    ///< output 0 is input 0's bytes under another shape (Reshape, Squeeze, Identity)
  trait_random = 1u << 2,  ///< never folded
  trait_data_dependent = 1u << 3,  ///< output shape depends on input data in general (NonZero, Unique, NMS)
  trait_control_flow = 1u << 4,    ///< has sub-graphs
  trait_internal = 1u << 5,        ///< Lathe's own fused operator, never exported
};

struct Operator {
  std::string_view domain;  ///< "" = ai.onnx
  std::string_view name;
  std::vector<int> versions;             ///< since-versions implemented, ascending, e.g. {1, 7, 13}
  int min_inputs = 0, max_inputs = 0;    ///< max -1: variadic
  int min_outputs = 1, max_outputs = 1;  ///< max -1: variadic
  uint32_t traits = trait_none;
  /// Sets output types; an error means the node contradicts the specification.
  Status (*infer)(InferContext&) = nullptr;
  /// The truth. Errors for inputs the specification forbids. Null: known for inspection only.
  Status (*run)(RunContext&) = nullptr;
  /// Floating-point operations of one execution (multiply and add count 2), given concrete shapes; null:
  /// elements of output 0. Absent optional inputs have rank 0 undefined tensors' empty shape.
  int64_t (*flops)(const Node&, std::span<const Shape> inputs, std::span<const Shape> outputs) = nullptr;
};

class OperatorRegistry {
 public:
  void add(Operator op);
  /// The operator whose newest implemented version does not exceed `version`; null when unknown.
  const Operator* find(std::string_view domain, std::string_view name, int version) const;
  const Operator* find(const Node& node) const { return find(node.domain, node.op_type, node.version); }
  const std::vector<Operator>& all() const { return operators_; }  ///< in registration order
  /// The newest version of a domain that any of its operators has, which is the newest one this build knows;
  /// 0 for a domain without operators. Nodes of a newer version may mean something else.
  int newest_version(std::string_view domain) const;
  /// Names of a domain, for "did you mean".
  std::vector<std::string> names(std::string_view domain) const;

 private:
  std::vector<Operator> operators_;
  std::unordered_map<std::string, std::vector<size_t>> by_name_;
  std::unordered_map<std::string, int> newest_versions_;  ///< by domain
};

/// Every operator of this build; made once on first use, immutable after. Thread-safe.
const OperatorRegistry& operators();

/// "" for both spellings of the default domain ("" and "ai.onnx").
std::string_view canonical_domain(std::string_view domain);

}  // namespace lathe
