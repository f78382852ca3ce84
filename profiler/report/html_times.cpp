// SPDX-License-Identifier: Apache-2.0
// Latency, time balance and operators of report.html.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "profiler/report/html.h"

namespace lathe {
namespace {

constexpr double chart_width = 1040, chart_left = 80, chart_right = 1030, row_height = 64;

struct Side {
  const char* name;
  const MeasuredSide* measured;
  const char* colour;
};

std::vector<Side> sides(const ReportData& data) {
  std::vector<Side> list;
  if (data.before.latency.count > 0) list.push_back({"before", &data.before, "c1"});
  if (data.after.latency.count > 0) list.push_back({"after", &data.after, "c0"});
  return list;
}

/// 1, 2 or 5 times a power of ten, so that about `most` ticks span the range.
double tick_step(double range, int most) {
  const double rough = range / most, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

class LatencyChart {
 public:
  explicit LatencyChart(const std::vector<Side>& sides) : sides_(sides) {
    low_ = sides.front().measured->latency.min;
    high_ = sides.front().measured->latency.max;
    for (const Side& side : sides) {
      low_ = std::min(low_, side.measured->latency.min);
      high_ = std::max(high_, side.measured->latency.max);
    }
    const double margin = std::max(0.04 * (high_ - low_), 0.01 * high_);
    low_ = std::max(0.0, low_ - margin);
    high_ += margin;
  }

  std::string draw() const {
    if (!(high_ > low_)) return "";
    const double height = row_height * static_cast<double>(sides_.size()) + 24;
    std::string svg = fmt::format(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Histograms of the latency before and "
        "after\">\n",
        chart_width, height);
    for (size_t i = 0; i < sides_.size(); ++i) svg += row(sides_[i], static_cast<double>(i + 1) * row_height);
    const double step = tick_step(high_ - low_, 8);
    for (double tick = std::ceil(low_ / step) * step; x(tick) <= chart_right - 16; tick += step)
      svg +=
          fmt::format("<text class=\"soft\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g} ms</text>\n",
                      x(tick), height - 6, tick / 1e6);
    return svg + "</svg>\n";
  }

 private:
  double x(double ns) const { return chart_left + (ns - low_) / (high_ - low_) * (chart_right - chart_left); }

  std::string row(const Side& side, double base) const {
    const Distribution& latency = side.measured->latency;
    std::string svg = fmt::format(
        "<text x=\"0\" y=\"{}\">{}</text><line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>\n",
        base - 20, side.name, chart_left, chart_right, base, base);
    const Histogram& histogram = latency.histogram;
    const size_t most =
        histogram.counts.empty() ? 0 : *std::max_element(histogram.counts.begin(), histogram.counts.end());
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      if (histogram.counts[i] == 0) continue;
      const double begin = x(histogram.low + histogram.width * static_cast<double>(i));
      const double end = x(histogram.low + histogram.width * static_cast<double>(i + 1));
      const double size =
          (row_height - 18) * static_cast<double>(histogram.counts[i]) / static_cast<double>(most);
      svg += fmt::format(
          "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{}: "
          "{}</title></rect>\n",
          side.colour, begin, base - size, std::max(2.0, end - begin - 1), size,
          html_duration(histogram.low + histogram.width * (static_cast<double>(i) + 0.5)),
          counted(histogram.counts[i], "run"));
    }
    for (const auto& [name, at] : {std::pair("p50", latency.p50), {"p90", latency.p90}, {"p99", latency.p99}})
      svg += fmt::format(
          "<line class=\"mark{}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\"><title>{} "
          "{}</title></line>\n",
          name == std::string_view("p50") ? "" : " far", x(at), x(at), base - row_height + 12, base, name,
          html_duration(at));
    return svg;
  }

  const std::vector<Side>& sides_;
  double low_ = 0, high_ = 0;
};

/// Names of parts in order, "unexplained" last, with the time of each side.
struct PartRow {
  std::string name, colour;
  std::vector<double> ns;
};

std::vector<PartRow> part_rows(const std::vector<Side>& sides) {
  std::vector<PartRow> rows;
  for (const Side& side : sides)
    for (const TimeBalance::Part& part : side.measured->balance.parts) {
      const auto same = [&](const PartRow& row) { return row.name == part.name; };
      if (std::none_of(rows.begin(), rows.end(), same))
        rows.push_back({part.name, fmt::format("c{}", rows.size() % html_part_colours), {}});
    }
  for (PartRow& row : rows)
    for (const Side& side : sides) {
      const TimeBalance::Part* part = side.measured->balance.find(row.name);
      row.ns.push_back(part == nullptr ? 0 : part->ns);
    }
  PartRow rest{"unexplained", "rest", {}};
  for (const Side& side : sides) rest.ns.push_back(side.measured->balance.unexplained_ns());
  rows.push_back(std::move(rest));
  return rows;
}

const StatisticsEntry* entry_of(const Statistics& statistics, const std::string& name) {
  const auto found = std::find_if(statistics.operators.begin(), statistics.operators.end(),
                                  [&](const StatisticsEntry& entry) { return entry.name == name; });
  return found == statistics.operators.end() ? nullptr : &*found;
}

}  // namespace

std::string html_latency(const ReportData& data) {
  const std::vector<Side> list = sides(data);
  if (list.empty()) return "";
  std::string html =
      "<figure>" + LatencyChart(list).draw() +
      "<figcaption>All timed runs, recording off, warm-up apart. Solid line: the median; dashed: p90 "
      "and p99.</figcaption></figure>\n<div class=\"scroll\"><table><thead><tr><th></th>";
  for (const char* column : {"runs", "min", "p50", "p90", "p99", "max", "mean", "deviation"})
    html += fmt::format("<th class=\"n\">{}</th>", column);
  html += "</tr></thead><tbody>\n";
  for (const Side& side : list) {
    const Distribution& d = side.measured->latency;
    html += fmt::format("<tr><td><span class=\"key {}\"></span>{}</td><td class=\"n\">{}</td>", side.colour,
                        side.name, d.count);
    for (const double ns : {d.min, d.p50, d.p90, d.p99, d.max, d.mean, d.deviation})
      html += "<td class=\"n\">" + html_duration(ns) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string html_balance(const ReportData& data) {
  std::vector<Side> list = sides(data);
  std::erase_if(list, [](const Side& side) { return side.measured->balance.latency_ns <= 0; });
  if (list.empty()) return "";
  double longest = 0;
  for (const Side& side : list) longest = std::max(longest, side.measured->balance.latency_ns);
  const std::vector<PartRow> rows = part_rows(list);
  std::string html = "<div class=\"balance\">\n";
  for (size_t i = 0; i < list.size(); ++i) {
    html += fmt::format("<span>{}</span><div class=\"bar\">", list[i].name);
    for (const PartRow& row : rows)
      if (const double share = 100 * row.ns[i] / longest; share > 0)
        html += fmt::format("<i class=\"{}\" style=\"width:{:.3f}%\" title=\"{}: {}\"></i>", row.colour,
                            share, html_text(row.name), html_duration(row.ns[i]));
    html += "</div>\n";
  }
  html += "</div>\n<div class=\"scroll\"><table><thead><tr><th>part of one run</th>";
  for (const Side& side : list)
    html += fmt::format("<th class=\"n\">{}</th><th class=\"n\">share</th>", side.name);
  html += "</tr></thead><tbody>\n";
  for (const PartRow& row : rows) {
    html += fmt::format("<tr><td><span class=\"key {}\"></span>{}</td>", row.colour, html_text(row.name));
    for (size_t i = 0; i < list.size(); ++i)
      html += fmt::format("<td class=\"n\">{}</td><td class=\"n\">{:.1f} %</td>", html_duration(row.ns[i]),
                          100 * row.ns[i] / list[i].measured->balance.latency_ns);
    html += "</tr>\n";
  }
  html += "<tr><th>latency, median</th>";
  for (const Side& side : list)
    html += fmt::format("<th class=\"n\">{}</th><th class=\"n\"></th>",
                        html_duration(side.measured->balance.latency_ns));
  return html +
         "</tr>\n</tbody></table></div>\n<p class=\"soft\">Each part is the sum of its recorded slices; only "
         "what no slice accounts for is a remainder.</p>\n";
}

std::string html_operators(const ReportData& data) {
  constexpr size_t most = 20;
  const Statistics &before = data.before.statistics, &after = data.after.statistics;
  std::vector<std::string> names;
  for (const Statistics* side : {&before, &after})
    for (size_t i = 0; i < std::min(most, side->operators.size()); ++i)
      if (std::find(names.begin(), names.end(), side->operators[i].name) == names.end())
        names.push_back(side->operators[i].name);
  if (names.empty()) return "";
  std::string html =
      "<p class=\"soft\">Time of one run in the operators of each type, longest first. Engines fuse: what is "
      "in one "
      "row before may be part of another after.</p>\n<div "
      "class=\"scroll\"><table><thead><tr><th>operator</th><th "
      "class=\"n\">calls before</th><th class=\"n\">time before</th><th class=\"n\">share</th><th "
      "class=\"n\">calls "
      "after</th><th class=\"n\">time after</th><th class=\"n\">share</th></tr></thead><tbody>\n";
  for (const std::string& name : names) {
    html += "<tr><td>" + html_text(name) + "</td>";
    for (const Statistics* side : {&before, &after}) {
      const StatisticsEntry* entry = entry_of(*side, name);
      const int runs = std::max(1, side->runs);
      html += entry == nullptr
                  ? "<td class=\"n\"></td><td class=\"n\"></td><td class=\"n\"></td>"
                  : fmt::format("<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{:.1f} %</td>",
                                entry->calls / runs,
                                html_duration(static_cast<double>(entry->self_ns) / runs), entry->percent);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace lathe
