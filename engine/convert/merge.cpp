// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/merge.h"

#include <algorithm>
#include <map>
#include <set>

namespace lathe {
namespace {

class Merger {
 public:
  Merger(const Model& model, const MergeRequest& request)
      : model_(model), graph_(model.graph), pieces_(request.pieces->pieces), request_(request) {
    piece_of_.assign(graph_.nodes().size(), -1);
    for (size_t piece = 0; piece < pieces_.size(); ++piece)
      for (const NodeId id : pieces_[piece].nodes) piece_of_[id.index] = static_cast<int>(piece);
  }

  /// Whether pieces wait for each other, so that no order of them works.
  bool has_circle() {
    const auto order = topological_order(graph_);
    constant_.assign(graph_.nodes().size(), false);
    return order.ok() && !find_levels(*order, true);
  }

  Partition run() {
    const auto order = topological_order(graph_);
    if (!order.ok()) return *request_.pieces;
    find_constants(*order);
    // Pieces that wait for each other in a circle cannot stay whole.
    if (!find_levels(*order, true)) find_levels(*order, false);
    return collect(*order);
  }

 private:
  void find_constants(const std::vector<NodeId>& order);
  bool find_levels(const std::vector<NodeId>& order, bool whole);
  Partition collect(const std::vector<NodeId>& order) const;
  Partition::Piece finish(std::vector<NodeId> nodes, const std::set<int>& members,
                          std::set<std::string>& names) const;

  bool joins(NodeId id) const {
    return piece_of_[id.index] >= 0 || (request_.free[id.index] && !constant_[id.index]);
  }
  template <class Visit>
  void for_each_producer(const Node& node, Visit visit) const {
    for (const auto* list : {&node.inputs, &node.captured})
      for (const ValueId input : *list)
        if (input.valid() && graph_.value(input).producer.valid()) visit(graph_.value(input).producer);
  }

  const Model& model_;
  const Graph& graph_;
  const std::vector<Partition::Piece>& pieces_;
  const MergeRequest& request_;
  std::vector<int> piece_of_;
  std::vector<bool> constant_;
  std::vector<int> level_;  ///< by node
};

/// Nodes that depend on no input of the model.
void Merger::find_constants(const std::vector<NodeId>& order) {
  constant_.assign(graph_.nodes().size(), false);
  for (const NodeId id : order) {
    const Node& node = graph_.node(id);
    bool constant = true;
    for (const auto* list : {&node.inputs, &node.captured})
      for (const ValueId input : *list) {
        if (!input.valid() || graph_.constant(input) != nullptr) continue;
        const NodeId producer = graph_.value(input).producer;
        constant = constant && producer.valid() && constant_[producer.index];
      }
    constant_[id.index] = constant && piece_of_[id.index] < 0;
  }
}

/// False when `whole` pieces depend on each other in a circle.
bool Merger::find_levels(const std::vector<NodeId>& order, bool whole) {
  const size_t units = pieces_.size() + graph_.nodes().size();
  const auto unit_of = [&](NodeId id) {
    return whole && piece_of_[id.index] >= 0 ? static_cast<size_t>(piece_of_[id.index])
                                             : pieces_.size() + id.index;
  };
  std::vector<size_t> waiting(units, 0);
  std::vector<std::vector<NodeId>> members(units);
  std::vector<std::vector<size_t>> unblocks(units);
  for (const NodeId id : order) {
    const size_t unit = unit_of(id);
    members[unit].push_back(id);
    for_each_producer(graph_.node(id), [&](NodeId producer) {
      if (unit_of(producer) == unit) return;
      unblocks[unit_of(producer)].push_back(unit);
      ++waiting[unit];
    });
  }
  std::vector<size_t> ready;
  std::vector<int> level(units, 0);
  size_t done = 0;
  for (size_t unit = 0; unit < units; ++unit)
    if (!members[unit].empty() && waiting[unit] == 0) ready.push_back(unit);
  while (!ready.empty()) {
    const size_t unit = ready.back();
    ready.pop_back();
    done += members[unit].size();
    const NodeId first = members[unit].front();
    const bool counts = !constant_[first.index];
    for (const size_t next : unblocks[unit]) {
      if (counts) {
        const int step = !joins(first) && joins(members[next].front()) ? 1 : 0;
        level[next] = std::max(level[next], level[unit] + step);
      }
      if (--waiting[next] == 0) ready.push_back(next);
    }
  }
  if (done < order.size()) return false;
  level_.assign(graph_.nodes().size(), 0);
  for (size_t unit = 0; unit < units; ++unit)
    for (const NodeId id : members[unit]) level_[id.index] = level[unit];
  return true;
}

Partition Merger::collect(const std::vector<NodeId>& order) const {
  struct Group {
    std::vector<NodeId> nodes;
    std::set<int> members;
  };
  std::map<int, Group> levels;
  for (const NodeId id : order) {
    if (!joins(id)) continue;
    Group& group = levels[level_[id.index]];
    group.nodes.push_back(id);
    if (piece_of_[id.index] >= 0) group.members.insert(piece_of_[id.index]);
  }
  Partition merged;
  std::set<std::string> names;
  for (auto& [level, group] : levels)
    if (!group.members.empty() || (request_.cut && level == 0))
      merged.pieces.push_back(finish(std::move(group.nodes), group.members, names));
  return merged;
}

/// Named after the deepest module that holds it all; a further piece of the same module gets a number.
Partition::Piece Merger::finish(std::vector<NodeId> nodes, const std::set<int>& members,
                                std::set<std::string>& names) const {
  Partition::Piece piece;
  if (members.size() == 1 && nodes.size() == pieces_[static_cast<size_t>(*members.begin())].nodes.size()) {
    piece = pieces_[static_cast<size_t>(*members.begin())];
  } else {
    const auto widen = [&](ModuleId module) {
      if (!module.valid()) module = ModuleTree::root();
      piece.module = piece.module.valid() ? model_.modules.deepest_common(piece.module, module) : module;
    };
    for (const int member : members) widen(pieces_[static_cast<size_t>(member)].module);
    for (const NodeId id : nodes) widen(graph_.node(id).module);
    piece.name = model_.modules[piece.module].path;
    piece.nodes = std::move(nodes);
  }
  const std::string path = piece.name;
  for (int number = 2; !names.insert(piece.name).second; ++number)
    piece.name = path + "+" + std::to_string(number);
  return piece;
}

}  // namespace

int first_in_circle(const Model& model, const Partition& partition) {
  MergeRequest request;
  request.free.assign(model.graph.nodes().size(), false);
  Partition some = partition;
  request.pieces = &some;
  if (!Merger(model, request).has_circle()) return -1;
  some.pieces.clear();
  for (size_t piece = 0; piece < partition.pieces.size(); ++piece) {
    some.pieces.push_back(partition.pieces[piece]);
    if (Merger(model, request).has_circle()) return static_cast<int>(piece);
  }
  return -1;
}

Partition merge_pieces(const Model& model, const MergeRequest& request) {
  return Merger(model, request).run();
}

}  // namespace lathe
