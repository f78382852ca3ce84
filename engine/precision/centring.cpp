// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/centring.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr double worth_it = 1.5;  // times smaller a range, below which nothing is changed

bool is(const Node& node, const char* op_type) {
  return node.domain.empty() && node.op_type == op_type;
}

/// Looks for the bias that a tensor bears as a sum, through what lets sums pass.
class SourceFinder {
 public:
  SourceFinder(const Graph& graph, const Int8Plan& plan, const Centring& place)
      : graph_(graph), plan_(plan), place_(place) {}

  std::optional<BiasPlace> find() const {
    const Value& data = graph_.value(place_.data);
    const bool all_subtract = std::all_of(data.consumers.begin(), data.consumers.end(), [&](NodeId reader) {
      return std::find(place_.products.begin(), place_.products.end(), reader) != place_.products.end();
    });
    const Node* maker = maker_of(data.id);
    if (data.is_output || !all_subtract || maker == nullptr) return {};
    if (is(*maker, "LayerNormalization")) return bias_of_norm(*maker);
    if (is(*maker, "Reshape")) return bias_through_attention(*maker);
    return bias_of_add(*maker);
  }

 private:
  const Node* maker_of(ValueId value) const {
    const NodeId id = graph_.value(value).producer;
    return id.valid() ? &graph_.node(id) : nullptr;
  }

  const Node* sole_maker(ValueId value, const char* op_type) const {
    const Node* maker = maker_of(value);
    const Value& each = graph_.value(value);
    return maker != nullptr && is(*maker, op_type) && each.consumers.size() == 1 && !each.is_output ? maker
                                                                                                    : nullptr;
  }

  std::optional<BiasPlace> bias_of_add(const Node& node) const {
    if (!is(node, "Add")) return {};
    for (size_t i = 0; i < 2; ++i)
      if (const BiasPlace place{node.id, i}; bias_at(graph_, place) != nullptr) return place;
    return {};
  }

  std::optional<BiasPlace> bias_of_norm(const Node& norm) const {
    const BiasPlace place{norm.id, 2};
    const bool has_bias = norm.inputs.size() > 2 && bias_at(graph_, place) != nullptr;
    return has_bias ? std::optional(place) : std::nullopt;
  }

  /// The axis at the end joined from, or split into, heads and their channels.
  bool heads(ValueId split, ValueId joined) const {
    const auto &parts = plan_.types.type(split).dims, &whole = plan_.types.type(joined).dims;
    if (!parts || !whole || parts->size() != 4 || whole->empty()) return false;
    const Dim &count = (*parts)[2], &channels = (*parts)[3], &all = whole->back();
    return count.known() && channels.known() && all.is(count.value() * channels.value());
  }

  bool swaps_heads(const Node& transpose) const {
    return transpose.attributes.get_ints("perm") == std::vector<int64_t>{0, 2, 1, 3};
  }

  /// Probabilities of a row sum to 1: what is added to all values comes out once.
  std::optional<BiasPlace> bias_through_attention(const Node& join) const {
    const Node* back = sole_maker(join.inputs[0], "Transpose");
    if (back == nullptr || !swaps_heads(*back) || !heads(back->outputs[0], join.outputs[0])) return {};
    const Node* product = sole_maker(back->inputs[0], "MatMul");
    if (product == nullptr) return {};
    const Node* softmax = sole_maker(product->inputs[0], "Softmax");
    const Node* transpose = sole_maker(product->inputs[1], "Transpose");
    if (softmax == nullptr || softmax->attributes.get_int("axis", -1) != -1 || softmax->version < 13 ||
        transpose == nullptr || !swaps_heads(*transpose))
      return {};
    const Node* split = sole_maker(transpose->inputs[0], "Reshape");
    if (split == nullptr || !heads(split->outputs[0], split->inputs[0])) return {};
    const Node* add = sole_maker(split->inputs[0], "Add");
    return add != nullptr ? bias_of_add(*add) : std::nullopt;
  }

  const Graph& graph_;
  const Int8Plan& plan_;
  const Centring& place_;
};

std::vector<float> middles(const ChannelStatistics& statistics) {
  std::vector<float> found;
  for (size_t c = 0; c < statistics.low.size(); ++c)
    found.push_back(statistics.low[c] / 2 + statistics.high[c] / 2);
  return found;
}

/// What `middle` times the weights gives.
std::vector<double> product_of(const Tensor& weights, size_t channel_axis, const std::vector<float>& middle) {
  const auto columns = static_cast<size_t>(weights.dim(1));
  std::vector<double> sums(static_cast<size_t>(weights.dim(channel_axis)), 0);
  const auto numbers = weights.data<float>();
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t row = i / columns, column = i % columns;
    const size_t output = channel_axis == 0 ? row : column, input = channel_axis == 0 ? column : row;
    sums[output] += static_cast<double>(numbers[i]) * middle[input];
  }
  return sums;
}

class Centrer {
 public:
  Centrer(Graph& graph, const Centring& place, std::vector<float> middle)
      : graph_(graph), editor_(graph), place_(place), middle_(std::move(middle)) {}

