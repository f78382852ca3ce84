// SPDX-License-Identifier: Apache-2.0
// Where weights can be equalised across layers: Relu and a bias that is divided, too, let a positive number
// per channel pass.
#include <algorithm>

#include "engine/precision/migration.h"

namespace lathe {
namespace {

bool is(const Node& node, const char* op_type) {
  return node.domain.empty() && node.op_type == op_type;
}

class Finder {
 public:
  Finder(const Graph& graph, const Int8Plan& plan) : graph_(graph), plan_(plan) {}

  std::optional<Migration> from(const Node& product) const {
    Migration made;
    made.channel_axis = is(product, "Conv") ? 1 : -1;
    const size_t channel_axis = plan_.of(product.id).channel_axis;
    made.divided.push_back({product.id, 1, channel_axis});
    if (product.inputs.size() > 2 && product.inputs[2].valid() && !add_bias(made, product.id, 2)) return {};
    ValueId value = product.outputs[0];
    const Node* next = sole_reader(value);
    if (next != nullptr && is(product, "MatMul") && is(*next, "Add")) {
      const size_t bias = next->inputs[0] == value ? 1 : 0;
      if (!add_bias(made, next->id, bias)) return {};
      value = next->outputs[0];
      next = sole_reader(value);
    }
    if (next != nullptr && is(*next, "Relu")) value = next->outputs[0];
    made.between = value;
    return multiplied(made, is(product, "Conv")) ? std::optional(made) : std::nullopt;
  }

 private:
  const Node* sole_reader(ValueId value) const {
    const Value& each = graph_.value(value);
    return each.consumers.size() == 1 && !each.is_output ? &graph_.node(each.consumers.front()) : nullptr;
  }

  /// One number per channel.
  bool add_bias(Migration& made, NodeId node, size_t input) const {
    const Tensor* bias = constant_behind(graph_, graph_.node(node).inputs[input]);
    if (bias == nullptr || bias->rank() != 1) return false;
    made.divided.push_back({node, input, 0});
    return true;
  }

  /// All readers are products of the same kind that take channel by channel.
  bool multiplied(Migration& made, bool convolution) const {
    const Value& between = graph_.value(made.between);
    if (between.is_output || between.consumers.empty()) return false;
    for (const NodeId id : between.consumers) {
      const Node& reader = graph_.node(id);
      if (!plan_.of(id).product || !plan_.of(id).int8 || is(reader, "Conv") != convolution ||
          reader.inputs[0] != between.id)
        return false;
      const auto axis = convolution ? conv_axis(reader) : std::optional(1 - plan_.of(id).channel_axis);
      if (!axis) return false;
      made.multiplied.push_back({id, 1, *axis});
    }
    return true;
  }

  /// Input channels lie along axis 1 of the weights, and along axis 0 of a depthwise convolution's.
  std::optional<size_t> conv_axis(const Node& conv) const {
    const int64_t groups = conv.attributes.get_int("group", 1);
    if (groups == 1) return 1;
    const Tensor* weights = constant_behind(graph_, conv.inputs[1]);
    return weights != nullptr && weights->dim(0) == groups && weights->dim(1) == 1 ? std::optional<size_t>(0)
                                                                                   : std::nullopt;
  }

  const Graph& graph_;
  const Int8Plan& plan_;
};

}  // namespace

std::vector<Migration> find_equalisation(const Graph& graph, const Int8Plan& plan) {
  std::vector<Migration> found;
  const Finder finder(graph, plan);
  for (const NodeId id : plan.order) {
    if (!plan.of(id).product || !plan.of(id).int8) continue;
    if (auto migration = finder.from(graph.node(id))) found.push_back(std::move(*migration));
  }
  return found;
}

}  // namespace lathe
