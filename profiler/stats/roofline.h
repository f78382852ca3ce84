// SPDX-License-Identifier: Apache-2.0
// Every step against what the machine can do: the roofline of Williams, Waterman and Patterson
// (Communications of the ACM 52(4), 2009), with a ceiling for each precision and for each size of working
// set.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiler/trace/trace.h"

namespace lathe {

/// Measured, with as many threads as the run has.
struct MachinePeak {
  int threads = 1;
  std::map<std::string, double> flops_per_second;  ///< by precision: "f32", "bf16", "i8"
  struct Bandwidth {
    double working_set = 0;       ///< bytes read and written
    double bytes_per_second = 0;  ///< while they are read and written over and over
  };
  std::vector<Bandwidth> bandwidths;  ///< by working set, smallest first

  /// 0 where it is not known. Precisions without a figure of their own compute in f32.
  double flops_at(std::string_view precision) const;
  /// Of the smallest working set measured that holds `bytes`, else of the largest.
  double bandwidth_at(double bytes) const;
  /// The least nanoseconds that the work takes: the longer of computing and moving.
  double least_ns(double flops, double bytes, std::string_view precision) const;
};

/// JSON text for a trace's metadata, and back (nothing where it is none).
std::string to_json(const MachinePeak& peak);
std::optional<MachinePeak> parse_machine_peak(std::string_view json);
inline constexpr const char* machine_peak_key = "machine_peak";  ///< of the metadata
/// What the recording says about its machine.
std::optional<MachinePeak> machine_peak(const Trace& trace);

struct RooflineStep {
  std::string node, op_type, kernel, precision, module;
  double ns = 0;              ///< of one run
  double flops = 0;           ///< of one run, as the operator defines them: Winograd does with fewer
  double bytes = 0;           ///< inputs, weights and outputs once
  double least_ns = 0;        ///< at the ceiling
  bool memory_bound = false;  ///< the ceiling is the bandwidth

  double flops_per_second() const { return ns > 0 ? flops / ns * 1e9 : 0; }
  double bytes_per_second() const { return ns > 0 ? bytes / ns * 1e9 : 0; }
  /// Of the ceiling; above 1 where an algorithm does with less work than the operator's definition.
  double share() const { return ns > 0 ? least_ns / ns : 0; }
  double lost_ns() const { return ns > least_ns ? ns - least_ns : 0; }
};

/// The operators of a recording (of `runs` runs), those that lose most first.
std::vector<RooflineStep> roofline(const Trace& trace, const MachinePeak& peak, int runs);

}  // namespace lathe
