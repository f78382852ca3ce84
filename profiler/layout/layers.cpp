// SPDX-License-Identifier: Apache-2.0
#include "profiler/layout/layers.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace lathe {
namespace {

using Links = std::vector<std::pair<uint32_t, uint32_t>>;

/// Edges beyond this many bends in a drawing go straight from end to end: nobody can follow them anyway.
constexpr size_t max_bends = 400000;

/// Marks the edges that close a cycle in a depth-first walk, without recursion.
std::vector<bool> back_edges(const LayeredGraph& graph) {
  std::vector<std::vector<uint32_t>> out(graph.nodes.size());
  std::vector<uint32_t> indegree(graph.nodes.size(), 0);
  for (uint32_t e = 0; e < graph.edges.size(); ++e) {
    out[graph.edges[e].from].push_back(e);
    ++indegree[graph.edges[e].to];
  }
  std::vector<bool> back(graph.edges.size(), false);
  std::vector<uint8_t> state(graph.nodes.size(), 0);  // 1: on the path, 2: done
  std::vector<std::pair<uint32_t, size_t>> path;
  const auto walk = [&](uint32_t start) {
    if (state[start] != 0) return;
    state[start] = 1;
    path.emplace_back(start, 0);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next == out[node].size()) {
        state[node] = 2;
        path.pop_back();
        continue;
      }
      const uint32_t e = out[node][next++];
      const uint32_t to = graph.edges[e].to;
      if (state[to] == 1) back[e] = true;
      if (state[to] == 0) {
        state[to] = 1;
        path.emplace_back(to, 0);
      }
    }
  };
  for (uint32_t v = 0; v < graph.nodes.size(); ++v)
    if (indegree[v] == 0) walk(v);
  for (uint32_t v = 0; v < graph.nodes.size(); ++v) walk(v);
  return back;
}

std::vector<uint32_t> topological(const Adjacency& down, const Adjacency& up, size_t count) {
  std::vector<uint32_t> left(count), order;
  order.reserve(count);
  for (uint32_t v = 0; v < count; ++v)
    if ((left[v] = static_cast<uint32_t>(up.degree(v))) == 0) order.push_back(v);
  for (size_t i = 0; i < order.size(); ++i)
    for (const uint32_t* to = down.begin(order[i]); to != down.end(order[i]); ++to)
      if (--left[*to] == 0) order.push_back(*to);
  return order;
}

/// Longest paths, then nodes with room move towards where most of their edges go, until nothing changes.
std::vector<uint32_t> assign_layers(const std::vector<LayeredNode>& nodes, const Adjacency& down,
                                    const Adjacency& up) {
  const size_t count = nodes.size();
  const std::vector<uint32_t> order = topological(down, up, count);
  std::vector<uint32_t> layer(count, 0);
  for (const uint32_t v : order)
    for (const uint32_t* to = down.begin(v); to != down.end(v); ++to)
      layer[*to] = std::max(layer[*to], layer[v] + 1);
  constexpr int rounds = 8;
  for (int round = 0; round < rounds; ++round) {
    bool changed = false;
    const auto settle = [&](uint32_t v) {
      if (nodes[v].pin == LayeredNode::Pin::top) return;
      if (up.degree(v) >= down.degree(v) && up.degree(v) > 0) {
        uint32_t lowest = 0;
        for (const uint32_t* from = up.begin(v); from != up.end(v); ++from)
          lowest = std::max(lowest, layer[*from] + 1);
        if (up.degree(v) == down.degree(v) || lowest == layer[v]) return;
        layer[v] = lowest, changed = true;
      } else if (down.degree(v) > 0) {
        uint32_t highest = ~0u;
        for (const uint32_t* to = down.begin(v); to != down.end(v); ++to)
          highest = std::min(highest, layer[*to] - 1);
        if (highest != layer[v]) layer[v] = highest, changed = true;
      }
    };
    for (size_t i = order.size(); i-- > 0;) settle(order[i]);
    if (!changed) break;
  }
  const uint32_t last = layer.empty() ? 0 : *std::max_element(layer.begin(), layer.end());
  for (uint32_t v = 0; v < count; ++v)
    if (nodes[v].pin == LayeredNode::Pin::bottom) layer[v] = last;
  return layer;
}

/// No empty layers, first one 0.
uint32_t compact(std::vector<uint32_t>& layer) {
  std::vector<uint32_t> used(layer);
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  for (uint32_t& l : layer)
    l = static_cast<uint32_t>(std::lower_bound(used.begin(), used.end(), l) - used.begin());
  return static_cast<uint32_t>(used.size());
}

