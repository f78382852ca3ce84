// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/flame_frames.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "profiler/layout/flame.h"

namespace lathe {
namespace {

/// Sorts the boxes of each parent and gives them their places.
void place(FlameFrames& flame) {
  std::vector<std::vector<size_t>> children(flame.boxes.size() + 1);  // the last: those without a parent
  for (size_t i = 0; i < flame.boxes.size(); ++i) {
    const FlameBox& box = flame.boxes[i];
    children[box.parent < 0 ? flame.boxes.size() : static_cast<size_t>(box.parent)].push_back(i);
    flame.depth = std::max(flame.depth, box.depth + 1);
    if (box.parent < 0) flame.total_ns += box.total_ns;
  }
  const auto whole = static_cast<double>(std::max<int64_t>(flame.total_ns, 1));
  const auto put = [&](std::vector<size_t>& boxes, double x) {
    std::stable_sort(boxes.begin(), boxes.end(),
                     [&](size_t a, size_t b) { return flame.boxes[a].total_ns > flame.boxes[b].total_ns; });
    for (const size_t i : boxes) {
      flame.boxes[i].x = x;
      flame.boxes[i].width = static_cast<double>(flame.boxes[i].total_ns) / whole;
      x += flame.boxes[i].width;
    }
  };
  put(children.back(), 0);
  for (size_t i = 0; i < flame.boxes.size(); ++i) put(children[i], flame.boxes[i].x);
}

/// Operators below their modules.
class ModuleFlame {
 public:
  ModuleFlame(const Trace& trace, TraceRange range)
      : m_trace(trace), m_range(range), m_op(trace.find_text("op")), m_root(add(-1, "model")) {
    m_flame.boxes.front().is_module = true;
  }

  Result<FlameFrames> make(const JobContext& job) {
    for (size_t i = 0; i < m_trace.slice_count(); ++i) {
      if (i % 65536 == 0) LATHE_TRY(job.check());
      const SliceId slice(i);
      if (m_trace.category(slice) == m_op) take(slice);
    }
    place(m_flame);
    return std::move(m_flame);
  }

 private:
  int add(int parent, std::string_view name) {
    FlameBox box;
    box.name = name;
    box.parent = parent;
    box.depth = parent < 0 ? 0 : m_flame.boxes[static_cast<size_t>(parent)].depth + 1;
    m_flame.boxes.push_back(std::move(box));
    return static_cast<int>(m_flame.boxes.size()) - 1;
  }

  int boxOf(std::string_view path) {
    if (path.empty()) return m_root;
    if (const auto found = m_modules.find(path); found != m_modules.end()) return found->second;
    const size_t dot = path.rfind('.');
    const int parent = dot == std::string_view::npos ? m_root : boxOf(path.substr(0, dot));
    const int box = add(parent, dot == std::string_view::npos ? path : path.substr(dot + 1));
    m_flame.boxes[static_cast<size_t>(box)].module = path;
    m_flame.boxes[static_cast<size_t>(box)].is_module = true;
    m_modules.emplace(std::string(path), box);
    return box;
  }

  void take(SliceId slice) {
    const int64_t time =
        std::min(m_trace.end(slice), m_range.end) - std::max(m_trace.start(slice), m_range.begin);
    if (time < 0) return;
    // Slices of one step share their arguments.
    const auto [known, added] = m_leaves.try_emplace(m_trace.args_id(slice).index, -1);
    if (added) {
      const int module = boxOf(m_trace.arg_text(slice, "module"));
      std::string_view type = m_trace.arg_text(slice, "op_type");
      if (type.empty()) type = m_trace.text(m_trace.name(slice));
      const auto [leaf, fresh] = m_operators.try_emplace({module, std::string(type)}, -1);
      if (fresh) leaf->second = add(module, type);
      known->second = leaf->second;
    }
    FlameBox& leaf = m_flame.boxes[static_cast<size_t>(known->second)];
    leaf.self_ns += time;
    if (!leaf.example.valid() || m_trace.duration(slice) > m_trace.duration(leaf.example))
      leaf.example = slice;
    for (int up = known->second; up >= 0; up = m_flame.boxes[static_cast<size_t>(up)].parent) {
      m_flame.boxes[static_cast<size_t>(up)].total_ns += time;
      ++m_flame.boxes[static_cast<size_t>(up)].count;
    }
  }

  const Trace& m_trace;
  TraceRange m_range;
  StringId m_op;
  FlameFrames m_flame;
  int m_root;
  std::map<std::string, int, std::less<>> m_modules;
  std::map<std::pair<int, std::string>, int> m_operators;
  std::unordered_map<uint32_t, int> m_leaves;  ///< by ArgsId
};

std::string laneName(const Trace& trace, const TraceLane& lane) {
  if (const std::string_view name = trace.text(lane.name); !name.empty()) return std::string(name);
  return "thread " + (lane.tid >= 0 ? std::to_string(lane.tid) : std::string(trace.text(lane.tid_text)));
}

Result<FlameFrames> laneFlame(const Trace& trace, TraceRange range, const JobContext& job) {
  FlameFrames frames;
  for (const LaneId id : trace.lanes_in_order()) {
    LATHE_ASSIGN(const Flame lane, flame(trace, {id}, range.begin, range.end, job));
    if (lane.frames.empty()) continue;
    const auto root = static_cast<int>(frames.boxes.size());
    FlameBox box;
    box.name = laneName(trace, trace.lane(id));
    box.total_ns = lane.total_ns;
    frames.boxes.push_back(box);
    for (const FlameFrame& frame : lane.frames) {
      FlameBox inner;
      inner.name = trace.text(frame.name);
      inner.depth = frame.depth + 1;
      inner.parent = frame.parent < 0 ? root : root + 1 + frame.parent;
      inner.total_ns = frame.total_ns;
      inner.self_ns = frame.self_ns;
      inner.count = frame.count;
      inner.example = frame.example;
      frames.boxes.push_back(std::move(inner));
      if (frame.parent < 0) frames.boxes[static_cast<size_t>(root)].count += frame.count;
    }
  }
  place(frames);
  return frames;
}

}  // namespace

Result<FlameFrames> flameFrames(const Trace& trace, TraceRange range, const JobContext& job) {
  if (trace.info().format == "lathe") return ModuleFlame(trace, range).make(job);
  return laneFlame(trace, range, job);
}

}  // namespace lathe
