// SPDX-License-Identifier: Apache-2.0
// What two models' weights and outputs do not have in common, in numbers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/tensor/compare.h"
#include "profiler/compare/compare_graphs.h"

namespace lathe {

/// Two tensors that ought to be the same.
struct ValueDifference {
  std::string name;    ///< in B; in A where only A has it
  std::string name_a;  ///< in A; empty where only B has it
  std::string name_b;
  std::string module;          ///< of a weight: path of its first reader
  std::string type_a, type_b;  ///< "f32[64x3x7x7]"; empty where missing
  std::optional<TensorDifference>
      difference;       ///< A is the reference; none: cannot be compared, or in one only
  double mean_abs = 0;  ///< among elements finite in both
  std::string reason;   ///< why there is no difference

  bool identical() const { return difference && difference->identical() && type_a == type_b; }
};

struct WeightComparison {
  size_t compared = 0;                     ///< in both
  size_t identical = 0;                    ///< bit for bit, types included
  std::vector<ValueDifference> different;  ///< worst SNR first; then those in one model only

  bool all_identical() const { return different.empty(); }
};

/// Constants that nodes read, paired by name, then by their place at paired nodes.
WeightComparison compare_weights(const Model& a, const Model& b, const std::vector<NodePair>& pairs);

/// One entry per output of either, by name; a sequence's elements are "name.0", "name.1", ...
std::vector<ValueDifference> compare_outputs(const std::map<std::string, RuntimeValue>& a,
                                             const std::map<std::string, RuntimeValue>& b);

}  // namespace lathe
