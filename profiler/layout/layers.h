// SPDX-License-Identifier: Apache-2.0
// Internal to the layered layout: the layered form of a graph and the steps that work on it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/job.h"
#include "profiler/layout/layered.h"

namespace lathe {

/// Adjacency in one array.
struct Adjacency {
  std::vector<uint32_t> begins{0};
  std::vector<uint32_t> targets;

  static Adjacency make(size_t count, const std::vector<std::pair<uint32_t, uint32_t>>& edges, bool reversed);
  const uint32_t* begin(uint32_t v) const { return targets.data() + begins[v]; }
  const uint32_t* end(uint32_t v) const { return targets.data() + begins[v + 1]; }
  size_t degree(uint32_t v) const { return begins[v + 1] - begins[v]; }
};

/// Vertices are the nodes, then the bends: points where edges pass a layer. Every link goes one layer down.
struct LayeredForm {
  size_t node_count = 0;
  std::vector<uint32_t> layer;  ///< by vertex
  std::vector<double> width;    ///< by vertex; bends are lines
  Adjacency up, down;
  std::vector<std::vector<uint32_t>> order;   ///< vertices of each layer from left to right
  std::vector<uint32_t> position;             ///< by vertex, within its layer
  std::vector<std::vector<uint32_t>> routes;  ///< by edge: bends from its upper to its lower node
  std::vector<bool> reversed;                 ///< by edge: it goes upwards, for it closes a cycle
  bool is_bend(uint32_t v) const { return v >= node_count; }
  void set_positions();
};

/// Layers of nodes: sources first, every edge downwards but those found to close cycles; edges short.
LayeredForm make_layers(const LayeredGraph& graph);
/// Orders the vertices of each layer so that few links cross.
void reduce_crossings(LayeredForm& form, const JobContext& job);
/// Links that cross between neighbouring layers.
uint64_t count_crossings(const LayeredForm& form);
/// Centres of vertices: layers keep their order and distances, long edges are straight (Brandes and Koepf).
std::vector<double> x_coordinates(const LayeredForm& form, const LayeredSpacing& spacing,
                                  const JobContext& job);

}  // namespace lathe
