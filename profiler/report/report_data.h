// SPDX-License-Identifier: Apache-2.0
// Everything the reports of one conversion are written from, as plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/convert/convert.h"
#include "profiler/evaluate/module_accuracy.h"
#include "profiler/stats/balance.h"
#include "profiler/stats/distribution.h"
#include "profiler/stats/statistics.h"

namespace lathe {

/// Measured time of one module over the active runs, in microseconds.
struct ModuleTimes {
  double device_us = 0;  ///< kernels of the nodes it owns, or of its engine
  double host_us = 0;    ///< from the module's start to its end, children included
  int device_events = 0;
  int host_events = 0;
};

/// One side of the comparison.
struct MeasuredSide {
  Distribution latency;                    ///< recording off
  std::map<std::string, double> accuracy;  ///< AP, AP50, top1, top5, snr_db; empty without data
  TimeBalance balance;
  std::map<ModuleId, ModuleTimes> modules;
  Statistics statistics = {};  ///< per operator type, over the recorded runs
};

struct ReportData {
  const Conversion* conversion = nullptr;
  MeasuredSide before, after;
  int active_runs = 3;
  std::string lathe_version;
  std::string cpu, instruction_set;
  int threads = 1;
  std::string data, metric;  ///< as given; empty without
  size_t samples = 0;
  double load_ms = 0, compile_ms = 0;
  ModuleAccuracy module_accuracy = {};  ///< empty where no precision was lowered
};

std::string workflow_report_json(const ReportData& data);
std::string conversion_report_json(const ReportData& data);
std::string statistics_csv(const ReportData& data);
/// The versioned superset, described by resources/schemas/report.schema.json.
std::string report_json(const ReportData& data);
/// What `lathe convert` prints.
std::string workflow_report_text(const ReportData& data);
/// One self-contained page.
std::string report_html(const ReportData& data);

/// Rows of statistics.csv: entries of conversion_report.json grouped by class, status and error.
struct StatisticsRow {
  std::string status, error, class_name, code_file;
  int code_line = 0;
  int errors = 0;
  ModuleTimes times;
  std::vector<std::string> modules;
};
std::vector<StatisticsRow> statistics_rows(const ReportData& data);

/// Entries of the compatible files: outcomes that are not covered by an engine above them.
std::vector<const ModuleOutcome*> report_entries(const Conversion& conversion);

}  // namespace lathe
