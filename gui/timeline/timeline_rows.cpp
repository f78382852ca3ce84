// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/timeline_rows.h"

#include <QCoreApplication>
#include <algorithm>

#include "gui/widgets/format.h"

namespace lathe {
namespace {

constexpr int bandHeight = 28, processHeight = 20, counterHeight = 44, laneMinimum = 24;

QString tr(const char* text) {
  return QCoreApplication::translate("TimelineRows", text);
}

QString toQString(std::string_view text) {
  return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

QString laneLabel(const Trace& trace, const TraceLane& lane) {
  if (lane.spilled_from.valid()) return tr("overlapping");
  if (const std::string_view name = trace.text(lane.name); !name.empty()) return toQString(name);
  if (const std::string_view tid = trace.text(lane.tid_text); !tid.empty()) return toQString(tid);
  return tr("thread %1").arg(lane.tid);
}

QString processLabel(const Trace& trace, const TraceProcess& process) {
  QString label = toQString(trace.text(process.name));
  if (label.isEmpty()) label = process.pid >= 0 ? tr("process %1").arg(process.pid) : tr("process");
  const QString device = toQString(trace.text(process.label));
  return device.isEmpty() ? label : label + QStringLiteral(" · ") + device;
}

QString bandNote(const TraceEntry& entry) {
  const Trace& trace = *entry.trace;
  if (entry.latency.count > 0) return tr("median latency %1").arg(formatDuration(entry.latency.p50));
  return tr("%1 recorded").arg(formatDuration(static_cast<double>(trace.end_time() - trace.begin_time())));
}

}  // namespace

void TimelineRows::add(TimelineRow row, int height) {
  row.y = m_height;
  row.height = height;
  m_height += height;
  m_rows.push_back(std::move(row));
}

void TimelineRows::addLane(int index, const Trace& trace, LaneId id) {
  const TraceLane& lane = trace.lane(id);
  if (lane.rows == 0) return;
  TimelineRow row;
  row.kind = TimelineRow::Kind::Lane;
  row.trace = index;
  row.lane = id;
  row.collapsed = m_collapsed.contains({index, id.index});
  row.depths = row.collapsed ? 1 : lane.rows;
  row.label = laneLabel(trace, lane);
  row.note = tr("%L1 slices").arg(lane.end_slice - lane.first_slice);
  const int height = static_cast<int>(row.depths) * sliceHeight + 2 * lanePadding;
  add(std::move(row), std::max(laneMinimum, height));
}

void TimelineRows::addCounters(int index, const Trace& trace, ProcessId process) {
  for (size_t i = 0; i < trace.counters().size(); ++i) {
    const CounterTrack& track = trace.counters()[i];
    if (track.process != process || track.times.empty()) continue;
    TimelineRow row;
    row.kind = TimelineRow::Kind::Counter;
    row.trace = index;
    row.counter = i;
    const auto [low, high] = std::minmax_element(track.values.begin(), track.values.end());
    row.low = std::min(*low, 0.0);
    row.high = std::max(*high, 0.0);
    row.label = toQString(trace.text(track.name));
    row.note = toQString(trace.text(track.series));
    add(std::move(row), counterHeight);
  }
}

void TimelineRows::addTrace(int index, const TraceEntry& entry) {
  const Trace& trace = *entry.trace;
  TimelineRow band;
  band.trace = index;
  band.label = entry.label;
  band.note = bandNote(entry);
  band.collapsed = m_collapsed.contains({index, LaneId::none});
  const bool closed = band.collapsed;
  add(std::move(band), bandHeight);
  if (closed) return;

  const std::vector<LaneId> lanes = trace.lanes_in_order();
  std::vector<ProcessId> processes;  // in the order of their lanes, then those with counters only
  for (const LaneId lane : lanes)
    if (trace.lane(lane).rows > 0 && (processes.empty() || processes.back() != trace.lane(lane).process))
      processes.push_back(trace.lane(lane).process);
  for (const CounterTrack& track : trace.counters())
    if (std::find(processes.begin(), processes.end(), track.process) == processes.end())
      processes.push_back(track.process);

  for (const ProcessId process : processes) {
    if (processes.size() > 1) {
      TimelineRow header;
      header.kind = TimelineRow::Kind::Process;
      header.trace = index;
      header.label = processLabel(trace, trace.process(process));
      add(std::move(header), processHeight);
    }
    for (const LaneId lane : lanes)
      if (trace.lane(lane).process == process) addLane(index, trace, lane);
    addCounters(index, trace, process);
  }
}

void TimelineRows::rebuild(const std::vector<TraceEntry>& traces, int only) {
  m_rows.clear();
  m_height = 0;
  m_only = only;
  for (size_t i = 0; i < traces.size(); ++i)
    if (only < 0 || static_cast<size_t>(only) == i) addTrace(static_cast<int>(i), traces[i]);
}

void TimelineRows::toggle(const TimelineRow& row, const std::vector<TraceEntry>& traces) {
  if (row.kind != TimelineRow::Kind::Lane && row.kind != TimelineRow::Kind::Band) return;
  const Key key{row.trace, row.kind == TimelineRow::Kind::Lane ? row.lane.index : LaneId::none};
  if (m_collapsed.erase(key) == 0) m_collapsed.insert(key);
  rebuild(traces, m_only);
}

void TimelineRows::expand(int trace, LaneId lane, const std::vector<TraceEntry>& traces) {
  const size_t opened = m_collapsed.erase({trace, lane.index}) + m_collapsed.erase({trace, LaneId::none});
  if (opened > 0) rebuild(traces, m_only);
}

const TimelineRow* TimelineRows::at(int y) const {
  if (y < 0 || y >= m_height) return nullptr;
  const auto after = std::upper_bound(m_rows.begin(), m_rows.end(), y,
                                      [](int value, const TimelineRow& row) { return value < row.y; });
  return &*std::prev(after);
}

const TimelineRow* TimelineRows::lane(int trace, LaneId lane) const {
  for (const TimelineRow& row : m_rows)
    if (row.kind == TimelineRow::Kind::Lane && row.trace == trace && row.lane == lane) return &row;
  return nullptr;
}

const TimelineRow* TimelineRows::band(int trace) const {
  for (const TimelineRow& row : m_rows)
    if (row.kind == TimelineRow::Kind::Band && row.trace == trace) return &row;
  return nullptr;
}

}  // namespace lathe
