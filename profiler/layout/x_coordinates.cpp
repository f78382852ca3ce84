// SPDX-License-Identifier: Apache-2.0
// Horizontal places after Brandes and Koepf, "Fast and Simple Horizontal Coordinate Assignment": four extreme
// alignments (upper or lower neighbours, from the left or the right), balanced by the average of the two
// middle ones. Blocks are placed along their graph of constraints, which keeps every distance whatever the
// widths.
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "profiler/layout/layers.h"

namespace lathe {
namespace {

constexpr uint32_t none = ~0u;

class Aligner {
 public:
  Aligner(const LayeredForm& form, const LayeredSpacing& spacing) : form_(form), spacing_(spacing) {
    mark_conflicts();
  }

  /// Centres for one alignment. `from_right` mirrors the drawing.
  std::vector<double> place(bool to_upper, bool from_right) {
    align(to_upper, from_right);
    return compact(from_right);
  }

 private:
  // Lines inside long edges win over links that cross them (type 1 conflicts). Marked by (upper, lower) of
  // the loser.
  void mark_conflicts() {
    for (size_t layer = 1; layer < form_.order.size(); ++layer) {
      const std::vector<uint32_t>& lower = form_.order[layer];
      uint32_t left_bound = 0;
      size_t scanned = 0;
      for (size_t i = 0; i < lower.size(); ++i) {
        const uint32_t inner = inner_upper(lower[i]);
        if (inner == none && i + 1 < lower.size()) continue;
        const uint32_t right_bound =
            inner != none ? form_.position[inner] : static_cast<uint32_t>(form_.order[layer - 1].size());
        for (; scanned <= i; ++scanned) {
          const uint32_t v = lower[scanned];
          for (const uint32_t* u = form_.up.begin(v); u != form_.up.end(v); ++u) {
            const bool crosses = form_.position[*u] < left_bound || form_.position[*u] > right_bound;
            if (crosses && !(form_.is_bend(*u) && form_.is_bend(v))) conflicts_.emplace_back(*u, v);
          }
        }
        left_bound = right_bound;
      }
    }
    std::sort(conflicts_.begin(), conflicts_.end());
  }

  uint32_t inner_upper(uint32_t v) const {
    if (!form_.is_bend(v)) return none;
    for (const uint32_t* u = form_.up.begin(v); u != form_.up.end(v); ++u)
      if (form_.is_bend(*u)) return *u;
    return none;
  }

  bool in_conflict(uint32_t upper, uint32_t lower) const {
    return std::binary_search(conflicts_.begin(), conflicts_.end(), std::pair(upper, lower));
  }

  void align(bool to_upper, bool from_right) {
    root_.resize(form_.layer.size());
    std::iota(root_.begin(), root_.end(), 0u);
    const Adjacency& neighbours = to_upper ? form_.up : form_.down;
    const size_t layers = form_.order.size();
    for (size_t i = 0; i < layers; ++i)
      align_layer(form_.order[to_upper ? i : layers - 1 - i], neighbours, to_upper, from_right);
  }

  void align_layer(const std::vector<uint32_t>& vertices, const Adjacency& neighbours, bool to_upper,
                   bool from_right) {
    int64_t bound = from_right ? std::numeric_limits<int64_t>::max() : -1;
    for (size_t i = 0; i < vertices.size(); ++i) {
      const uint32_t v = vertices[from_right ? vertices.size() - 1 - i : i];
      const size_t degree = neighbours.degree(v);
      if (degree == 0) continue;
      near_.assign(neighbours.begin(v), neighbours.end(v));
      std::sort(near_.begin(), near_.end(),
                [&](uint32_t a, uint32_t b) { return form_.position[a] < form_.position[b]; });
      std::array<size_t, 2> medians{(degree - 1) / 2, degree / 2};
      if (from_right) std::swap(medians[0], medians[1]);
      for (const size_t m : medians) {
        const uint32_t u = near_[m];
        const auto at = static_cast<int64_t>(form_.position[u]);
        if (from_right ? at >= bound : at <= bound) continue;
        if (to_upper ? in_conflict(u, v) : in_conflict(v, u)) continue;
        root_[v] = root_[u];
        bound = at;
        break;
      }
    }
  }

  double separation(uint32_t left, uint32_t right) const {
    const bool lines = form_.is_bend(left) || form_.is_bend(right);
    return (form_.width[left] + form_.width[right]) / 2 +
           (lines ? spacing_.between_lines : spacing_.between_nodes);
  }