/// One chain of bends per bundle and direction, shared by all its edges.
class Router {
 public:
  Router(const LayeredGraph& graph, LayeredForm& form) : graph_(graph), form_(form) {}

  Links route() {
    Links links;
    form_.routes.resize(graph_.edges.size());
    for (uint32_t e = 0; e < graph_.edges.size(); ++e) {
      uint32_t upper = graph_.edges[e].from, lower = graph_.edges[e].to;
      if (upper == lower) continue;
      if (form_.reversed[e]) std::swap(upper, lower);
      uint32_t last = upper;
      const uint32_t from_layer = form_.layer[upper], to_layer = form_.layer[lower];
      if (form_.layer.size() + (to_layer - from_layer) > form_.node_count + max_bends) continue;
      for (uint32_t layer = from_layer + 1; layer < to_layer; ++layer) {
        const uint32_t bend = bend_of(upper, graph_.edges[e].bundle, form_.reversed[e], layer, last, links);
        form_.routes[e].push_back(bend);
        last = bend;
      }
      links.emplace_back(last, lower);
    }
    std::sort(links.begin(), links.end());
    links.erase(std::unique(links.begin(), links.end()), links.end());
    return links;
  }

 private:
  uint32_t bend_of(uint32_t upper, uint32_t bundle, bool reversed, uint32_t layer, uint32_t last,
                   Links& links) {
    std::vector<uint32_t>& chain = chains_[{upper, bundle, reversed}];
    const size_t index = layer - form_.layer[upper] - 1;
    if (index == chain.size()) {
      const auto bend = static_cast<uint32_t>(form_.layer.size());
      form_.layer.push_back(layer);
      form_.width.push_back(0);
      chain.push_back(bend);
      links.emplace_back(last, bend);
    }
    return chain[index];
  }

  const LayeredGraph& graph_;
  LayeredForm& form_;
  std::map<std::tuple<uint32_t, uint32_t, bool>, std::vector<uint32_t>> chains_;
};

/// First order: depth-first along links, so that what belongs together stands together.
void initial_order(LayeredForm& form, uint32_t layers) {
  form.order.assign(layers, {});
  std::vector<bool> seen(form.layer.size(), false);
  std::vector<uint32_t> stack;
  for (uint32_t root = 0; root < form.layer.size(); ++root) {
    if (form.up.degree(root) > 0) continue;
    stack.push_back(root);
    while (!stack.empty()) {
      const uint32_t v = stack.back();
      stack.pop_back();
      if (seen[v]) continue;
      seen[v] = true;
      form.order[form.layer[v]].push_back(v);
      for (const uint32_t* to = form.down.end(v); to != form.down.begin(v);)
        if (--to; !seen[*to]) stack.push_back(*to);
    }
  }
  form.set_positions();
}

}  // namespace

Adjacency Adjacency::make(size_t count, const Links& edges, bool reversed) {
  Adjacency result;
  result.begins.assign(count + 1, 0);
  result.targets.resize(edges.size());
  for (const auto& [from, to] : edges) ++result.begins[(reversed ? to : from) + 1];
  std::partial_sum(result.begins.begin(), result.begins.end(), result.begins.begin());
  std::vector<uint32_t> next(result.begins.begin(), result.begins.end() - 1);
  for (const auto& [from, to] : edges) result.targets[next[reversed ? to : from]++] = reversed ? from : to;
  return result;
}

void LayeredForm::set_positions() {
  position.resize(layer.size());
  for (const std::vector<uint32_t>& vertices : order)
    for (uint32_t i = 0; i < vertices.size(); ++i) position[vertices[i]] = i;
}

LayeredForm make_layers(const LayeredGraph& graph) {
  LayeredForm form;
  form.node_count = graph.nodes.size();
  form.reversed = back_edges(graph);
  Links edges;
  for (uint32_t e = 0; e < graph.edges.size(); ++e) {
    const auto& [from, to, bundle, a, b] = graph.edges[e];
    if (from != to) edges.emplace_back(form.reversed[e] ? to : from, form.reversed[e] ? from : to);
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  form.layer = assign_layers(graph.nodes, Adjacency::make(form.node_count, edges, false),
                             Adjacency::make(form.node_count, edges, true));
  const uint32_t layers = compact(form.layer);
  for (const LayeredNode& node : graph.nodes) form.width.push_back(node.width);
  const Links links = Router(graph, form).route();
  form.down = Adjacency::make(form.layer.size(), links, false);
  form.up = Adjacency::make(form.layer.size(), links, true);
  initial_order(form, layers);
  return form;
}

}  // namespace lathe
