// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/reference.h"

#include <new>

namespace lathe {
namespace {

class ReferenceRun final : public RunContext {
 public:
  ReferenceRun(const Node& node, std::span<const RuntimeValue* const> inputs, const ReferenceOptions& options)
      : options_(options), outputs_(node.outputs.size()) {
    node_ = &node;
    inputs_.assign(inputs.begin(), inputs.end());
  }

  Result<Tensor*> output(size_t i, ElementType type, Shape shape) override {
    if (i >= outputs_.size()) return error("has no output " + std::to_string(i));
    RuntimeValue& slot = outputs_[i];
    if (i < options_.planned.size() && options_.planned[i].type() == type &&
        options_.planned[i].shape() == shape) {
      slot = RuntimeValue(options_.planned[i]);
    } else {
      auto tensor = Tensor::allocate(type, std::move(shape));
      if (!tensor.ok()) {
        Error failure = std::move(tensor).error();
        failure.where = error("").where;
        return failure;
      }
      slot = RuntimeValue(std::move(tensor).value());
    }
    return &slot.tensor;
  }
  void set_output(size_t i, RuntimeValue value) override {
    if (i < outputs_.size()) outputs_[i] = std::move(value);
  }
  Result<std::vector<RuntimeValue>> run_subgraph(const Graph& body,
                                                 std::vector<RuntimeValue> inputs) override {
    if (!options_.run_subgraph) return error("has sub-graphs, which need an executor");
    return options_.run_subgraph(body, std::move(inputs));
  }
  uint64_t seed() const override { return options_.seed; }

  std::vector<RuntimeValue> take() { return std::move(outputs_); }

 private:
  const ReferenceOptions& options_;
  std::vector<RuntimeValue> outputs_;
};

}  // namespace

Result<std::vector<RuntimeValue>> run_reference(const Operator& op, const Node& node,
                                                std::span<const RuntimeValue* const> inputs,
                                                const ReferenceOptions& options) {
  ReferenceRun context(node, inputs, options);
  if (op.run == nullptr)
    return unsupported("node '" + node.name + "' (" + node.qualified_type() + ")",
                       "cannot be run by this build");
  size_t present = 0;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i] != nullptr && inputs[i]->present()) present = i + 1;
  if (static_cast<int>(present) < op.min_inputs) return context.error("is missing required inputs");
  try {
    LATHE_TRY(op.run(context));
  } catch (const std::bad_alloc&) {
    return resource_error("node '" + node.name + "' (" + node.qualified_type() + ")", "out of memory");
  }
  return context.take();
}

}  // namespace lathe
