// SPDX-License-Identifier: Apache-2.0
// The one place that inserts QuantizeLinear and DequantizeLinear and quantises constants.
#pragma once

#include <map>
#include <optional>

#include "engine/precision/quantize.h"

namespace lathe {

/// Works on a graph with the ids of the one that the plan is for.
class QdqInserter {
 public:
  QdqInserter(Graph& graph, const Int8Plan& plan, const Calibration& calibration, Calibrator calibrator,
              int opset, bool symmetric)
      : graph_(graph),
        editor_(graph),
        plan_(plan),
        calibration_(calibration),
        calibrator_(calibrator),
        opset_(opset),
        symmetric_(symmetric) {}
  Status run();
  /// Names of the nodes that were inserted, and why.
  const std::map<std::string, std::string>& inserted() const { return inserted_; }

 private:
  Status quantise_activation(ValueId value, ValueId range_of);
  Result<ValueId> weights_of(NodeId id, size_t axis);
  void quantise_bias(NodeId id);
  Status widen_bias(NodeId id);
  Result<QuantizedRange> range_of(ValueId value) const;
  float scale_of(QuantizedRange range) const { return symmetric_ ? range.symmetric_scale() : range.scale(); }
  ValueId add_node(const char* op_type, const Node& neighbour, const std::string& name,
                   std::vector<ValueId> inputs, ElementType type, std::optional<Dims> dims, std::string why,
                   std::optional<size_t> axis = {});

  Graph& graph_;
  GraphEditor editor_;
  const Int8Plan& plan_;
  const Calibration& calibration_;
  Calibrator calibrator_;
  int opset_;
  bool symmetric_;  ///< activations
  std::map<std::string, std::string> inserted_;
  struct Weights {
    ValueId value;
    std::vector<float> scales;
  };
  std::map<std::pair<ValueId, size_t>, Weights> weights_;
};

}  // namespace lathe