  /// What the biases become, before anything is changed; nothing where shapes do not fit.
  std::optional<std::vector<std::vector<double>>> additions() const {
    std::vector<std::vector<double>> all;
    for (const NodeId id : place_.products) {
      const Node& product = graph_.node(id);
      const Tensor& weights = *constant_behind(graph_, product.inputs[1]);
      const size_t axis = product.attributes.get_int("transB", 0) != 0 ? 0 : 1;
      if (weights.dim(axis) != bias_at(graph_, *bias_of(graph_, product))->count() ||
          weights.dim(1 - axis) != static_cast<int64_t>(middle_.size()))
        return {};
      all.push_back(product_of(weights, axis, middle_));
    }
    const bool fits =
        !place_.source || bias_at(graph_, *place_.source)->count() == static_cast<int64_t>(middle_.size());
    return fits ? std::optional(std::move(all)) : std::nullopt;
  }

  /// Returns the value that is centred now.
  ValueId apply(const std::vector<std::vector<double>>& added) {
    for (size_t i = 0; i < added.size(); ++i)
      add_to_bias(editor_, *bias_of(graph_, graph_.node(place_.products[i])), added[i]);
    if (!place_.source) return insert_sub();
    std::vector<double> less(middle_.begin(), middle_.end());
    for (double& each : less) each = -each;
    add_to_bias(editor_, *place_.source, less);
    return place_.data;
  }

 private:
  ValueId insert_sub() {
    const Node reader = graph_.node(place_.products.front());
    const std::string name = graph_.value(place_.data).name;
    Node sub;
    sub.name = reader.name + "_centre";
    sub.op_type = "Sub";
    sub.version = reader.version;
    sub.module = reader.module;
    sub.source = reader.source;
    sub.doc =
        "takes off the middle of each channel, which the bias behind holds, so that 8 bit fit what varies";
    const ValueId middle = editor_.add_constant(
        name + "/middle", Tensor::from<float>({static_cast<int64_t>(middle_.size())}, middle_));
    sub.inputs = {place_.data, middle};
    const ValueId centred = editor_.add_value(name + "/centred", graph_.value(place_.data).type);
    sub.outputs = {centred};
    editor_.add_node(std::move(sub));
    for (const NodeId id : place_.products) {
      std::vector<ValueId> inputs = graph_.node(id).inputs;
      inputs[0] = centred;
      editor_.set_node_inputs(id, std::move(inputs));
    }
    return centred;
  }

  Graph& graph_;
  GraphEditor editor_;
  const Centring& place_;
  std::vector<float> middle_;
};

}  // namespace

std::vector<Centring> find_centring(const Graph& graph, const Int8Plan& plan) {
  std::map<ValueId, Centring> found;
  for (const NodeId id : plan.order) {
    const Node& product = graph.node(id);
    if (!plan.of(id).product || !plan.of(id).int8 || product.op_type == "Conv") continue;
    const ValueId data = product.inputs[0];
    const NodeId maker = graph.value(data).producer;
    const auto range = plan.tensors.find(data);
    // What is made in 8 bit, or moved from another tensor, has its range already.
    const bool own_range = range != plan.tensors.end() && range->second == data;
    if (!own_range || !maker.valid() || plan.of(maker).computes() || !bias_of(graph, product) ||
        std::count(product.inputs.begin(), product.inputs.end(), data) != 1)
      continue;
    Centring& place = found[data];
    place.data = data;
    place.products.push_back(id);
  }
  std::vector<Centring> places;
  for (auto& [data, place] : found) {
    place.source = SourceFinder(graph, plan, place).find();
    places.push_back(std::move(place));
  }
  return places;
}

ChannelAxes axes_of(const Graph& graph, const std::vector<Centring>& places) {
  ChannelAxes axes;
  for (const Centring& each : places) axes[graph.value(each.data).name] = -1;
  return axes;
}

double centring_gain(const ChannelStatistics& statistics) {
  if (statistics.low.empty()) return 1;
  float low = 0, high = 0;  // which a quantised range always spans
  double most = 0;
  for (size_t c = 0; c < statistics.low.size(); ++c) {
    low = std::min(low, statistics.low[c]);
    high = std::max(high, statistics.high[c]);
    most = std::max(most, static_cast<double>(statistics.high[c]) - statistics.low[c]);
  }
  const double whole = static_cast<double>(high) - low;
  return most > 0 && std::isfinite(whole) ? whole / most : 1;
}

float headroom(double gain, size_t samples) {
  const double unseen = 1 + 2 / std::sqrt(static_cast<double>(std::max<size_t>(1, samples)));
  return static_cast<float>(std::min(std::sqrt(std::max(1.0, gain)), unseen));
}

Result<std::map<std::string, double>> centre(Graph& graph, const std::vector<Centring>& places,
                                             const ChannelCalibration& statistics) {
  std::map<std::string, double> centred;
  for (const Centring& place : places) {
    const auto seen = statistics.find(graph.value(place.data).name);
    if (seen == statistics.end()) continue;
    const double gain = centring_gain(seen->second);
    Centrer centrer(graph, place, middles(seen->second));
    if (gain < worth_it) continue;
    if (const auto additions = centrer.additions())
      centred[graph.value(centrer.apply(*additions)).name] = gain;
  }
  GraphEditor(graph).remove_dead();
  return centred;
}

}  // namespace lathe
