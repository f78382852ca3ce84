// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/statistics.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "profiler/stats/trace_view.h"

namespace lathe {
namespace {

/// Entries by name, in order of first appearance.
class Table {
 public:
  StatisticsEntry& operator[](std::string_view name) {
    const auto [found, added] = index_.try_emplace(name, entries_.size());
    if (added) entries_.emplace_back().name = std::string(name);
    return entries_[found->second];
  }
  std::vector<StatisticsEntry> take() { return std::move(entries_); }

 private:
  std::unordered_map<std::string_view, size_t> index_;  // views of the trace's texts
  std::vector<StatisticsEntry> entries_;
};

void sort_by_self(std::vector<StatisticsEntry>& entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const StatisticsEntry& a, const StatisticsEntry& b) {
    return a.self_ns != b.self_ns ? a.self_ns > b.self_ns : a.name < b.name;
  });
}

class Collector {
 public:
  explicit Collector(const Trace& trace) : trace_(trace), view_(trace) {}

  Statistics collect() {
    for (size_t i = 0; i < trace_.slice_count(); ++i) {
      const SliceId id(i);
      switch (view_.role(id)) {
        case SliceRole::op:
          add_op(id);
          break;
        case SliceRole::module:
          add_module(id);
          break;
        case SliceRole::run:
          ++runs_;
          break;
        default:
          break;
      }
    }
    return finish();
  }

 private:
  void add_to(StatisticsEntry& entry, SliceId id, int64_t self, bool outermost) {
    ++entry.calls;
    ++entry.op_calls;
    entry.self_ns += self;
    entry.op_total_ns += self;
    if (outermost) entry.total_ns += trace_.duration(id);
    entry.flops += view_.flops(id);
    entry.bytes += view_.bytes(id);
  }

  /// A module's or class's own operators: calls and total are those of its slices.
  void add_owned(StatisticsEntry& entry, SliceId id, int64_t self) {
    ++entry.op_calls;
    entry.self_ns += self;
    entry.op_total_ns += self;
    entry.flops += view_.flops(id);
    entry.bytes += view_.bytes(id);
  }

  void add_op(SliceId id) {
    const int64_t self = view_.self_time(id);
    op_ns_ += self;
    const auto type = [&](SliceId s) { return view_.op_type(s); };
    add_to(operators_[view_.op_type(id)], id, self, view_.outermost(id, type));
    if (const std::string_view node = view_.node(id); !node.empty()) {
      StatisticsEntry& entry = nodes_[node];
      entry.class_name = std::string(view_.op_type(id));
      add_to(entry, id, self, true);
    }
    if (const std::string_view kernel = view_.kernel(id); !kernel.empty())
      add_to(kernels_[kernel], id, self, true);
    if (trace_.info().format == "lathe") add_owned(modules_[view_.module_path(id)], id, self);
  }

  void add_module(SliceId id) {
    const std::string_view path = view_.module_path(id);
    StatisticsEntry& entry = modules_[path];
    entry.class_name = std::string(view_.module_class(id));
    ++entry.calls;
    const auto by_path = [&](SliceId s) { return view_.module_path(s); };
    if (view_.outermost(id, by_path)) entry.total_ns += trace_.duration(id);
    const auto by_class = [&](SliceId s) { return view_.module_class(s); };
    StatisticsEntry& of_class = classes_[view_.module_class(id)];
    ++of_class.calls;
    if (view_.outermost(id, by_class)) of_class.total_ns += trace_.duration(id);
  }

  Statistics finish() {
    Statistics result;
    result.runs = std::max(runs_, 1);
    result.op_ns = op_ns_;
    result.operators = operators_.take();
    result.nodes = nodes_.take();
    result.kernels = kernels_.take();
    result.modules = modules_.take();
    std::sort(result.modules.begin(), result.modules.end(),
              [](const StatisticsEntry& a, const StatisticsEntry& b) { return a.name < b.name; });
    add_descendants(result.modules);
    result.classes = classes_.take();
    add_classes(result);
    for (auto* table : {&result.operators, &result.nodes, &result.kernels, &result.classes}) {
      set_percent(*table);
      sort_by_self(*table);
    }
    set_percent(result.modules);
    return result;
  }

