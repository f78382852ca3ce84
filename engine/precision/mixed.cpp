// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/mixed.h"

#include <unordered_map>
#include <utility>

namespace lathe {

Status lower_rest(Quantized& made, PrecisionRequest rest) {
  if (!rest.asks()) return {};
  std::unordered_map<std::string, const NodePrecision*> eight_bit;
  for (const NodePrecision& node : made.report.nodes) {
    if (!node.inserted && node.precision != ElementType::i8) continue;
    eight_bit[node.node] = &node;
    rest.keep[node.node] = node.reason;
  }
  auto lowered = std::make_shared<Model>(*made.model);
  lowered->graph = made.model->graph.clone();
  LATHE_ASSIGN(PrecisionReport narrow, lower_precision(*lowered, rest));
  std::unordered_map<std::string, double> flops;
  for (const NodePrecision& node : made.report.nodes) flops[node.node] = node.flops;
  for (NodePrecision& node : narrow.nodes) {
    const auto own = eight_bit.find(node.node);
    const NodeId id = node.id;
    if (own != eight_bit.end()) node = *own->second;
    node.id = id;
    if (const auto known = flops.find(node.node); known != flops.end()) node.flops = known->second;
  }
  made.report.nodes = std::move(narrow.nodes);
  made.report.casts += narrow.casts;
  made.report.opset_after = narrow.opset_after;
  made.report.notes.insert(made.report.notes.end(), narrow.notes.begin(), narrow.notes.end());
  made.model = std::move(lowered);
  return {};
}

}  // namespace lathe
