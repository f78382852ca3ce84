// SPDX-License-Identifier: Apache-2.0
// Internal to report: building blocks of report.html and its sections, one function each.
#pragma once

#include <string>
#include <string_view>

#include "profiler/report/report_data.h"

namespace lathe {

/// Text as content or attribute value: what HTML gives a meaning is escaped; control characters and bytes
/// that are not UTF-8 become U+FFFD.
std::string html_text(std::string_view text);
/// The same, at most `characters` of it with an ellipsis for the rest.
std::string html_short(std::string_view text, size_t characters);
/// "a.b", or "(model)" for the root; escaped.
std::string html_path(std::string_view module_path);
/// "1 module", "2 modules".
std::string counted(size_t count, const char* noun);
/// "good", "bad" or "keep": the class of what became of a module. What the configuration keeps eager, and
/// what holds it, is no failure.
const char* html_tone(const ModuleOutcome* outcome);
/// "12.3 ms", "45.6 us", "1.23 s".
std::string html_duration(double ns);
/// Microseconds of the eager run's recorded runs in operators that a module owns itself, by module.
std::map<ModuleId, double> html_own_times(const ReportData& data);
/// A section with its heading; nothing when `body` is empty.
std::string html_section(const char* id, const char* title, const std::string& body);

/// The page's style sheet: light, dark and paper.
extern const char* const html_style;
/// Number of colours for parts of a whole: classes c0, c1 ... and "rest"; Okabe and Ito's palette.
inline constexpr size_t html_part_colours = 7;

// Bodies of the sections. Empty where there is nothing to say.
std::string html_verdict(const ReportData& data);
std::string html_cards(const ReportData& data);
std::string html_latency(const ReportData& data);
std::string html_balance(const ReportData& data);
std::string html_failures(const ReportData& data);
std::string html_next_steps(const ReportData& data);
std::string html_remedies(const ReportData& data);
std::string html_accuracy(const ReportData& data);
std::string html_precision(const ReportData& data);
std::string html_module_accuracy(const ReportData& data);
std::string html_module_graph(const ReportData& data);
std::string html_module_times(const ReportData& data);
std::string html_modules(const ReportData& data);
std::string html_operators(const ReportData& data);
std::string html_notes(const ReportData& data);
std::string html_machine(const ReportData& data);
std::string html_configuration(const ReportData& data);

}  // namespace lathe