  /// Sums of dotted paths to all their ancestors.
  static void add_descendants(std::vector<StatisticsEntry>& modules) {
    std::map<std::string_view, StatisticsEntry*> by_path;
    for (StatisticsEntry& entry : modules) by_path[entry.name] = &entry;
    for (const StatisticsEntry& entry : modules) {
      for (std::string_view path = entry.name; !path.empty();) {
        const size_t dot = path.rfind('.');
        path = dot == path.npos ? std::string_view() : path.substr(0, dot);
        if (const auto above = by_path.find(path); above != by_path.end())
          above->second->op_total_ns += entry.self_ns;
      }
    }
  }

  static void add_classes(Statistics& result) {
    std::map<std::string_view, StatisticsEntry*> by_name;
    for (StatisticsEntry& entry : result.classes) by_name[entry.name] = &entry;
    for (const StatisticsEntry& module : result.modules) {
      const auto found = by_name.find(module.class_name);
      if (found == by_name.end()) continue;
      StatisticsEntry& entry = *found->second;
      entry.self_ns += module.self_ns, entry.op_total_ns += module.self_ns, entry.op_calls += module.op_calls;
      entry.flops += module.flops, entry.bytes += module.bytes;
    }
  }

  void set_percent(std::vector<StatisticsEntry>& table) const {
    for (StatisticsEntry& entry : table)
      entry.percent =
          op_ns_ > 0 ? 100.0 * static_cast<double>(entry.self_ns) / static_cast<double>(op_ns_) : 0;
  }

  const Trace& trace_;
  TraceView view_;
  Table operators_, classes_, modules_, nodes_, kernels_;
  int64_t op_ns_ = 0;
  int runs_ = 0;
};

}  // namespace

const StatisticsEntry* Statistics::module(std::string_view path) const {
  const auto found = std::lower_bound(
      modules.begin(), modules.end(), path,
      [](const StatisticsEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return found != modules.end() && found->name == path ? &*found : nullptr;
}

Statistics statistics(const Trace& trace) {
  return Collector(trace).collect();
}

std::vector<StatisticsEntry> range_statistics(const Trace& trace, TraceRange range,
                                              const std::vector<LaneId>& lanes) {
  std::vector<LaneId> all = lanes;
  if (all.empty())
    for (size_t i = 0; i < trace.lanes().size(); ++i) all.emplace_back(i);
  const auto within = [&](SliceId id) {
    return std::max<int64_t>(0, std::min(trace.end(id), range.end) - std::max(trace.start(id), range.begin));
  };
  Table table;
  int64_t sum = 0;
  for (const LaneId lane : all) {
    for (uint32_t depth = 0; depth < trace.lane(lane).rows; ++depth) {
      const SliceRange row = trace.row_between(lane, depth, range.begin, range.end);
      for (uint32_t i = row.first; i < row.end; ++i) {
        const SliceId id{size_t{i}};
        StatisticsEntry& entry = table[trace.text(trace.name(id))];
        const int64_t time = within(id);
        ++entry.calls;
        ++entry.op_calls;
        entry.self_ns += time;
        sum += depth == 0 ? time : 0;
        bool recursive = false;
        SliceId up = trace.parent(id);
        if (up.valid()) table[trace.text(trace.name(up))].self_ns -= time;
        for (; up.valid() && !recursive; up = trace.parent(up)) recursive = trace.name(up) == trace.name(id);
        if (!recursive) table[trace.text(trace.name(id))].total_ns += time;
      }
    }
  }
  std::vector<StatisticsEntry> entries = table.take();
  for (StatisticsEntry& entry : entries) {
    entry.op_total_ns = entry.self_ns;
    entry.percent = sum > 0 ? 100.0 * static_cast<double>(entry.self_ns) / static_cast<double>(sum) : 0;
  }
  sort_by_self(entries);
  return entries;
}

}  // namespace lathe
