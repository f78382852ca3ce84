// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/concrete.h"

#include <optional>

namespace lathe {
namespace {

constexpr int64_t max_elements = 4096;

TypeInfo type_of(const RuntimeValue& value) {
  switch (value.kind) {
    case RuntimeValue::Kind::tensor:
      return TypeInfo::tensor(value.tensor.type(), to_dims(value.tensor.shape()));
    case RuntimeValue::Kind::sequence:
      return TypeInfo::sequence_of(value.sequence && !value.sequence->empty()
                                       ? type_of(value.sequence->front())
                                       : TypeInfo::tensor(value.element));
    case RuntimeValue::Kind::empty_optional:
      return TypeInfo::optional_of({});
    case RuntimeValue::Kind::none:
      return {};
  }
  return {};
}

class ConcreteContext final : public InferContext {
 public:
  ConcreteContext(const Node& node, std::span<const RuntimeValue* const> inputs) : values_(inputs) {
    node_ = &node;
    result_.outputs.resize(node.outputs.size());
    result_.contents_read.resize(inputs.size());
    for (const RuntimeValue* value : inputs)
      types_.push_back(value != nullptr ? type_of(*value) : TypeInfo{});
    contents_.resize(inputs.size());
  }

  const TypeInfo& input(size_t i) const override { return i < types_.size() ? types_[i] : none_; }
  const Tensor* constant(size_t i) const override {
    if (i >= values_.size() || values_[i] == nullptr || !values_[i]->is_tensor()) return nullptr;
    result_.contents_read[i] = true;
    return &values_[i]->tensor;
  }
  const std::vector<Dim>* contents(size_t i) const override {
    const Tensor* tensor = i < values_.size() && values_[i] != nullptr && values_[i]->is_tensor()
                               ? &values_[i]->tensor
                               : nullptr;
    if (tensor == nullptr || tensor->rank() > 1 || tensor->count() > max_elements) return nullptr;
    if (!is_integer(tensor->type()) && tensor->type() != ElementType::boolean) return nullptr;
    result_.contents_read[i] = true;
    if (!contents_[i]) {
      contents_[i].emplace();
      for (const int64_t element : tensor->to_int64()) contents_[i]->emplace_back(element);
    }
    return &*contents_[i];
  }
  void set_output(size_t i, TypeInfo type) override {
    if (i < result_.outputs.size()) result_.outputs[i] = std::move(type);
  }
  void set_contents(size_t, std::vector<Dim>) override {}
  Dim data_dependent_dim(std::string_view) override { return Dim::symbol("data"); }
  Dim unknown_dim() override { return Dim::symbol("unknown"); }
  Result<std::vector<TypeInfo>> infer_subgraph(const Graph& body, std::span<const TypeInfo>) override {
    return std::vector<TypeInfo>(body.outputs().size());
  }
  ConcreteInference take() { return std::move(result_); }

 private:
  std::span<const RuntimeValue* const> values_;
  std::vector<TypeInfo> types_;
  mutable std::vector<std::optional<std::vector<Dim>>> contents_;
  mutable ConcreteInference result_;
  TypeInfo none_;
};

}  // namespace

Result<ConcreteInference> infer_concrete(const Operator& op, const Node& node,
                                         std::span<const RuntimeValue* const> inputs) {
  ConcreteContext context(node, inputs);
  if (op.infer != nullptr) {
    Status status = op.infer(context);
    if (!status.ok()) {
      Error error = std::move(status).error();
      error.where = "node '" + node.name + "' (" + node.qualified_type() + ")";
      return error;
    }
  }
  return context.take();
}

}  // namespace lathe
