// SPDX-License-Identifier: Apache-2.0
// Two conversions side by side: settings, modules, accuracy and time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/convert/convert.h"
#include "profiler/stats/distribution.h"
#include "profiler/stats/statistics.h"

namespace lathe {

/// What is known of one conversion after it was measured.
struct ConversionSide {
  const Conversion& conversion;
  const Distribution& latency;                    ///< of the converted model
  const std::map<std::string, double>& accuracy;  ///< of the converted model
  const Statistics& statistics;                   ///< of the converted model
};

/// One counted module of either. Empty status: the module is not there.
struct ModuleDelta {
  std::string path, class_name;
  std::string status_a, status_b;
  std::string cause_a, cause_b;  ///< of a failure
  std::string precision_a, precision_b;
  std::optional<double> ns_a, ns_b;  ///< host time per run of the converted model; none without a slice

  bool changed() const { return status_a != status_b || cause_a != cause_b || precision_a != precision_b; }
};

struct SettingDelta {
  std::string key;   ///< "children/backbone/fp16", as a path into config.json
  std::string a, b;  ///< JSON text; empty: not set
};

struct ValueDelta {
  std::optional<double> a, b;
};

struct ConversionComparison {
  std::string model_a, model_b;  ///< file names
  int converted_a = 0, converted_b = 0, total_a = 0, total_b = 0, engines_a = 0, engines_b = 0;
  double latency_a = 0, latency_b = 0;  ///< p50, nanoseconds
  std::map<std::string, ValueDelta> accuracy;
  std::vector<SettingDelta> settings;  ///< that differ
  std::vector<ModuleDelta> modules;    ///< all, in A's order, then what only B has

  /// Everything but times.
  bool same_outcome() const;
};

ConversionComparison compare_conversions(const ConversionSide& a, const ConversionSide& b);

}  // namespace lathe
