// SPDX-License-Identifier: Apache-2.0
// Nodes of custom operators: which operator they are of, their inference and their runs.
#include "engine/ops/plugin/plugin_operators.h"

#include <map>
#include <mutex>
#include <shared_mutex>

#include "engine/ops/plugin/guarded_output.h"
#include "engine/ops/plugin/plugin_call.h"

namespace lathe {
namespace {

struct Loaded {
  std::shared_mutex mutex;
  std::multimap<std::pair<std::string, std::string>, std::shared_ptr<const PluginOperator>> by_name;
};

Loaded& loaded() {
  static Loaded all;
  return all;
}

/// The newest one that the node's version has.
std::shared_ptr<const PluginOperator> operator_of(const Node& node) {
  Loaded& all = loaded();
  const std::shared_lock lock(all.mutex);
  std::shared_ptr<const PluginOperator> best;
  const auto [begin, end] =
      all.by_name.equal_range({std::string(canonical_domain(node.domain)), node.op_type});
  for (auto at = begin; at != end; ++at) {
    const int since = at->second->table->since_version;
    if (since <= node.version && (best == nullptr || since > best->table->since_version)) best = at->second;
  }
  return best;
}

Error missing(const Node& node) {
  return unsupported("node '" + node.name + "' (" + node.qualified_type() + ")", "no plugin has it any more");
}

}  // namespace

void add_plugin_operator(std::shared_ptr<const PluginOperator> op) {
  Loaded& all = loaded();
  const std::unique_lock lock(all.mutex);
  all.by_name.emplace(std::pair(op->domain, op->name), std::move(op));
}

std::shared_ptr<const PluginOperator> find_plugin_operator(std::string_view domain, std::string_view name,
                                                           int since_version) {
  Loaded& all = loaded();
  const std::shared_lock lock(all.mutex);
  const auto [begin, end] = all.by_name.equal_range({std::string(domain), std::string(name)});
  for (auto at = begin; at != end; ++at)
    if (at->second->table->since_version == since_version) return at->second;
  return nullptr;
}

Status plugin_infer(InferContext& context) {
  const auto op = operator_of(context.node());
  if (op == nullptr) return missing(context.node());
  PluginCall call(context.node(), *op, context.input_count());
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_input(i)) continue;
    const TypeInfo& type = context.input(i);
    // Without its element type an input says nothing; outputs stay unknown.
    if (!type.is_tensor() || type.element == ElementType::undefined) return {};
    std::optional<std::vector<int64_t>> dims;
    if (type.dims) {
      dims.emplace();
      for (const Dim& dim : *type.dims) dims->push_back(dim.known() ? dim.value() : LATHE_PLUGIN_UNKNOWN);
    }
    const Tensor* constant = type.element == ElementType::string ? nullptr : context.constant(i);
    call.set_input(i, type.element, std::move(dims), constant == nullptr ? nullptr : constant->raw());
  }
  LATHE_TRY(call.infer());
  for (size_t i = 0; i < context.output_count(); ++i) {
    if (!context.has_output(i)) continue;
    LATHE_TRY(call.check_type(i));
    const LathePluginType& type = call.type(i);
    Dims dims;
    for (int32_t axis = 0; axis < type.rank; ++axis) {
      const int64_t size = type.dims[axis];
      if (size >= 0) {
        dims.emplace_back(size);
      } else if (size == LATHE_PLUGIN_UNKNOWN) {
        dims.push_back((op->table->traits & LATHE_PLUGIN_DATA_DEPENDENT) != 0
                           ? context.data_dependent_dim(op->name)
                           : context.unknown_dim());
      } else {
        const PluginCall::SizeSource source = PluginCall::source_of(size);
        const Dims* from = context.dims(source.input);
        dims.push_back(from != nullptr ? (*from)[source.axis] : context.unknown_dim());
      }
    }
    context.set_tensor(i, static_cast<ElementType>(type.element_type), std::move(dims));
  }
  return {};
}

Status plugin_run(RunContext& context) {
  const auto op = operator_of(context.node());
  if (op == nullptr) return missing(context.node());
  PluginCall call(context.node(), *op, context.input_count());
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_input(i)) continue;
    if (!context.value(i).is_tensor() || context.tensor(i).type() == ElementType::string)
      return call.error("input " + std::to_string(i) +
                        " is no tensor of numbers, which is all that plugins take");
    const Tensor& tensor = context.tensor(i);
    call.set_input(i, tensor.type(), std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end()),
                   tensor.raw());
  }
  LATHE_TRY(call.infer());
  std::vector<std::optional<GuardedOutput>> outputs(context.output_count());
  std::vector<LathePluginOutput> views(context.output_count());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!context.has_output(i)) continue;
    LATHE_TRY(call.check_type(i));
    LATHE_ASSIGN(outputs[i], GuardedOutput::make(static_cast<ElementType>(call.type(i).element_type),
                                                 call.concrete_shape(i), call, i));
    views[i] = outputs[i]->view();
  }
  const Status computed = call.compute(views);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i] && outputs[i]->overrun())
      return call.error("compute wrote outside of output " + std::to_string(i) + ", which has " +
                        std::to_string(outputs[i]->bytes()) + " bytes");
  LATHE_TRY(computed);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i]) context.set_output(i, outputs[i]->value());
  return {};
}

}  // namespace lathe
