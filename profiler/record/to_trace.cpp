// SPDX-License-Identifier: Apache-2.0
#include "profiler/record/to_trace.h"

#include <algorithm>
#include <limits>

#include "profiler/record/module_slices.h"
#include "profiler/trace/json_scanner.h"
#include "profiler/trace/trace_builder.h"

namespace lathe {
namespace {

using Kind = StepInfo::Kind;

bool is_op(Kind kind) {
  return kind == Kind::engine_step || kind == Kind::eager_node || kind == Kind::reorder;
}

std::string or_else(const std::string& text, const char* fallback) {
  return text.empty() ? fallback : text;
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + json_string(text);
  return out + "]";
}

std::string json_dims(const std::vector<Shape>& shapes) {
  std::string out = "[";
  for (const Shape& shape : shapes) {
    out += out.size() > 1 ? ",[" : "[";
    for (size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? "," : "") + std::to_string(shape[i]);
    out += "]";
  }
  return out + "]";
}

class RecordingConverter {
 public:
  RecordingConverter(const Recording& recording, const ModuleTree& modules, const RecordingInfo& info)
      : recording_(recording), modules_(modules), info_(info) {}

  Result<Trace> convert(const JobContext& job) {
    origin_ = first_time();
    describe();
    add_lanes();
    for (const StepInfo& step : recording_.steps) described_.push_back(describe(step));
    for (const Recording::Run& run : recording_.runs) add(run);
    // Backwards: of slices with the same times the enclosing one, which is recorded later, has to be added
    // first.
    for (size_t i = recording_.events.size(); i-- > 0;) add(recording_.events[i]);
    add_modules();
    for (const Recording::MemorySample& sample : recording_.memory)
      builder_.add_counter(process_, builder_.string("memory"), builder_.string("bytes"), sample.at - origin_,
                           static_cast<double>(sample.bytes));
    return builder_.build(job);
  }

 private:
  /// What all slices of one step share.
  struct Described {
    StringId name, category;
    LaneId lane;
    ArgsId args;
  };

  int64_t first_time() const;
  void describe();
  void add_lanes();
  Described describe(const StepInfo& step);
  ArgsId op_args(const StepInfo& step);
  ArgsId module_args(ModuleId module, bool with_class);
  void add(const Recording::Event& event);
  void add(const Recording::Run& run);
  void add_modules();
  const Module& module(ModuleId id) const {
    return modules_[id.index < modules_.modules().size() ? id : ModuleTree::root()];
  }
  Arg text_arg(const char* key, const std::string& text) {
    return Arg::string(builder_.string(key), builder_.string(text));
  }
  Arg json_arg(const char* key, const std::string& json) {
    return Arg::json(builder_.string(key), builder_.string(json));
  }

