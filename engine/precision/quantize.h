// SPDX-License-Identifier: Apache-2.0
// int8 as a visible rewrite of the graph: QuantizeLinear and DequantizeLinear around what computes in 8 bit,
// valid ONNX that any runtime loads. Activations are u8 with one scale and zero point per tensor, or i8 with
// zero point 0 where that is asked for; weights i8 with a scale per output channel, biases i32 of scale data
// * weights; tables that lookups pick rows from i8 with a scale per column.
#pragma once

#include "engine/precision/calibration.h"
#include "engine/precision/int8_plan.h"
#include "engine/precision/precision.h"

namespace lathe {

/// A copy in the form that is quantised: opset 13 or newer, normalisations folded into convolutions.
Result<std::shared_ptr<const Model>> prepared_for_int8(const Model& model);

/// What is asked of each module; parents hand on. Errors: a module that does not exist.
Result<Int8Wishes> int8_wishes(const ModuleTree& tree, const PrecisionRequest& request);

/// Names of the values that calibration has to see, also for plans that keep more products wide: there a
/// moved tensor has a range of its own.
std::vector<std::string> values_to_calibrate(const Graph& graph, const Int8Plan& plan);

struct Quantized {
  std::shared_ptr<Model> model;
  /// The same function in fp32, with values of the same names and meaning: what `model` is compared with
  /// tensor by tensor. Null unless a search made it.
  std::shared_ptr<const Model> wide;
  PrecisionReport report;
};
/// Carries out a plan for `model` (prepared). `symmetric`: activations are i8 with zero point 0. Errors: a
/// range that calibration did not see.
Result<Quantized> quantize(const Model& model, const Int8Plan& plan, const Calibration& calibration,
                           Calibrator calibrator, const InferenceOptions& inference, bool symmetric = false);

}  // namespace lathe
