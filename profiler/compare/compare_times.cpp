// SPDX-License-Identifier: Apache-2.0
#include "profiler/compare/compare_times.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace lathe {
namespace {

double per_run(int64_t sum, int runs) {
  return static_cast<double>(sum) / runs;
}

using Rows = std::vector<StatisticsEntry>;

std::vector<TimeDelta> deltas(const Rows& a, int runs_a, const Rows& b, int runs_b) {
  std::map<std::string, TimeDelta> rows;
  for (const StatisticsEntry& entry : a) {
    TimeDelta& row = rows[entry.name];
    row.in_a = true;
    row.class_name = entry.class_name;
    row.calls_a = per_run(entry.calls, runs_a);
    row.self_a = per_run(entry.self_ns, runs_a);
    row.total_a = per_run(entry.total_ns, runs_a);
  }
  for (const StatisticsEntry& entry : b) {
    TimeDelta& row = rows[entry.name];
    row.in_b = true;
    row.class_name = entry.class_name;
    row.calls_b = per_run(entry.calls, runs_b);
    row.self_b = per_run(entry.self_ns, runs_b);
    row.total_b = per_run(entry.total_ns, runs_b);
  }
  std::vector<TimeDelta> list;
  for (auto& [name, row] : rows) {
    row.name = name;
    list.push_back(std::move(row));
  }
  std::stable_sort(list.begin(), list.end(), [](const TimeDelta& left, const TimeDelta& right) {
    return std::abs(left.self_change()) > std::abs(right.self_change());
  });
  return list;
}

bool same_rows(const std::vector<TimeDelta>& rows) {
  return std::all_of(rows.begin(), rows.end(),
                     [](const TimeDelta& row) { return row.in_a && row.in_b && row.calls_a == row.calls_b; });
}

}  // namespace

bool TimeComparison::same_structure() const {
  return same_rows(classes) && same_rows(modules) && same_rows(operators);
}

TimeComparison compare_times(const Statistics& a, const Statistics& b) {
  TimeComparison result;
  result.runs_a = std::max(1, a.runs);
  result.runs_b = std::max(1, b.runs);
  result.op_ns_a = static_cast<double>(a.op_ns) / result.runs_a;
  result.op_ns_b = static_cast<double>(b.op_ns) / result.runs_b;
  result.classes = deltas(a.classes, result.runs_a, b.classes, result.runs_b);
  result.modules = deltas(a.modules, result.runs_a, b.modules, result.runs_b);
  result.operators = deltas(a.operators, result.runs_a, b.operators, result.runs_b);
  return result;
}

}  // namespace lathe