  const Recording& recording_;
  const ModuleTree& modules_;
  const RecordingInfo& info_;
  TraceBuilder builder_;
  int64_t origin_ = 0;
  ProcessId process_;
  LaneId module_lane_, operator_lane_, runtime_lane_;
  std::vector<Described> described_;
};

int64_t RecordingConverter::first_time() const {
  int64_t first = std::numeric_limits<int64_t>::max();
  for (const Recording::Event& event : recording_.events) first = std::min(first, event.begin);
  for (const Recording::Run& run : recording_.runs) first = std::min(first, run.begin);
  for (const Recording::MemorySample& sample : recording_.memory) first = std::min(first, sample.at);
  return first == std::numeric_limits<int64_t>::max() ? 0 : first;
}

void RecordingConverter::describe() {
  TraceInfo& info = builder_.info;
  info.base_time_ns = recording_.clock_offset_ns + origin_;
  info.trace_name = info_.trace_name.empty() ? info_.model : info_.trace_name;
  info.device_properties = "[{\"id\":0,\"name\":" + json_string(info_.cpu) + "}]";
  const auto text = [&](const char* key, const std::string& value) {
    info.metadata.emplace_back(key, json_string(value));
  };
  text("lathe_version", info_.lathe_version);
  text("model", info_.model);
  text("backend", info_.backend);
  info.metadata.emplace_back("threads", std::to_string(info_.threads));
  text("cpu", info_.cpu);
  const std::optional<std::string> json = normalized_json(info_.configuration);
  info.metadata.emplace_back("configuration", json ? *json : json_string(info_.configuration));
  info.metadata.emplace_back("runs", std::to_string(recording_.runs.size()));
  for (const auto& [key, value] : info_.more) text(key.c_str(), value);
}

void RecordingConverter::add_lanes() {
  TraceProcess process;
  process.name = builder_.string(info_.model.empty() ? "lathe" : "lathe: " + info_.model);
  process.label = builder_.string("CPU");
  process.pid = 1;
  process_ = builder_.add_process(process);
  const auto lane = [&](const char* name, int64_t tid) {
    TraceLane lane;
    lane.process = process_;
    lane.name = builder_.string(name);
    lane.tid = lane.sort_index = tid;
    return builder_.add_lane(lane);
  };
  module_lane_ = lane("modules", 1);
  operator_lane_ = lane("operators", 2);
  runtime_lane_ = lane("runtime", 3);
}

ArgsId RecordingConverter::op_args(const StepInfo& step) {
  const std::string node = or_else(step.node, or_else(step.name, "(unnamed)").c_str());
  std::vector<std::string> types;
  for (const ElementType type : step.input_types) types.emplace_back(to_string(type));
  const std::vector<Arg> args = {
      text_arg("op_type", or_else(step.op_type, step.kind == Kind::reorder ? "Reorder" : "Unknown")),
      text_arg("node", node),
      json_arg("nodes", json_list(step.nodes.empty() ? std::vector<std::string>{node} : step.nodes)),
      text_arg("module", module(step.module).path),
      text_arg("kernel", or_else(step.kernel, "reference")),
      text_arg("precision", or_else(step.precision, "f32")),
      json_arg("Input Dims", json_dims(step.input_dims)),
      json_arg("Input type", json_list(types)),
      Arg::integer(builder_.string("flops"), std::max<int64_t>(step.flops, 0)),
      Arg::integer(builder_.string("bytes"), std::max<int64_t>(step.bytes, 0)),
      // True inside an engine, so that a trace tells engine steps from eager operators without looking at the
      // engines.
      Arg::boolean(builder_.string("in_engine"), step.kind != Kind::eager_node),
  };
  return builder_.args(args);
}

ArgsId RecordingConverter::module_args(ModuleId id, bool with_class) {
  std::vector<Arg> args = {text_arg("module", module(id).path)};
  if (with_class) args.push_back(text_arg("class", module(id).class_name));
  return builder_.args(args);
}

RecordingConverter::Described RecordingConverter::describe(const StepInfo& step) {
  switch (step.kind) {
    case Kind::engine:
      return {builder_.string(or_else(step.name, "engine")), builder_.string(trace_category::engine),
              operator_lane_, module_args(step.module, false)};
    case Kind::boundary_copy: {
      const std::vector<Arg> args = {
          text_arg("module", module(step.module).path),
          text_arg("tensor", or_else(step.node, step.name.c_str())),
          Arg::integer(builder_.string("bytes"), std::max<int64_t>(step.bytes, 0))};
      return {builder_.string(boundary_copy_name), builder_.string(trace_category::runtime), runtime_lane_,
              builder_.args(args)};
    }
    case Kind::runtime:
      return {builder_.string(or_else(step.name, "runtime")), builder_.string(trace_category::runtime),
              runtime_lane_, module_args(step.module, false)};
    default:
      return {builder_.string(or_else(step.name, or_else(step.op_type, "(unnamed)").c_str())),
              builder_.string(trace_category::op), operator_lane_, op_args(step)};
  }
}

void RecordingConverter::add(const Recording::Event& event) {
  const Described& step = described_[event.step];
  builder_.add_slice(step.lane, event.begin - origin_, event.end - event.begin, step.name, step.category,
                     step.args);
}

void RecordingConverter::add(const Recording::Run& run) {
  const std::vector<Arg> args = {Arg::integer(builder_.string("index"), run.index)};
  builder_.add_slice(runtime_lane_, run.begin - origin_, run.end - run.begin,
                     builder_.string("run " + std::to_string(run.index)),
                     builder_.string(trace_category::run), builder_.args(args));
}

/// Run by run, so that no module seems at work between two runs.
void RecordingConverter::add_modules() {
  std::vector<ModuleWork> work;
  for (const Recording::Event& event : recording_.events) {
    const StepInfo& step = recording_.steps[event.step];
    const int64_t begin = event.begin - origin_, end = std::max(event.begin, event.end) - origin_;
    if (is_op(step.kind) || step.kind == Kind::boundary_copy) {
      work.push_back({step.module, begin, end, false});
    } else if (step.kind == Kind::engine) {
      work.push_back({step.module, begin, begin, false});
      work.push_back({step.module, end, end, true});
    }
  }
  const auto key = [](const ModuleWork& w) { return std::pair(w.begin, w.end); };
  std::stable_sort(work.begin(), work.end(),
                   [&](const ModuleWork& a, const ModuleWork& b) { return key(a) < key(b); });
  size_t run = 0, first = 0;
  const auto run_at = [&](int64_t time) {
    while (run < recording_.runs.size() && time >= recording_.runs[run].end - origin_) ++run;
    return run;
  };
  while (first < work.size()) {
    const size_t current = run_at(work[first].begin);
    size_t last = first + 1;
    while (last < work.size() && run_at(work[last].begin) == current) ++last;
    const std::vector<ModuleWork> part(work.begin() + static_cast<std::ptrdiff_t>(first),
                                       work.begin() + static_cast<std::ptrdiff_t>(last));
    for (const ModuleSlice& slice : module_slices(modules_, part)) {
      const Module& m = module(slice.module);
      const std::string name = !m.name.empty() ? m.name : m.class_name;
      builder_.add_slice(module_lane_, slice.begin, slice.end - slice.begin,
                         builder_.string(or_else(name, "model")), builder_.string(trace_category::module),
                         module_args(slice.module, true));
    }
    first = last;
  }
}

}  // namespace

Result<Trace> to_trace(const Recording& recording, const ModuleTree& modules, const RecordingInfo& info,
                       const JobContext& job) {
  return RecordingConverter(recording, modules, info).convert(job);
}

}  // namespace lathe
