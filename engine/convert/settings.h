// SPDX-License-Identifier: Apache-2.0
// What a person asks of a conversion: config.json in memory. Keys and meaning follow AcuiRT's, plus Lathe's
// own.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/convert/failure.h"
#include "engine/graph/module_tree.h"
#include "engine/precision/weight_form.h"
#include "engine/tensor/shape.h"

namespace lathe {

/// Settings of one module; what is not set is inherited from the nearest ancestor that sets it.
struct ModuleSettings {
  std::optional<bool> convert;  ///< rt_mode "onnx" (true) or null (false: keep eager, look at children)
  std::optional<bool> recurse;  ///< auto: on failure try the children
  std::optional<bool> fp16, bf16, int8;
  std::optional<WeightForm> weights;  ///< how constant weights are stored; full: as they are
  std::optional<int64_t> block_size;  ///< of weights in int4
  bool excluded = false;              ///< `exclude`: this module and all under it stay eager
};

/// Allowed sizes per axis of one input. Equal vectors: a pinned shape.
struct ShapeRange {
  Shape min, opt, max;
  bool pinned() const { return min == max; }
};

/// A remedy to be taken before converting, and what it is taken to.
struct RemedyStep {
  Remedy::Kind kind = Remedy::Kind::keep_eager;
  std::string subject;           ///< input name, module path ("" = the model) or node
  std::optional<Shape> shape;    ///< pin_shapes: the one to pin; nullopt: the data's, else one that fits
  std::optional<int64_t> count;  ///< filter_to_topk: how many are kept; nullopt: all there can be
  /// approximate_operator: how much may be lost, of the metric where there is one, else of the outputs (noise
  /// by signal: 0.01 are 40 dB); nullopt: the accuracy budget, else 0.01.
  std::optional<double> tolerance = std::nullopt;

  bool operator==(const RemedyStep&) const = default;
};

struct Configuration {
  std::map<std::string, ModuleSettings> modules;  ///< by module path; "" holds the top-level settings
  std::map<std::string, Shape> input_shapes;      ///< pinned shapes
  /// dynamic_axes: input -> axis -> {name, min, opt, max}; -1 where not given.
  struct DynamicAxis {
    std::string name;
    int64_t min = -1, opt = -1, max = -1;
  };
  std::map<std::string, std::map<int, DynamicAxis>> dynamic_axes;
  std::vector<std::string> input_names;
  std::vector<std::string> exclude;  ///< module paths
  std::string data;                  ///< dataset for accuracy and measuring; path as given
  std::string metric;
  std::string calibration;             ///< dataset for calibration
  std::string calibrator;              ///< minmax, entropy, percentile or mse; empty: the one that does best
  bool symmetric_activations = false;  ///< int8: activations as i8 with zero point 0
  std::optional<double> accuracy_budget;
  bool tune = false;                 ///< kernels of engines are chosen by measurement
  bool merge = true;                 ///< engines that touch become one, with what stands between them
  std::vector<RemedyStep> remedies;  ///< in the order they are taken
  std::vector<std::string> plugins;  ///< libraries of custom operators, loaded before the model is opened
  Findings notes;                    ///< e.g. "use_dla is ignored"

  /// The pinned shape or profile of `input`, from input_shapes and dynamic_axes; nullopt when neither speaks
  /// of it.
  std::optional<ShapeRange> range(const std::string& input) const;
  /// Settings in force for a module: its own, else inherited.
  ModuleSettings effective(const ModuleTree& tree, ModuleId module) const;
};

/// Parses config.json text. `tree` gives the valid module paths: unknown keys, modules or wrong types are
/// errors that name the nearest valid one. `where` is the file's name for messages.
Result<Configuration> parse_configuration(std::string_view json, const ModuleTree& tree,
                                          const std::string& where);
/// config.json text (pretty, stable order) that parses back to the same configuration.
std::string to_json(const Configuration& configuration);

}  // namespace lathe
