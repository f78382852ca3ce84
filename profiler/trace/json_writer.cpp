// SPDX-License-Identifier: Apache-2.0
// Writes the portable profile of trace events: what Perfetto, Chrome, Tracy and readers of Kineto files all
// accept.
#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "profiler/trace/formats.h"
#include "profiler/trace/json_scanner.h"
#include "profiler/trace/text_file.h"

namespace lathe {
namespace {

constexpr size_t flush_bytes = size_t{1} << 20;

/// Whole numbers >= 0 that stand for the given ones: themselves where they can, else the next free above
/// `base`.
class Numbering {
 public:
  explicit Numbering(int64_t base) : next_(base) {}
  void claim(int64_t wanted) { claimed_.insert(wanted); }
  int64_t take(int64_t wanted) {
    if (wanted >= 0 && wanted < max_number && taken_.insert(wanted).second) return wanted;
    while (claimed_.contains(next_) || !taken_.insert(next_).second) ++next_;
    return next_;
  }

 private:
  static constexpr int64_t max_number = int64_t{1} << 53;  // exact as a double
  int64_t next_;
  std::set<int64_t> claimed_, taken_;
};

class JsonTraceWriter {
 public:
  JsonTraceWriter(const Trace& trace, const TextSink& sink, const JobContext& job)
      : trace_(trace), sink_(sink), job_(job) {}

  Status write() {
    number_lanes();
    select_flows();
    set_origin();
    header();
    metadata_events();
    for (const LaneId lane : trace_.lanes_in_order()) LATHE_TRY(slices(lane));
    for (size_t i = 0; i < flows_.size(); ++i) {
      flow(flows_[i].first, flows_[i].second);
      LATHE_TRY(flush(false));
    }
    LATHE_TRY(instants());
    LATHE_TRY(counters());
    out_ += "\n  ],\n  \"traceName\": ";
    append_json_string(out_, trace_.info().trace_name);
    out_ += "\n}\n";
    return flush(true);
  }

 private:
  void number_lanes();
  void select_flows();
  void set_origin();
  void header();
  void metadata_events();
  void metadata_event(const char* name, int64_t pid, int64_t tid, const char* key, std::string_view text);
  void metadata_event(const char* name, int64_t pid, int64_t tid, int64_t sort_index);
  Status slices(LaneId lane);
  void slice(SliceId id);
  void flow(const FlowPoint& point, uint64_t id);
  Status instants();
  Status counters();
  void begin_event(const char* phase);
  void thread(LaneId lane);
  void text_field(const char* key, StringId text, const char* fallback);
  void time_field(const char* key, int64_t nanoseconds);
  void number(int64_t value);
  void args(std::span<const Arg> args);
  Status flush(bool all);

