// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/migration.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr float most = 1e4F;  // a channel moves by, either way

const Tensor* constant_of(const Graph& graph, const ChannelConstant& place) {
  const Tensor* tensor = constant_behind(graph, graph.node(place.node).inputs[place.input]);
  const bool fits = tensor != nullptr && tensor->type() == ElementType::f32 && tensor->rank() > place.axis &&
                    tensor->count() > 0;
  return fits ? tensor : nullptr;
}

/// Which channel an element is of.
struct Channels {
  Channels(const Tensor& tensor, size_t axis)
      : inner(static_cast<size_t>(element_count(std::span(tensor.shape()).subspan(axis + 1)))),
        count(static_cast<size_t>(tensor.dim(axis))) {}
  size_t operator()(size_t element) const { return element / inner % count; }
  size_t inner, count;
};

/// Magnitudes of the multiplied weights by channel; empty when they do not all have `channels`.
std::vector<float> largest_weights(const Graph& graph, const Migration& migration, size_t channels) {
  std::vector<float> largest(channels, 0);
  for (const ChannelConstant& place : migration.multiplied) {
    const Tensor* weights = constant_of(graph, place);
    if (weights == nullptr || static_cast<size_t>(weights->dim(place.axis)) != channels) return {};
    const auto numbers = weights->data<float>();
    const Channels channel(*weights, place.axis);
    for (size_t i = 0; i < numbers.size(); ++i) {
      float& each = largest[channel(i)];
      each = std::max(each, std::abs(numbers[i]));
    }
  }
  return largest;
}

bool divisible(const Graph& graph, const Migration& migration, size_t channels) {
  return std::all_of(migration.divided.begin(), migration.divided.end(), [&](const ChannelConstant& place) {
    const Tensor* tensor = constant_of(graph, place);
    return tensor != nullptr && static_cast<size_t>(tensor->dim(place.axis)) == channels;
  });
}

Status scale(GraphEditor& editor, const Graph& graph, const ChannelConstant& place,
             const std::vector<float>& scales, bool divide) {
  const Tensor from = *constant_of(graph, place);
  LATHE_ASSIGN(Tensor made, Tensor::allocate(ElementType::f32, from.shape()));
  const auto numbers = from.data<float>();
  const auto to = made.mutable_data<float>();
  const Channels channel(from, place.axis);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const float by = scales[channel(i)];
    to[i] = divide ? numbers[i] / by : numbers[i] * by;
  }
  std::vector<ValueId> inputs = graph.node(place.node).inputs;
  // A name that ends as the old one does: readers tell modules by weights' names.
  const std::string name = graph.value(inputs[place.input]).name;
  inputs[place.input] = editor.add_constant(name, std::move(made));
  editor.set_node_inputs(place.node, std::move(inputs));
  return {};
}

}  // namespace

ChannelAxes axes_of(const Graph& graph, const std::vector<Migration>& migrations) {
  ChannelAxes axes;
  for (const Migration& each : migrations) axes[graph.value(each.between).name] = each.channel_axis;
  return axes;
}

std::vector<float> migration_scales(const std::vector<float>& activation, const std::vector<float>& weights) {
  std::vector<float> scales(activation.size(), 1);
  for (size_t c = 0; c < scales.size(); ++c)
    if (activation[c] > 0 && weights[c] > 0)
      scales[c] = std::clamp(std::sqrt(activation[c]) / std::sqrt(weights[c]), 1 / most, most);
  return scales;
}

Result<size_t> migrate(Graph& graph, const std::vector<Migration>& migrations,
                       const ChannelCalibration& statistics) {
  GraphEditor editor(graph);
  size_t places = 0;
  for (const Migration& each : migrations) {
    const auto seen = statistics.find(graph.value(each.between).name);
    if (seen == statistics.end()) continue;
    const std::vector<float>& activation = seen->second.largest;
    const std::vector<float> weights = largest_weights(graph, each, activation.size());
    if (weights.empty() || !divisible(graph, each, activation.size())) continue;
    const std::vector<float> scales = migration_scales(activation, weights);
    for (const ChannelConstant& place : each.divided) LATHE_TRY(scale(editor, graph, place, scales, true));
    for (const ChannelConstant& place : each.multiplied)
      LATHE_TRY(scale(editor, graph, place, scales, false));
    ++places;
  }
  editor.remove_dead();
  return places;
}

}  // namespace lathe
