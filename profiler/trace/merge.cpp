// SPDX-License-Identifier: Apache-2.0
// Several traces as one.
#include <algorithm>
#include <limits>

#include "profiler/trace/formats.h"
#include "profiler/trace/json_scanner.h"

namespace lathe {
namespace {

/// Adds one trace to the builder, its texts, arguments, processes and lanes under new ids.
class TraceCopier {
 public:
  TraceCopier(const Trace& from, TraceBuilder& to, int64_t shift) : from_(from), to_(to), shift_(shift) {
    texts_.resize(from.text_count());
    arguments_.resize(from.args_count());
  }

  Status copy(const std::string& label, int64_t sort_base, const JobContext& job) {
    for (const TraceProcess& process : from_.processes())
      processes_.push_back(add(process, label, sort_base));
    for (const TraceLane& lane : from_.lanes()) lanes_.push_back(add(lane));
    for (size_t i = 0; i < from_.slice_count(); ++i) {
      if (i % 65536 == 0) LATHE_TRY(job.check());
      const SliceId id(i);
      to_.add_slice(lanes_[from_.lane_of(id).index], from_.start(id) + shift_, from_.duration(id),
                    text(from_.name(id)), text(from_.category(id)), args(from_.args_id(id)));
    }
    for (const CounterTrack& track : from_.counters())
      for (size_t i = 0; i < track.times.size(); ++i)
        to_.add_counter(processes_[track.process.index], text(track.name), text(track.series),
                        track.times[i] + shift_, track.values[i]);
    for (FlowPoint point : from_.flows()) add(point, label);
    for (const Instant& instant : from_.instants())
      to_.add_instant({instant.time + shift_, text(instant.name), text(instant.category),
                       lanes_[instant.lane.index], args(instant.args), instant.scope});
    return {};
  }

 private:
  StringId text(StringId id) {
    if (!id.valid()) return id;
    if (!texts_[id.index].valid()) texts_[id.index] = to_.string(from_.text(id));
    return texts_[id.index];
  }

  ArgsId args(ArgsId id) {
    if (!id.valid()) return ArgsId(size_t{0});
    if (arguments_[id.index].valid()) return arguments_[id.index];
    std::vector<Arg> copied(from_.args(id).begin(), from_.args(id).end());
    for (Arg& arg : copied) {
      arg.key = text(arg.key);
      if (arg.kind == ArgKind::string || arg.kind == ArgKind::json) arg.bits = text(arg.text()).index;
    }
    return arguments_[id.index] = to_.args(copied);
  }

  ProcessId add(TraceProcess process, const std::string& label, int64_t sort_base) {
    const std::string name(from_.text(process.name));
    process.name = to_.string(label.empty() ? name : label + ": " + name);
    process.label = text(process.label);
    process.pid_text = text(process.pid_text);
    process.sort_index = std::clamp<int64_t>(process.sort_index, 0, int64_t{1} << 30) + sort_base;
    return to_.add_process(process);
  }

  LaneId add(TraceLane lane) {
    lane.process = processes_[lane.process.index];
    lane.name = text(lane.name);
    lane.tid_text = text(lane.tid_text);
    lane.first_slice = lane.end_slice = lane.first_row = lane.rows = 0;
    if (lane.spilled_from) lane.spilled_from = lanes_[lane.spilled_from.index];
    return to_.add_lane(lane);
  }

  // Flows keep their identity apart from those of other traces by their number.
  void add(FlowPoint point, const std::string& label) {
    point.time += shift_;
    point.id = hash_bytes(label.data(), label.size()) ^ (point.id + to_.lane_count() * 0x9e3779b97f4a7c15u);
    point.name = text(point.name), point.category = text(point.category);
    point.lane = lanes_[point.lane.index];
    point.slice = {};
    to_.add_flow(point);
  }

  const Trace& from_;
  TraceBuilder& to_;
  int64_t shift_;
  std::vector<StringId> texts_;
  std::vector<ArgsId> arguments_;
  std::vector<ProcessId> processes_;
  std::vector<LaneId> lanes_;
};

/// Base time of the merged trace: the earliest begin, or 0 where clocks are not compared.
int64_t common_base(std::span<const MergeSource> sources) {
  int64_t base = std::numeric_limits<int64_t>::max();
  for (const MergeSource& source : sources) base = std::min(base, source.trace->info().base_time_ns);
  return base;
}

}  // namespace

Result<Trace> merge_traces(std::span<const MergeSource> sources, MergeAlign align, const JobContext& job) {
  if (sources.empty()) return usage_error("", "no traces to merge");
  TraceBuilder builder;
  builder.info = sources[0].trace->info();
  builder.info.base_time_ns =
      align == MergeAlign::base_time ? common_base(sources) : sources[0].trace->info().base_time_ns;
  std::string names = "[";
  int64_t number = 0;
  for (const MergeSource& source : sources) {
    const Trace& trace = *source.trace;
    int64_t shift = -trace.begin_time();
    if (align == MergeAlign::base_time &&
        __builtin_sub_overflow(trace.info().base_time_ns, builder.info.base_time_ns, &shift))
      return bad_input(source.label, "its base time is out of range");
    if (shift > max_trace_time || shift < -max_trace_time)
      return bad_input(source.label, "its clock is too far from the others' to show both on one axis");
    if (trace.info().format != builder.info.format) builder.info.format = "chrome";
    TraceCopier copier(trace, builder, shift);
    LATHE_TRY(copier.copy(source.label, number++ << 32, job));
    names += (names.size() > 1 ? "," : "") + json_string(source.label);
    if (number > 1)
      for (const std::string& note : trace.info().notes) builder.info.notes.push_back(note);
  }
  builder.info.metadata.emplace_back("merged", names + "]");
  return builder.build(job);
}

}  // namespace lathe
