// SPDX-License-Identifier: Apache-2.0
// The precision map in short: how much is narrow, and what stayed wide for which reasons.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/convert/convert.h"

namespace lathe {

struct PrecisionSummary {
  size_t nodes = 0;  ///< floating-point nodes of the model, inserted casts not counted
  size_t casts = 0;
  std::map<std::string, size_t> counts;  ///< nodes by precision
  std::optional<double> int8_share;      ///< of the FLOPs of convolutions and matrix products
  std::string calibrator;                ///< of int8
  /// Of the metric on what the search judged: as converted, in fp32, and plain minmax throughout.
  std::optional<double> score, wide_score, minmax_score;
  size_t score_samples = 0;
  /// Nodes that stayed in fp32 for one reason.
  struct Kept {
    std::string reason, example;  ///< the example is the first such node
    size_t nodes = 0;
  };
  std::vector<Kept> kept;  ///< most nodes first

  /// "bf16 in 378 of 471 nodes, 4 casts"; of int8 also its share, calibrator and score. Empty where nothing
  /// was lowered.
  std::string text() const;
};

PrecisionSummary precision_summary(const Conversion& conversion);

}  // namespace lathe
