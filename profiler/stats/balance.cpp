// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/balance.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "profiler/stats/trace_view.h"

namespace lathe {
namespace {

struct Timed {
  int64_t begin, end;
  int part;  ///< index into TimeBalance::parts
  bool named_runtime;
};

constexpr int runtime_part = 3;

/// Which part a slice counts to, or -1.
int part_of(const TraceView& view, SliceId id) {
  switch (view.role(id)) {
    case SliceRole::op:
      return view.in_engine(id) ? 0 : 1;
    case SliceRole::boundary_copy:
      return 2;
    case SliceRole::runtime:
      return runtime_part;
    default:
      return -1;
  }
}

struct Span {
  int64_t begin, end;
  int64_t duration() const { return end - begin; }
};

/// Without the slowest and the fastest quarter, of three runs without the outer two; in order of time.
std::vector<Span> middling(std::vector<Span> runs) {
  const size_t cut = runs.size() >= 3 ? std::max<size_t>(1, runs.size() / 4) : 0;
  std::stable_sort(runs.begin(), runs.end(),
                   [](const Span& a, const Span& b) { return a.duration() < b.duration(); });
  runs = {runs.begin() + static_cast<std::ptrdiff_t>(cut), runs.end() - static_cast<std::ptrdiff_t>(cut)};
  std::sort(runs.begin(), runs.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  return runs;
}

/// Whether a slice lies in one of the runs; a trace without runs counts as a whole.
bool counted(const std::vector<Span>& runs, int64_t begin) {
  if (runs.empty()) return true;
  const auto after = std::upper_bound(runs.begin(), runs.end(), begin,
                                      [](int64_t time, const Span& run) { return time < run.begin; });
  return after != runs.begin() && begin < std::prev(after)->end;
}

}  // namespace

double TimeBalance::explained_ns() const {
  double sum = 0;
  for (const Part& part : parts) sum += part.ns;
  return sum;
}

const TimeBalance::Part* TimeBalance::find(const std::string& name) const {
  for (const Part& part : parts)
    if (part.name == name) return &part;
  return nullptr;
}

TimeBalance time_balance(const Trace& trace, double latency_ns) {
  TimeBalance balance;
  balance.latency_ns = latency_ns;
  balance.parts = {{balance_part::engine_steps},
                   {balance_part::eager_operators},
                   {balance_part::boundary_copies},
                   {balance_part::runtime}};
  const TraceView view(trace);
  std::vector<Span> runs;
  for (size_t i = 0; i < trace.slice_count(); ++i)
    if (view.role(SliceId(i)) == SliceRole::run)
      runs.push_back({trace.start(SliceId(i)), trace.end(SliceId(i))});
  runs = middling(std::move(runs));
  balance.runs = std::max(1, static_cast<int>(runs.size()));
  std::vector<Timed> slices;
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i);
    const int part = part_of(view, id);
    if (part >= 0 && counted(runs, trace.start(id)))
      slices.push_back({trace.start(id), trace.end(id), part, part == runtime_part});
  }
  // One thread did it all, so the slices nest in time whatever lane shows them: each counts without what lies
  // inside.
  std::stable_sort(slices.begin(), slices.end(), [](const Timed& a, const Timed& b) {
    return std::tuple(a.begin, -a.end, !a.named_runtime) < std::tuple(b.begin, -b.end, !b.named_runtime);
  });
  std::array<int64_t, 4> sums{};
  std::vector<const Timed*> open;
  for (const Timed& slice : slices) {
    while (!open.empty() && open.back()->end <= slice.begin) open.pop_back();
    sums[static_cast<size_t>(slice.part)] += slice.end - slice.begin;
    if (!open.empty())
      sums[static_cast<size_t>(open.back()->part)] -= std::min(slice.end, open.back()->end) - slice.begin;
    ++balance.parts[static_cast<size_t>(slice.part)].slices;
    open.push_back(&slice);
  }
  for (size_t i = 0; i < sums.size(); ++i) balance.parts[i].ns = static_cast<double>(sums[i]) / balance.runs;
  return balance;
}

}  // namespace lathe
