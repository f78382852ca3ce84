// SPDX-License-Identifier: Apache-2.0
// The one place that stores the weights of a plan in 8 or 4 bits.
#pragma once

#include <map>

#include "engine/precision/weights_plan.h"

namespace lathe {

/// Works on a graph with the ids of the one that the plan is for.
class WeightWriter {
 public:
  /// `opset`: of ai.onnx, 13 or newer.
  WeightWriter(Graph& graph, int opset) : graph_(graph), editor_(graph), opset_(opset) {}
  Status write(const WeightDecision& decision);

  size_t nodes() const { return nodes_; }  ///< that were rewritten
  size_t bytes_before() const { return before_; }
  size_t bytes_after() const { return after_; }
  /// Names of the nodes that were inserted, and why.
  const std::map<std::string, std::string>& inserted() const { return inserted_; }

 private:
  /// What became of one initializer, made once for all that read it.
  struct Stored {
    ValueId numbers, scales, zeros;
    ValueId dequantized;  ///< of a product's weights in 8 bit
  };

  Result<Stored*> channels_of(const WeightDecision& decision);
  Result<Stored*> blocks_of(const WeightDecision& decision);
  Status write_channels(const WeightDecision& decision);
  Status write_table(const WeightDecision& decision);
  Status write_blocks(const WeightDecision& decision);
  void add_dequantize(const Node& beside, std::vector<ValueId> inputs, ValueId output, int64_t axis,
                      std::string why);
  void account(const Tensor& weights, size_t stored);

  Graph& graph_;
  GraphEditor editor_;
  int opset_;
  size_t nodes_ = 0, before_ = 0, after_ = 0;
  std::map<ValueId, Stored> stored_;
  std::map<std::string, std::string> inserted_;
};

}  // namespace lathe
