// SPDX-License-Identifier: Apache-2.0
// Order within layers: medians of the neighbours up and down, then exchanges of neighbours.
#include <algorithm>

#include "profiler/layout/layers.h"

namespace lathe {
namespace {

/// Links between a layer and the one below that cross: inversions, counted with a tree of partial sums.
uint64_t crossings_below(const LayeredForm& form, size_t layer, std::vector<uint32_t>& tree,
                         std::vector<uint32_t>& ends) {
  if (layer + 1 >= form.order.size()) return 0;
  size_t leaves = 1;
  while (leaves < form.order[layer + 1].size()) leaves *= 2;
  tree.assign(2 * leaves, 0);
  uint64_t crossings = 0;
  for (const uint32_t v : form.order[layer]) {
    ends.clear();
    for (const uint32_t* to = form.down.begin(v); to != form.down.end(v); ++to)
      ends.push_back(form.position[*to]);
    std::sort(ends.begin(), ends.end());
    for (const uint32_t end : ends)  // links of vertices further left that end further right
      for (size_t i = end + leaves; i > 1; i /= 2)
        if (i % 2 == 0) crossings += tree[i + 1];
    for (const uint32_t end : ends)
      for (size_t i = end + leaves; i > 0; i /= 2) ++tree[i];
  }
  return crossings;
}

class CrossingReducer {
 public:
  CrossingReducer(LayeredForm& form, const JobContext& job)
      : form_(form), job_(job), key_(form.layer.size()) {}

  void run() {
    const size_t size = form_.layer.size() + form_.down.targets.size();
    constexpr size_t work = 3000000;
    const size_t sweeps = std::clamp<size_t>(work / (size + 1), 4, 24);
    best_ = form_.order;
    fewest_ = count_crossings(form_);
    size_t without_gain = 0;
    for (size_t sweep = 0; sweep < sweeps && fewest_ > 0 && without_gain < 4; ++sweep) {
      if (job_.stop_requested()) break;
      sweep_once(sweep % 2 == 0);
      if (size < work / 10) transpose();
      const uint64_t crossings = count_crossings(form_);
      without_gain = crossings < fewest_ ? 0 : without_gain + 1;
      if (crossings >= fewest_) continue;
      fewest_ = crossings;
      best_ = form_.order;
    }
    form_.order = std::move(best_);
    form_.set_positions();
  }

 private:
  void sweep_once(bool downwards) {
    const size_t layers = form_.order.size();
    for (size_t i = 1; i < layers; ++i) {
      const size_t layer = downwards ? i : layers - 1 - i;
      order_by(layer, downwards ? form_.up : form_.down);
    }
  }

  /// The median position of the neighbours, between the two middle ones by how close the rest lie (Gansner
  /// and others).
  double median(uint32_t v, const Adjacency& neighbours) {
    ends_.clear();
    for (const uint32_t* n = neighbours.begin(v); n != neighbours.end(v); ++n)
      ends_.push_back(form_.position[*n]);
    if (ends_.empty()) return -1;
    std::sort(ends_.begin(), ends_.end());
    const size_t middle = ends_.size() / 2;
    if (ends_.size() % 2 == 1) return ends_[middle];
    if (ends_.size() == 2) return (ends_[0] + ends_[1]) / 2.0;
    const double left = ends_[middle - 1] - ends_.front(), right = ends_.back() - ends_[middle];
    if (left + right == 0) return (ends_[middle - 1] + ends_[middle]) / 2.0;
    return (ends_[middle - 1] * right + ends_[middle] * left) / (left + right);
  }

  void order_by(size_t layer, const Adjacency& neighbours) {
    std::vector<uint32_t>& vertices = form_.order[layer];
    fixed_.clear();
    for (uint32_t i = 0; i < vertices.size(); ++i) {
      key_[vertices[i]] = median(vertices[i], neighbours);
      if (key_[vertices[i]] >= 0) fixed_.push_back(vertices[i]);
    }
    // Those without neighbours keep their places; the others are sorted into what is left.
    std::stable_sort(fixed_.begin(), fixed_.end(), [&](uint32_t a, uint32_t b) { return key_[a] < key_[b]; });
    size_t next = 0;
    for (uint32_t i = 0; i < vertices.size(); ++i) {
      if (key_[vertices[i]] >= 0) vertices[i] = fixed_[next++];
      form_.position[vertices[i]] = i;
    }
  }

  /// Crossings between the links of `left` and `right` when they stand in this order, less those in the
  /// other.
  int64_t gain(uint32_t left, uint32_t right, const Adjacency& neighbours) {
    int64_t crossed = 0;
    for (const uint32_t* a = neighbours.begin(left); a != neighbours.end(left); ++a)
      for (const uint32_t* b = neighbours.begin(right); b != neighbours.end(right); ++b) {
        const uint32_t pa = form_.position[*a], pb = form_.position[*b];
        crossed += pa > pb ? 1 : pa < pb ? -1 : 0;
      }
    return crossed;
  }

  void transpose() {
    constexpr int rounds = 4;
    constexpr size_t many = 32;  // links of a vertex above which pairs are not compared
    bool improved = true;
    for (int round = 0; improved && round < rounds; ++round) {
      improved = false;
      for (std::vector<uint32_t>& vertices : form_.order) {
        for (size_t i = 0; i + 1 < vertices.size(); ++i) {
          const uint32_t left = vertices[i], right = vertices[i + 1];
          if (std::max(degree(left), degree(right)) > many) continue;
          if (gain(left, right, form_.up) + gain(left, right, form_.down) <= 0) continue;
          std::swap(vertices[i], vertices[i + 1]);
          std::swap(form_.position[left], form_.position[right]);
          improved = true;
        }
      }
    }
  }

  size_t degree(uint32_t v) const { return form_.up.degree(v) + form_.down.degree(v); }

  LayeredForm& form_;
  const JobContext& job_;
  std::vector<double> key_;
  std::vector<uint32_t> ends_, fixed_;
  std::vector<std::vector<uint32_t>> best_;
  uint64_t fewest_ = 0;
};

}  // namespace

uint64_t count_crossings(const LayeredForm& form) {
  std::vector<uint32_t> tree, ends;
  uint64_t sum = 0;
  for (size_t layer = 0; layer < form.order.size(); ++layer) sum += crossings_below(form, layer, tree, ends);
  return sum;
}

void reduce_crossings(LayeredForm& form, const JobContext& job) {
  CrossingReducer(form, job).run();
}

}  // namespace lathe