  const Trace& trace_;
  const TextSink& sink_;
  const JobContext& job_;
  std::string out_;
  std::vector<int64_t> pids_, tids_;
  std::vector<std::pair<FlowPoint, uint64_t>> flows_;  ///< with their numbers in the file
  int64_t origin_ = 0;
  bool first_event_ = true;
};

void JsonTraceWriter::number_lanes() {
  constexpr int64_t first_free_pid = 1000000, first_free_tid = 1;
  Numbering pids(first_free_pid);
  for (const TraceProcess& process : trace_.processes()) pids.claim(process.pid);
  for (const TraceProcess& process : trace_.processes()) pids_.push_back(pids.take(process.pid));
  std::vector<Numbering> tids(trace_.processes().size(), Numbering(first_free_tid));
  for (const TraceLane& lane : trace_.lanes()) tids[lane.process.index].claim(lane.tid);
  for (const TraceLane& lane : trace_.lanes()) tids_.push_back(tids[lane.process.index].take(lane.tid));
}

/// Arrows that readers accept: bound to slices, one start each, steps and ends after it. Each gets a number
/// of its own.
void JsonTraceWriter::select_flows() {
  std::map<std::tuple<uint64_t, StringId, StringId>, size_t> open;  // into arrows
  std::vector<std::vector<FlowPoint>> arrows;
  for (const FlowPoint& point : trace_.flows()) {
    if (!point.slice) continue;
    const auto key = std::tuple(point.id, point.name, point.category);
    if (point.kind == FlowKind::start) {
      open[key] = arrows.size();
      arrows.push_back({point});
    } else if (const auto found = open.find(key); found != open.end()) {
      arrows[found->second].push_back(point);
    }
  }
  uint64_t number = 0;
  for (const std::vector<FlowPoint>& arrow : arrows) {
    if (arrow.size() < 2) continue;
    ++number;
    for (const FlowPoint& point : arrow) flows_.emplace_back(point, number);
  }
}

void JsonTraceWriter::set_origin() {
  origin_ = trace_.begin_time();
  for (const FlowPoint& point : trace_.flows()) origin_ = std::min(origin_, point.time);
  for (const Instant& instant : trace_.instants()) origin_ = std::min(origin_, instant.time);
  // Times from 0 on are exact as doubles; a file that begins near 0 keeps its own.
  constexpr int64_t near = int64_t{1} << 50;
  if (origin_ >= 0 && trace_.end_time() < near) origin_ = 0;
}

void JsonTraceWriter::header() {
  const TraceInfo& info = trace_.info();
  const auto property = [&](std::string_view key, std::string_view json) {
    out_ += "  ";
    append_json_string(out_, key);
    out_ += ": ";
    out_ += json;
    out_ += ",\n";
  };
  out_ += "{\n";
  property("schemaVersion", "1");
  property("deviceProperties", info.device_properties);
  for (const auto& [key, json] : info.properties) property(key, json);
  property("displayTimeUnit", json_string(info.display_time_unit));
  int64_t base = 0;
  if (__builtin_add_overflow(info.base_time_ns, origin_, &base)) base = info.base_time_ns;
  property("baseTimeNanoseconds", std::to_string(base));
  std::string metadata = "{";
  for (const auto& [key, json] : info.metadata) {
    metadata += metadata.size() > 1 ? ",\n    " : "\n    ";
    append_json_string(metadata, key);
    metadata += ": " + json;
  }
  property("metadata", metadata + (metadata.size() > 1 ? "\n  }" : "}"));
  out_ += "  \"traceEvents\": [";
}

void JsonTraceWriter::begin_event(const char* phase) {
  out_ += first_event_ ? "\n  {\"ph\": \"" : ",\n  {\"ph\": \"";
  out_ += phase;
  out_ += '"';
  first_event_ = false;
}

void JsonTraceWriter::number(int64_t value) {
  char buffer[24];
  out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void JsonTraceWriter::time_field(const char* key, int64_t nanoseconds) {
  out_ += ", \"";
  out_ += key;
  out_ += "\": ";
  number(nanoseconds / 1000);
  const auto rest = static_cast<int>(nanoseconds % 1000);
  out_ += '.';
  out_ += static_cast<char>('0' + rest / 100);
  out_ += static_cast<char>('0' + rest / 10 % 10);
  out_ += static_cast<char>('0' + rest % 10);
}

void JsonTraceWriter::text_field(const char* key, StringId text, const char* fallback) {
  const std::string_view shown = trace_.text(text);
  out_ += ", \"";
  out_ += key;
  out_ += "\": ";
  append_json_string(out_, shown.empty() ? fallback : shown);
}

void JsonTraceWriter::thread(LaneId lane) {
  out_ += ", \"pid\": ";
  number(pids_[trace_.lane(lane).process.index]);
  out_ += ", \"tid\": ";
  number(tids_[lane.index]);
}

void JsonTraceWriter::args(std::span<const Arg> args) {
  if (args.empty()) return;
  out_ += ", \"args\": {";
  for (size_t i = 0; i < args.size(); ++i) {
    const Arg& arg = args[i];
    if (i > 0) out_ += ", ";
    append_json_string(out_, trace_.text(arg.key));
    out_ += ": ";
    switch (arg.kind) {
      case ArgKind::null:
        out_ += "null";
        break;
      case ArgKind::boolean:
        out_ += arg.bits != 0 ? "true" : "false";
        break;
      case ArgKind::integer:
        number(arg.bits);
        break;
      case ArgKind::real:
        append_json_number(out_, arg.real_value());
        break;
      case ArgKind::string:
        append_json_string(out_, trace_.text(arg.text()));
        break;
      case ArgKind::json:
        out_ += trace_.text(arg.text());
        break;
    }
  }
  out_ += '}';
}

void JsonTraceWriter::metadata_event(const char* name, int64_t pid, int64_t tid, const char* key,
                                     std::string_view text) {
  begin_event("M");
  out_ += std::string(", \"name\": \"") + name + "\", \"pid\": " + std::to_string(pid) +
          ", \"tid\": " + std::to_string(tid) + ", \"ts\": 0.000, \"args\": {\"" + key + "\": ";
  append_json_string(out_, text);
  out_ += "}}";
}

void JsonTraceWriter::metadata_event(const char* name, int64_t pid, int64_t tid, int64_t sort_index) {
  begin_event("M");
  out_ += std::string(", \"name\": \"") + name + "\", \"pid\": " + std::to_string(pid) +
          ", \"tid\": " + std::to_string(tid) +
          ", \"ts\": 0.000, \"args\": {\"sort_index\": " + std::to_string(sort_index) + "}}";
}

void JsonTraceWriter::metadata_events() {
  for (size_t i = 0; i < pids_.size(); ++i) {
    const TraceProcess& process = trace_.processes()[i];
    metadata_event("process_name", pids_[i], 0, "name", trace_.text(process.name));
    if (!trace_.text(process.label).empty())
      metadata_event("process_labels", pids_[i], 0, "labels", trace_.text(process.label));
    metadata_event("process_sort_index", pids_[i], 0, process.sort_index);
  }
  for (size_t i = 0; i < tids_.size(); ++i) {
    const TraceLane& lane = trace_.lanes()[i];
    metadata_event("thread_name", pids_[lane.process.index], tids_[i], "name", trace_.text(lane.name));
    metadata_event("thread_sort_index", pids_[lane.process.index], tids_[i], lane.sort_index);
  }
}

void JsonTraceWriter::slice(SliceId id) {
  begin_event("X");
  if (!trace_.text(trace_.category(id)).empty()) text_field("cat", trace_.category(id), "");
  text_field("name", trace_.name(id), "(unnamed)");
  thread(trace_.lane_of(id));
  time_field("ts", trace_.start(id) - origin_);
  time_field("dur", trace_.duration(id));
  args(trace_.args(id));
  out_ += '}';
}

/// In order of time, parents first: files diff and compress well, and simple readers need no sorting.
Status JsonTraceWriter::slices(LaneId lane) {
  const TraceLane& l = trace_.lane(lane);
  std::vector<uint32_t> order(l.end_slice - l.first_slice);
  std::iota(order.begin(), order.end(), l.first_slice);
  const std::span<const int64_t> starts = trace_.starts();
  if (l.rows > 1)  // rows stand one after the other, so that a stable sort leaves parents before children
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return starts[a] < starts[b]; });
  for (const uint32_t index : order) {
    slice(SliceId(size_t{index}));
    LATHE_TRY(flush(false));
  }
  return {};
}

void JsonTraceWriter::flow(const FlowPoint& point, uint64_t id) {
  begin_event(point.kind == FlowKind::start ? "s" : point.kind == FlowKind::step ? "t" : "f");
  out_ += ", \"id\": " + std::to_string(id);
  thread(point.lane);
  time_field("ts", point.time - origin_);
  text_field("cat", point.category, "flow");
  text_field("name", point.name, "flow");
  if (point.kind == FlowKind::end) out_ += ", \"bp\": \"e\"";
  out_ += '}';
}

Status JsonTraceWriter::instants() {
  for (const Instant& instant : trace_.instants()) {
    begin_event("i");
    out_ += std::string(", \"s\": \"") + instant.scope + '"';
    if (!trace_.text(instant.category).empty()) text_field("cat", instant.category, "");
    text_field("name", instant.name, "(unnamed)");
    thread(instant.lane);
    time_field("ts", instant.time - origin_);
    args(trace_.args(instant.args.valid() ? instant.args : ArgsId(size_t{0})));
    out_ += '}';
    LATHE_TRY(flush(false));
  }
  return {};
}

Status JsonTraceWriter::counters() {
  for (const CounterTrack& track : trace_.counters()) {
    for (size_t i = 0; i < track.times.size(); ++i) {
      begin_event("C");
      text_field("name", track.name, "counter");
      out_ += ", \"pid\": ";
      number(pids_[track.process.index]);
      out_ += ", \"tid\": 0";
      time_field("ts", track.times[i] - origin_);
      out_ += ", \"args\": {";
      append_json_string(out_, trace_.text(track.series));
      out_ += ": ";
      append_json_number(out_, track.values[i]);
      out_ += "}}";
      LATHE_TRY(flush(false));
    }
  }
  return {};
}

Status JsonTraceWriter::flush(bool all) {
  if (!all && out_.size() < flush_bytes) return {};
  LATHE_TRY(job_.check());
  LATHE_TRY(sink_(out_));
  out_.clear();
  return {};
}

}  // namespace

Status write_trace_text(const Trace& trace, const TextSink& sink, const JobContext& job) {
  return JsonTraceWriter(trace, sink, job).write();
}

std::string trace_to_json(const Trace& trace) {
  std::string text;
  const Status status = write_trace_text(trace, [&](std::string_view piece) {
    text += piece;
    return Status();
  });
  return status.ok() ? text : std::string();
}

Status write_trace(const Trace& trace, const std::filesystem::path& path, const JobContext& job) {
  OutputText file(path);
  LATHE_TRY(file.open());
  LATHE_TRY(write_trace_text(
      trace, [&](std::string_view piece) { return file.write(piece); }, job));
  return file.commit();
}

}  // namespace lathe
