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
  std::vector<Timed> slices;
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i);
    if (view.role(id) == SliceRole::run) ++balance.runs;
    const int part = part_of(view, id);
    if (part >= 0) slices.push_back({trace.start(id), trace.end(id), part, part == runtime_part});
  }
  if (balance.runs == 0) balance.runs = 1;
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
