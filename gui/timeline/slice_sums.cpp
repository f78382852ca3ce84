// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/slice_sums.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace lathe {
namespace {

class Summing {
 public:
  explicit Summing(const Trace& trace) : m_trace(trace), m_names(trace.args_count()) {
    const StringId type = trace.find_text("op_type"), cls = trace.find_text("class");
    for (size_t i = 0; i < m_names.size(); ++i)
      for (const Arg& arg : trace.args(ArgsId(i)))
        if (arg.kind == ArgKind::string && (arg.key == type || arg.key == cls)) m_names[i] = arg.text();
  }

  void add(SliceId slice, int64_t time, SliceId parent) {
    SliceSum& sum = of(slice);
    ++sum.calls;
    sum.self_ns += time;
    if (!sum.longest.valid() || m_trace.duration(slice) > m_trace.duration(sum.longest)) sum.longest = slice;
    // A slice of no length may stand where its parent only touches the range, and is not summed.
    if (parent.valid() && time > 0) of(parent).self_ns -= time;
  }

  SliceSums take() {
    std::unordered_map<std::string, int64_t> whole;
    for (const SliceSum& sum : m_sums) whole[sum.category] += sum.self_ns;
    for (SliceSum& sum : m_sums)
      sum.share =
          static_cast<double>(sum.self_ns) / static_cast<double>(std::max<int64_t>(whole[sum.category], 1));
    std::stable_sort(m_sums.begin(), m_sums.end(), [](const SliceSum& a, const SliceSum& b) {
      return std::pair(rankOf(a.category), -a.self_ns) < std::pair(rankOf(b.category), -b.self_ns);
    });
    return std::move(m_sums);
  }

 private:
  /// Of Lathe's categories, and of Kineto's and ONNX Runtime's that mean the same.
  static int rankOf(std::string_view category) {
    if (category == "op" || category == "kernel" || category == "Node") return 0;
    if (category == "cpu_op") return 1;
    return category == "module" ? 2 : category == "engine" ? 3 : 4;
  }

  SliceSum& of(SliceId slice) {
    const StringId category = m_trace.category(slice);
    StringId name = m_names[m_trace.args_id(slice).index];
    if (!name.valid()) name = m_trace.name(slice);
    const uint64_t key = uint64_t{name.index} << 32 | category.index;
    const auto [found, added] = m_places.try_emplace(key, m_sums.size());
    if (added)
      m_sums.push_back({std::string(m_trace.text(category)), std::string(m_trace.text(name)), 0, 0, 0, {}});
    return m_sums[found->second];
  }

  const Trace& m_trace;
  std::vector<StringId> m_names;  ///< by ArgsId: operator type or class
  std::unordered_map<uint64_t, size_t> m_places;
  SliceSums m_sums;
};

template <class Take>
void eachRow(const Trace& trace, TraceRange range, Take&& take) {
  for (size_t lane = 0; lane < trace.lanes().size(); ++lane)
    for (uint32_t depth = 0; depth < trace.lane(LaneId(lane)).rows; ++depth)
      take(trace.row_between(LaneId(lane), depth, range.begin, range.end));
}

}  // namespace

SliceSums sumsOfRange(const Trace& trace, TraceRange range) {
  Summing summing(trace);
  eachRow(trace, range, [&](SliceRange row) {
    for (uint32_t i = row.first; i < row.end; ++i) {
      const SliceId slice{size_t{i}};
      const int64_t time = std::min(trace.end(slice), range.end) - std::max(trace.start(slice), range.begin);
      // What only touches the range is not within it.
      if (time > 0 || trace.duration(slice) == 0) summing.add(slice, time, trace.parent(slice));
    }
  });
  return summing.take();
}

SliceSums sumsOfSlices(const Trace& trace, const SliceMatches& slices) {
  Summing summing(trace);
  for (const uint32_t i : slices.slices) {
    const SliceId slice{size_t{i}}, parent = trace.parent(slice);
    summing.add(slice, trace.duration(slice), parent.valid() && slices.contains(parent) ? parent : SliceId());
  }
  return summing.take();
}

size_t slicesInRange(const Trace& trace, TraceRange range) {
  size_t count = 0;
  eachRow(trace, range, [&](SliceRange row) { count += row.size(); });
  return count;
}

}  // namespace lathe
