// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/module_accuracy_report.h"

#include <algorithm>
#include <fmt/format.h>

namespace lathe {
namespace {

using nlohmann::ordered_json;

ordered_json place(const std::optional<size_t>& border) {
  return border ? ordered_json(*border) : ordered_json(nullptr);
}

}  // namespace

std::vector<size_t> borders_to_show(const ModuleAccuracy& accuracy, size_t most) {
  std::vector<size_t> places;
  for (size_t i = 0; i < accuracy.borders.size(); ++i)
    if (accuracy.borders[i].own || accuracy.first_wrong == i) places.push_back(i);
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    const bool first_a = accuracy.first_wrong == a, first_b = accuracy.first_wrong == b;
    return first_a != first_b ? first_a : accuracy.borders[a].lost_db() > accuracy.borders[b].lost_db();
  });
  places.resize(std::min(places.size(), most));
  std::sort(places.begin(), places.end());
  return places;
}

ordered_json module_accuracy_json(const ModuleAccuracy& accuracy) {
  if (accuracy.borders.empty()) return nullptr;
  ordered_json borders = ordered_json::array();
  for (const BorderAccuracy& each : accuracy.borders)
    borders.push_back({{"module", each.module},
                       {"tensor", each.tensor},
                       {"own", each.own},
                       {"snr_db", each.snr_db},
                       {"entering_db", each.entering_db},
                       {"cosine", each.cosine},
                       {"max_abs", each.max_abs},
                       {"other_shapes", each.other_shapes}});
  return {{"data", accuracy.data},
          {"samples", accuracy.samples},
          {"wrong_db", wrong_db},
          {"first_wrong", place(accuracy.first_wrong)},
          {"steepest", place(accuracy.steepest)},
          {"borders", borders}};
}

std::string module_accuracy_text(const ModuleAccuracy& accuracy) {
  constexpr size_t most = 8;
  if (accuracy.borders.empty()) return "";
  std::string text = fmt::format("\nAccuracy by module (fp32 and converted side by side, {} samples of {})\n",
                                 accuracy.samples, accuracy.data);
  for (const std::string& line : verdict(accuracy)) text += "  " + line + "\n";
  const std::vector<size_t> places = borders_to_show(accuracy, most);
  text += fmt::format("  {:>8} {:>9} {:>9} {:>11}  {}\n", "SNR dB", "before dB", "cosine", "max error",
                      "module, where most is lost");
  for (const size_t i : places) {
    const BorderAccuracy& each = accuracy.borders[i];
    text += fmt::format("  {:>8.1f} {:>9.1f} {:>9.6f} {:>11.4g}  {}", each.snr_db, each.entering_db,
                        each.cosine, each.max_abs, each.module.empty() ? "(model)" : each.module);
    if (each.other_shapes > 0) text += fmt::format(" (another shape in {} samples)", each.other_shapes);
    text += "\n";
  }
  if (places.size() < accuracy.borders.size())
    text += fmt::format("  all {} borders stand in report.html\n", accuracy.borders.size());
  return text;
}

}  // namespace lathe
