// SPDX-License-Identifier: Apache-2.0
// Constant weights of matrix products stored in 8 or 4 bits, everything computed in fp32: for models whose
// speed is that of reading their weights. A visible rewrite, valid ONNX that other runtimes load:
//
//   int8: an i8 initializer and DequantizeLinear per output channel before MatMul and Gemm; a table that
//         only Gather reads becomes i8, too, and what is gathered is dequantised
//   int4: com.microsoft's MatMulNBits in place of MatMul and Gemm; tables as with int8
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/job.h"
#include "engine/precision/precision.h"
#include "engine/precision/weight_form.h"

namespace lathe {

struct WeightWish {
  WeightForm form = WeightForm::full;
  int64_t block_size = default_block_size;  ///< of int4: weights that share a scale
  std::string says;                         ///< why it is full, where it is
};

struct WeightsRequest {
  std::vector<WeightWish> modules;  ///< by module index; empty: nothing is asked
  /// Nodes that stay as they are, by name, and why.
  std::unordered_map<std::string, std::string> keep;
  InferenceOptions inference;

  bool asks() const;
};

/// Weights with fewer elements stay as they are.
inline constexpr int64_t least_stored_weights = 4096;

/// Rewrites `model`; inputs and outputs keep their types, nodes their names (not their ids). In `report`,
/// what stands about the nodes it looked at is replaced, ids are those of the rewritten graph, and a note
/// tells the bytes before and after. Errors: int8 for a model that cannot be written in opset 13; a rewrite
/// that our own inference refuses (internal); interruption.
Status store_weights(Model& model, const WeightsRequest& request, PrecisionReport& report,
                     const JobContext& job = JobContext());

}  // namespace lathe
