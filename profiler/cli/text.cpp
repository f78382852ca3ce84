// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

#include "profiler/cli/command.h"

namespace lathe {
namespace {

bool looks_numeric(const std::string& cell) {
  return !cell.empty() &&
         (std::isdigit(static_cast<unsigned char>(cell[0])) != 0 || cell[0] == '-' || cell[0] == '<');
}

std::string scaled(double number, const char* const* units, size_t unit_count, double base) {
  size_t unit = 0;
  while (number >= base && unit + 1 < unit_count) {
    number /= base;
    ++unit;
  }
  const std::string digits =
      unit == 0 ? fmt::format("{:.0f}", number) : fmt::format("{:.{}f}", number, number < 10 ? 2 : 1);
  return *units[unit] == '\0' ? digits : digits + " " + units[unit];
}

}  // namespace

std::string format_table(const std::vector<std::vector<std::string>>& rows, const std::string& indent) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line = indent;
    for (size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      const std::string gap = i == 0 ? "" : "  ";
      if (looks_numeric(row[i]))
        line += gap + fmt::format("{:>{}}", row[i], widths[i]);
      else
        line += gap + (last ? row[i] : fmt::format("{:<{}}", row[i], widths[i]));
    }
    text += line + "\n";
  }
  return text;
}

std::string format_count(double count) {
  static const char* const units[] = {"", "k", "M", "G", "T"};
  return scaled(count, units, 5, 1000);
}

std::string format_bytes(double bytes) {
  static const char* const units[] = {"B", "KB", "MB", "GB"};
  return scaled(bytes, units, 4, 1024);
}

std::string format_ms(double ms) {
  return fmt::format("{:.2f} ms", ms);
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

}  // namespace lathe
