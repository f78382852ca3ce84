// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention, as all attention operators compute it.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "engine/ops/matrix_product.h"

namespace lathe {

struct AttentionProblem {
  int64_t batch = 0, heads = 0, kv_heads = 0;  ///< heads is a multiple of kv_heads
  int64_t queries = 0, keys = 0;
  int64_t head_size = 0, v_head_size = 0;
  double scale = 1, softcap = 0;  ///< softcap 0: none
  /// Added to the score of (batch, head, query, key); -inf masks. Null: none.
  std::function<double(int64_t, int64_t, int64_t, int64_t)> bias;
  /// By head, the score of one more key without value that takes part in the softmax. Empty: none.
  std::vector<double> sinks;
};

/// Which intermediate `scores` receives.
enum class AttentionStage { product, capped, biased, softmax };

/// q [batch, heads, queries, head_size], k and v [batch, kv_heads, keys, ..], y [batch, heads, queries,
/// v_head_size]. A query whose keys are all masked gives zeros. `scores` [batch, heads, queries, keys] may be
/// null.
template <class A>
void attend(const AttentionProblem& p, const A* q, const A* k, const A* v, A* y, A* scores,
            AttentionStage stage) {
  const A lowest = -std::numeric_limits<A>::infinity();
  std::vector<A> work(static_cast<size_t>(p.queries * p.keys));
  for (int64_t item = 0; item < p.batch * p.heads; ++item) {
    const int64_t b = item / p.heads, head = item % p.heads;
    const int64_t kv = b * p.kv_heads + head / (p.heads / p.kv_heads);
    const auto save = [&](AttentionStage reached) {
      if (scores != nullptr && stage == reached)
        std::copy(work.begin(), work.end(), scores + item * p.queries * p.keys);
    };
    multiply<A>(p.queries, p.keys, p.head_size, q + item * p.queries * p.head_size, false,
                k + kv * p.keys * p.head_size, true, work.data());
    for (A& score : work) score *= static_cast<A>(p.scale);
    save(AttentionStage::product);
    if (p.softcap > 0)
      for (A& score : work) score = static_cast<A>(p.softcap) * std::tanh(score / static_cast<A>(p.softcap));
    save(AttentionStage::capped);
    if (p.bias)
      for (int64_t i = 0; i < p.queries * p.keys; ++i)
        work[static_cast<size_t>(i)] += static_cast<A>(p.bias(b, head, i / p.keys, i % p.keys));
    save(AttentionStage::biased);
    const A sink = p.sinks.empty() ? lowest : static_cast<A>(p.sinks[static_cast<size_t>(head)]);
    for (int64_t i = 0; i < p.queries; ++i) {
      A* row = work.data() + i * p.keys;
      A highest = sink, sum = 0;
      for (int64_t j = 0; j < p.keys; ++j) highest = std::max(highest, row[j]);
      for (int64_t j = 0; j < p.keys; ++j) {
        row[j] = highest == lowest ? A(0) : std::exp(row[j] - highest);
        sum += row[j];
      }
      if (sink != lowest) sum += std::exp(sink - highest);
      for (int64_t j = 0; j < p.keys && sum != 0; ++j) row[j] /= sum;
    }
    save(AttentionStage::softmax);
    multiply<A>(p.queries, p.v_head_size, p.keys, work.data(), false, v + kv * p.keys * p.v_head_size, false,
                y + item * p.queries * p.v_head_size);
  }
}

}  // namespace lathe
