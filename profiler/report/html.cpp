// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/html.h"

#include <cmath>
#include <fmt/format.h>

namespace lathe {
namespace {

constexpr const char* replacement = "\xEF\xBF\xBD";

/// Bytes of the UTF-8 character at the front; 0 where there is none.
size_t character_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80                     ? 1
                        : first >= 0xC2 && first < 0xE0  ? 2
                        : first >= 0xE0 && first < 0xF0  ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates and what lies beyond Unicode.
  if (length == 3 && ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) >= 0xA0))) return 0;
  if (length == 4 && ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90))) return 0;
  return length;
}

const char* entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

}  // namespace

std::string html_short(std::string_view text, size_t characters) {
  std::string out;
  for (size_t count = 0; !text.empty(); ++count) {
    if (count + 1 == characters && character_length(text) < text.size()) return out + "\u2026";
    const size_t length = character_length(text);
    const bool control = length == 1 && (static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7F) &&
                         text[0] != '\n' && text[0] != '\t';
    if (length == 0 || control)
      out += replacement;
    else if (const char* escaped = entity(text[0]); length == 1 && escaped != nullptr)
      out += escaped;
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return out;
}

std::string html_text(std::string_view text) {
  return html_short(text, SIZE_MAX);
}

std::string html_path(std::string_view module_path) {
  return module_path.empty() ? "(model)" : html_text(module_path);
}

std::string counted(size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

const char* html_tone(const ModuleOutcome* outcome) {
  if (outcome == nullptr || outcome->status == ModuleStatus::ignored) return "keep";
  if (outcome->status != ModuleStatus::failed) return "good";
  return outcome->failure && outcome->failure->cause == FailureCause::excluded ? "keep" : "bad";
}

std::string html_duration(double ns) {
  if (!std::isfinite(ns)) return "\u2013";
  const double size = std::abs(ns);
  if (size >= 1e9) return fmt::format("{:.2f} s", ns / 1e9);
  if (size >= 1e8) return fmt::format("{:.1f} ms", ns / 1e6);
  if (size >= 1e6) return fmt::format("{:.2f} ms", ns / 1e6);
  return fmt::format("{:.1f} \u00B5s", ns / 1e3);
}

std::map<ModuleId, double> html_own_times(const ReportData& data) {
  std::map<ModuleId, double> times;
  for (const StatisticsEntry& entry : data.before.statistics.modules)
    if (const auto module = data.conversion->model->modules.find(entry.name))
      times[*module] = static_cast<double>(entry.self_ns) / 1e3;
  return times;
}

std::string html_section(const char* id, const char* title, const std::string& body) {
  if (body.empty()) return "";
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, title, body);
}

}  // namespace lathe
