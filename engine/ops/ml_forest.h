// SPDX-License-Identifier: Apache-2.0
// Trees of comparisons whose leaves vote for targets: what the tree ensembles of ai.onnx.ml run on.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/ml_scores.h"

namespace lathe::ml {

/// In the order of TreeEnsemble's numbers.
enum class Branch : uint8_t { leq, lt, gte, gt, eq, neq, member, leaf };

struct ForestNode {
  Branch mode = Branch::leaf;
  bool missing_is_true = false;  ///< NaN takes the true branch
  uint32_t feature = 0;
  double split = 0;
  uint32_t if_true = 0, if_false = 0;  ///< nodes
  /// Of a leaf: its votes; of a membership test: its members.
  uint32_t begin = 0, end = 0;
};

struct Vote {
  uint32_t target = 0;
  double weight = 0;
};

struct Forest {
  std::vector<ForestNode> nodes;
  std::vector<uint32_t> roots;
  std::vector<Vote> votes;
  std::vector<double> members;
  uint32_t targets = 1;
  uint32_t features = 0;  ///< one more than the largest in use

  /// Error where following branches from a root may never end.
  Status check_for_cycles(const Node& node) const;
  const ForestNode& leaf_of(uint32_t root, const double* row) const;
};

inline constexpr int64_t max_targets = int64_t{1} << 20;

inline bool takes_true_branch(const Forest& forest, const ForestNode& node, double x) {
  if (node.missing_is_true && std::isnan(x)) return true;
  switch (node.mode) {
    case Branch::leq:
      return x <= node.split;
    case Branch::lt:
      return x < node.split;
    case Branch::gte:
      return x >= node.split;
    case Branch::gt:
      return x > node.split;
    case Branch::eq:
      return x == node.split;
    case Branch::neq:
      return x != node.split;
    case Branch::member:
      for (uint32_t i = node.begin; i < node.end; ++i)
        if (forest.members[i] == x) return true;
      return false;
    case Branch::leaf:
      break;
  }
  return false;
}

inline const ForestNode& Forest::leaf_of(uint32_t root, const double* row) const {
  const ForestNode* at = &nodes[root];
  while (at->mode != Branch::leaf)
    at = &nodes[takes_true_branch(*this, *at, row[at->feature]) ? at->if_true : at->if_false];
  return *at;
}

inline Status Forest::check_for_cycles(const Node& node) const {
  enum State : uint8_t { fresh, open, done };
  std::vector<State> states(nodes.size(), fresh);
  std::vector<uint32_t> path;
  const auto visit = [&](uint32_t next) -> Status {
    if (states[next] == open)
      return node_error(node, "has a tree with a cycle: following the branches from position " +
                                  std::to_string(next) + " of the attributes nodes_* leads back to it");
    if (states[next] == fresh) path.push_back(next);
    return {};
  };
  for (const uint32_t root : roots) {
    LATHE_TRY(visit(root));
    while (!path.empty()) {
      const uint32_t at = path.back();
      if (states[at] != fresh) {
        // Both branches are behind it; it may be on the path twice when two nodes share it.
        states[at] = done;
        path.pop_back();
        continue;
      }
      if (nodes[at].mode == Branch::leaf) {
        states[at] = done;
        path.pop_back();
        continue;
      }
      states[at] = open;
      LATHE_TRY(visit(nodes[at].if_true));
      LATHE_TRY(visit(nodes[at].if_false));
    }
  }
  return {};
}

// ---- Aggregating votes

/// In the order of TreeEnsemble's numbers.
enum class Aggregate { average, sum, min, max };

/// A target's score in the precision of the votes.
template <class A>
struct Score {
  A value = 0;
  bool voted = false;

  void add(Aggregate aggregate, A weight) {
    if (aggregate == Aggregate::average || aggregate == Aggregate::sum)
      value += weight;
    else if (!voted || (aggregate == Aggregate::min ? weight < value : weight > value))
      value = weight;
    voted = true;
  }
};

/// The votes of all trees on one row.
template <class A>
void collect_votes(const Forest& forest, Aggregate aggregate, const double* row, std::span<Score<A>> scores) {
  std::fill(scores.begin(), scores.end(), Score<A>());
  for (const uint32_t root : forest.roots) {
    const ForestNode& leaf = forest.leaf_of(root, row);
    for (uint32_t i = leaf.begin; i < leaf.end; ++i)
      scores[forest.votes[i].target].add(aggregate, static_cast<A>(forest.votes[i].weight));
  }
  if (aggregate == Aggregate::average)
    for (Score<A>& score : scores) score.value /= static_cast<A>(forest.roots.size());
}

/// The rows of input 0, which must have all features the trees look at.
inline Result<Rows> forest_rows(const RunContext& context, const Forest& forest, bool half = false) {
  LATHE_ASSIGN(Rows rows, row_input(context, half));
  if (rows.features < static_cast<int64_t>(forest.features))
    return context.error("has trees that look at feature " + std::to_string(forest.features - 1) +
                         ", but an input of " + std::to_string(rows.features) + " features");
  return rows;
}

inline Status infer_forest_features(const InferContext& context, const Forest& forest) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr || dims->empty() || !dims->back().known() ||
      dims->back().value() >= static_cast<int64_t>(forest.features))
    return {};
  return node_error(context.node(), "has trees that look at feature " + std::to_string(forest.features - 1) +
                                        ", but an input of shape " + to_string(*dims));
}

/// Scores of a regressor: aggregated, with `base` (empty: none) added, transformed.
inline std::vector<double> regress(const Forest& forest, const Rows& rows, bool wide, Aggregate aggregate,
                                   PostTransform transform, std::span<const double> base) {
  std::vector<double> out(static_cast<size_t>(rows.count) * forest.targets);
  const auto fill = [&]<class A>(A) {
    std::vector<Score<A>> scores(forest.targets);
    for (int64_t r = 0; r < rows.count; ++r) {
      collect_votes<A>(forest, aggregate, rows.row(r), scores);
      const auto target = std::span(out).subspan(static_cast<size_t>(r) * forest.targets, forest.targets);
      for (size_t i = 0; i < target.size(); ++i)
        target[i] = static_cast<double>(scores[i].value + (base.empty() ? A(0) : static_cast<A>(base[i])));
      apply_transform(transform, target);
    }
  };
  wide ? fill(double{}) : fill(float{});
  return out;
}

inline int64_t forest_flops(std::span<const Shape> inputs, size_t trees) {
  constexpr int64_t typical_depth = 8;
  return (inputs[0].size() == 2 ? inputs[0][0] : 1) * static_cast<int64_t>(trees) * typical_depth;
}

}  // namespace lathe::ml
