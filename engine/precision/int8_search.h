// SPDX-License-Identifier: Apache-2.0
// Quantises a model so that its accuracy stays within a budget: chooses the calibrator, keeps what improves
// the outputs, ranks modules by what they do to outputs and metric when they alone are quantised, and keeps
// the worst ones wide until the rest is good.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "engine/precision/quantize.h"

namespace lathe {

/// Judges a model; higher is better.
using Score = std::function<Result<double>(Runnable&)>;

struct Int8Request {
  PrecisionRequest precision;            ///< i8 by module, exclusions, nodes to keep
  std::optional<Calibrator> calibrator;  ///< nullopt: the best of all
  const CalibrationData* data = nullptr;
  Score score;             ///< empty: nothing is searched for
  double budget = 0.01;    ///< how much of the score may be lost
  bool symmetric = false;  ///< activations as i8 with zero point 0
  /// File that keeps what trials found, from which an interrupted search of the same model, data and settings
  /// goes on; empty: none. Whoever names it removes it.
  std::filesystem::path trials;
  std::string judge;  ///< tells apart what `score` judges on: data and metric
};

/// Executor thread. The result says what it is made of in fp32. The ranking, the calibrators tried and the
/// search are told in the report. Errors as of its parts; interruption.
Result<Quantized> lower_to_int8(const Model& model, const Int8Request& request, const JobContext& job);

}  // namespace lathe