  /// Blocks as far to the left as they go, then each as near to its right neighbour as the drawing is wide,
  /// so that no block is far from the rest without need. Mirrored for from_right.
  std::vector<double> compact(bool from_right) {
    const size_t count = form_.layer.size();
    std::vector<std::pair<uint32_t, uint32_t>> order_links;
    for (const std::vector<uint32_t>& vertices : form_.order)
      for (size_t i = 0; i + 1 < vertices.size(); ++i) order_links.emplace_back(vertices[i], vertices[i + 1]);
    // Constraint between the blocks of neighbours; several between two blocks: the widest counts by itself.
    std::vector<std::pair<uint32_t, uint32_t>> links;
    links.reserve(order_links.size());
    for (const auto& [left, right] : order_links) links.emplace_back(root_[left], root_[right]);
    const std::vector<uint32_t> order = block_order(count, links);
    std::vector<std::vector<std::pair<uint32_t, double>>> before(count), after(count);
    for (size_t i = 0; i < links.size(); ++i) {
      const double gap = separation(order_links[i].first, order_links[i].second);
      before[links[i].second].emplace_back(links[i].first, gap);
      after[links[i].first].emplace_back(links[i].second, gap);
    }
    std::vector<double> x(count, 0);
    if (!from_right) {
      for (const uint32_t b : order)
        for (const auto& [left, gap] : before[b]) x[b] = std::max(x[b], x[left] + gap);
      tighten(order, after, x, 1);
    } else {
      for (size_t i = order.size(); i-- > 0;)
        for (const auto& [right, gap] : after[order[i]]) x[order[i]] = std::min(x[order[i]], x[right] - gap);
      std::vector<uint32_t> backwards(order.rbegin(), order.rend());
      tighten(backwards, before, x, -1);
    }
    std::vector<double> result(count);
    for (size_t v = 0; v < count; ++v) result[v] = x[root_[v]];
    return result;
  }

  static void tighten(const std::vector<uint32_t>& order,
                      const std::vector<std::vector<std::pair<uint32_t, double>>>& next,
                      std::vector<double>& x, double sign) {
    for (size_t i = order.size(); i-- > 0;) {
      const uint32_t b = order[i];
      double nearest = std::numeric_limits<double>::infinity();
      for (const auto& [other, gap] : next[b]) nearest = std::min(nearest, sign * x[other] - gap);
      if (nearest != std::numeric_limits<double>::infinity() && nearest > sign * x[b]) x[b] = sign * nearest;
    }
  }

  static std::vector<uint32_t> block_order(size_t count,
                                           const std::vector<std::pair<uint32_t, uint32_t>>& links) {
    const Adjacency next = Adjacency::make(count, links, false);
    std::vector<uint32_t> left(count, 0), order;
    for (const auto& link : links) ++left[link.second];
    for (uint32_t v = 0; v < count; ++v)
      if (left[v] == 0) order.push_back(v);
    for (size_t i = 0; i < order.size(); ++i)
      for (const uint32_t* to = next.begin(order[i]); to != next.end(order[i]); ++to)
        if (--left[*to] == 0) order.push_back(*to);
    return order;
  }

  const LayeredForm& form_;
  const LayeredSpacing& spacing_;
  std::vector<std::pair<uint32_t, uint32_t>> conflicts_;
  std::vector<uint32_t> root_, near_;
};

}  // namespace

std::vector<double> x_coordinates(const LayeredForm& form, const LayeredSpacing& spacing,
                                  const JobContext& job) {
  const size_t count = form.layer.size();
  std::array<std::vector<double>, 4> all;
  std::array<double, 4> low{}, high{};
  Aligner aligner(form, spacing);
  size_t narrowest = 0;
  for (size_t i = 0; i < 4; ++i) {
    if (job.stop_requested()) return std::vector<double>(count, 0);
    all[i] = aligner.place(i < 2, i % 2 == 1);
    low[i] = std::numeric_limits<double>::max(), high[i] = std::numeric_limits<double>::lowest();
    for (size_t v = 0; v < count; ++v) {
      low[i] = std::min(low[i], all[i][v] - form.width[v] / 2);
      high[i] = std::max(high[i], all[i][v] + form.width[v] / 2);
    }
    if (high[i] - low[i] < high[narrowest] - low[narrowest]) narrowest = i;
  }
  // Left ones share the left border of the narrowest, right ones its right border. Order statistics of
  // drawings that keep all distances keep them too.
  std::vector<double> x(count);
  for (size_t v = 0; v < count; ++v) {
    std::array<double, 4> places{};
    for (size_t i = 0; i < 4; ++i)
      places[i] = all[i][v] + (i % 2 == 1 ? high[narrowest] - high[i] : low[narrowest] - low[i]);
    std::sort(places.begin(), places.end());
    x[v] = (places[1] + places[2]) / 2;
  }
  return x;
}

}  // namespace lathe
