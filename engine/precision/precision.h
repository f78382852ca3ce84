// SPDX-License-Identifier: Apache-2.0
// Lower precision as a visible rewrite of the graph: Cast nodes and narrow initializers, valid ONNX that any
// runtime loads.
//
// What may be narrow is said by a table (narrow_form.h), what has to stay wide by rules (rules.h), where the
// casts go by one mechanism (cast_inserter.h). Adding a rule: a file engine/precision/<name>.cpp with
// `void register_<name>(PrecisionRuleRegistry&)`, and its name in LATHE_PRECISION_RULES of
// engine/precision/CMakeLists.txt.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

struct PrecisionRequest {
  /// f16, bf16, i8 or f32 by module path ("" = the whole model); a module without an entry inherits.
  std::map<std::string, ElementType> modules;
  std::vector<std::string> exclude;  ///< module paths that stay as they are, with all under them
  /// Nodes of the main graph, by name, that stay as they are, and why.
  std::unordered_map<std::string, std::string> keep;
  InferenceOptions inference;  ///< shapes that tell how long reductions are

  bool asks() const;       ///< for f16, bf16 or i8 anywhere
  bool asks_int8() const;  ///< which quantize.h carries out
};

/// The precision one node computes in, and why.
struct NodePrecision {
  std::string node;     ///< name; in a body "<node of the outer graph>/<attribute>/<name>"
  NodeId id;            ///< of the rewritten main graph; invalid inside bodies
  ModuleId module;      ///< the root where none is known
  std::string op_type;  ///< with its domain
  ElementType precision = ElementType::f32;
  std::string rule;       ///< short name of what decided
  std::string reason;     ///< one sentence
  bool inserted = false;  ///< a Cast, QuantizeLinear or DequantizeLinear that the rewrite put there
  double flops = 0;       ///< of a convolution or matrix product, where int8 was asked for
};

/// What one calibrator made of the whole model.
struct CalibratorTrial {
  std::string calibrator;
  double snr_db = 0;            ///< of the worst output
  std::optional<double> score;  ///< of the metric given
};

/// A change of weights or biases that is meant to make int8 more exact, tried on the calibration data.
struct Int8Improvement {
  std::string name;                    ///< "centring", "equalisation", "smoothing" or "bias_correction"
  size_t places = 0;                   ///< that it applies to
  double before_db = 0, after_db = 0;  ///< SNR of the worst output without and with it
  bool kept = false;                   ///< it helped
};

/// What becomes of the outputs when one module's own products alone are quantised.
struct ModuleSensitivity {
  ModuleId module;
  double snr_db = 0;            ///< of the worst output
  std::optional<double> score;  ///< of the metric, where it was measured
  double flops = 0;
  bool kept_wide = false;  ///< by the search
};

struct PrecisionReport {
  std::vector<NodePrecision> nodes;  ///< those that compute or move floating-point numbers, in graph order
  size_t casts = 0;                  ///< inserted, bodies included
  int opset_before = 0, opset_after = 0;
  Findings notes;                             ///< e.g. constants that were clamped
  std::string calibrator;                     ///< that int8 was made with; empty where it was not asked for
  std::vector<CalibratorTrial> calibrators;   ///< those that were compared
  std::vector<Int8Improvement> improvements;  ///< in the order they were tried
  std::vector<ModuleSensitivity> ranking;     ///< worst first
  size_t ranking_samples = 0;                 ///< that its SNRs were measured on
  std::optional<double> score, wide_score;    ///< of the metric in the search: int8 and fp32
  std::string score_data;                     ///< what the search judged on
  size_t score_samples = 0;
  /// Of the metric on samples that the search has not seen; nothing where there are none.
  std::optional<double> unseen_score, unseen_wide_score;
  size_t unseen_samples = 0;
  double product_flops = 0,
         int8_flops = 0;  ///< of convolutions and matrix products, where int8 was asked for
};

/// Rewrites `model` as asked; model inputs and outputs keep their types, nodes their names (not their ids).
/// Errors: a module that does not exist; a rewrite that our own inference refuses (internal).
Result<PrecisionReport> lower_precision(Model& model, const PrecisionRequest& request);

/// "fp32", "fp16", "bf16", "int8" as people write it.
std::string precision_name(ElementType type);

}  // namespace lathe
