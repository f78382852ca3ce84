// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/operators.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>

#include "engine/tensor/element_type.h"
#include "profiler/workflow/operator_coverage_text.h"

namespace lathe {
namespace {

constexpr const char* header =
    "# Measured by tests/conformance/operator_coverage, which writes this file and checks it: do not edit.\n"
    "# operator, tests of ONNX (packaged, shared), own tests, element types by input\n";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in{std::string(text)};
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

Result<std::vector<InputTypes>> parse_types(const std::string& text) {
  std::vector<InputTypes> groups;
  if (text == "?") return groups;
  for (const std::string& group : split(text, ';')) {
    const size_t equals = group.find('=');
    if (equals == std::string::npos) return bad_input("operator coverage", "no '=' in '" + group + "'");
    groups.push_back({group.substr(0, equals), split(group.substr(equals + 1), ',')});
    for (const std::string& type : groups.back().types)
      if (!parse_element_type(type)) return bad_input("operator coverage", "unknown type '" + type + "'");
  }
  return groups;
}

/// Entries by domain, sorted by name.
std::map<std::string, std::vector<const OperatorEntry*>> by_domain(
    const std::vector<OperatorEntry>& entries) {
  std::map<std::string, std::vector<const OperatorEntry*>> domains;
  for (const OperatorEntry& entry : entries) domains[split_operator_name(entry.name).first].push_back(&entry);
  for (auto& [domain, list] : domains)
    std::sort(list.begin(), list.end(), [](auto* a, auto* b) { return a->name < b->name; });
  return domains;
}

OperatorCoverage coverage_of(const OperatorCoverageTable& coverage, const std::string& name) {
  const auto found = coverage.find(name);
  return found == coverage.end() ? OperatorCoverage{} : found->second;
}

}  // namespace

Result<OperatorCoverageTable> parse_operator_coverage(std::string_view text) {
  OperatorCoverageTable table;
  int number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    std::istringstream in(line);
    std::string name, types;
    OperatorCoverage row;
    if (!(in >> name >> row.packaged >> row.shared >> row.own >> types))
      return bad_input("operator coverage", "line " + std::to_string(number) + " is not five columns");
    LATHE_ASSIGN(row.types, parse_types(types));
    table[name] = std::move(row);
  }
  return table;
}

std::string format_operator_coverage(const OperatorCoverageTable& table) {
  std::string text = header;
  for (const auto& [name, row] : table) {
    std::string types;
    for (const InputTypes& group : row.types)
      types += fmt::format("{}{}={}", types.empty() ? "" : ";", group.inputs, fmt::join(group.types, ","));
    text +=
        fmt::format("{} {} {} {} {}\n", name, row.packaged, row.shared, row.own, types.empty() ? "?" : types);
  }
  return text;
}

const OperatorCoverageTable& operator_coverage() {
  static const OperatorCoverageTable table = [] {
    auto parsed = parse_operator_coverage(operator_coverage_text);
    return parsed.ok() ? std::move(*parsed) : OperatorCoverageTable{};
  }();
  return table;
}

std::string short_types(const std::vector<std::string>& types) {
  struct Word {
    const char* word;
    std::vector<std::string> types;
  };
  static const std::vector<Word> words = {{"float", {"f16", "bf16", "f32", "f64"}},
                                          {"int", {"i8", "i16", "i32", "i64"}},
                                          {"uint", {"u8", "u16", "u32", "u64"}},
                                          {"complex", {"complex64", "complex128"}},
                                          {"float8", {"f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz"}},
                                          {"4bit", {"u4", "i4"}},
                                          {"2bit", {"u2", "i2"}}};
  std::vector<std::string> left = types, named;
  const auto has = [&](const std::string& type) {
    return std::find(left.begin(), left.end(), type) != left.end();
  };
  for (const Word& word : words) {
    if (!std::all_of(word.types.begin(), word.types.end(), has)) continue;
    named.emplace_back(word.word);
    std::erase_if(left, [&](const std::string& type) {
      return std::find(word.types.begin(), word.types.end(), type) != word.types.end();
    });
  }
  named.insert(named.end(), left.begin(), left.end());
  return fmt::format("{}", fmt::join(named, " "));
}

std::string short_types(const OperatorCoverage& coverage) {
  if (coverage.types.empty()) return "?";
  if (coverage.types.size() == 1) return short_types(coverage.types[0].types);
  std::string text;
  for (const InputTypes& group : coverage.types)
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", group.inputs, short_types(group.types));
  return text;
}

std::pair<std::string, std::string> split_operator_name(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {"ai.onnx", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

std::string operators_markdown(const std::vector<OperatorEntry>& entries,
                               const OperatorCoverageTable& coverage) {
  std::string text =
      "# Operators\n\n"
      "Made from the registry by `cmake --build --preset dev --target operators_page`; `lathe inspect\n"
      "--operators` prints the same. *Types* are those that the reference kernel was seen to take, by input\n"
      "where inputs differ: ONNX's own cases and `tests/conformance/operator_probes.txt` are run with every\n"
      "element type in turn (float = f16 bf16 f32 f64, int = i8 to i64, uint = u8 to u64; float8, 4bit and\n"
      "2bit all of their kind; ? where no such run can tell: control flow, maps, images). *Kernels* stand\n"
      "before the reference kernel (none: known, not run). *Tests* are ONNX's cases with the operator in\n"
      "them, and our own that name it.\n";
  for (const auto& [domain, list] : by_domain(entries)) {
    text += fmt::format(
        "\n## {} ({})\n\n| operator | since version | types | kernels | tests |\n|---|---|---|---|---|\n",
        domain, list.size());
    for (const OperatorEntry* entry : list) {
      const OperatorCoverage row = coverage_of(coverage, entry->name);
      text +=
          fmt::format("| {} | {} | {} | {} | {} |\n", split_operator_name(entry->name).second,
                      fmt::join(entry->versions, " "), short_types(row),
                      entry->runs ? fmt::format("{}", fmt::join(entry->kernels, " ")) : "none", row.tests());
    }
  }
  return text;
}

std::string domains_markdown(const std::vector<OperatorEntry>& entries,
                             const OperatorCoverageTable& coverage) {
  std::string text =
      "| operators | how many | with optimised kernels | ONNX's tests | our tests |\n|---|---|---|---|---|\n";
  for (const auto& [domain, list] : by_domain(entries)) {
    int optimised = 0, conformance = 0, own = 0;
    for (const OperatorEntry* entry : list) {
      const OperatorCoverage row = coverage_of(coverage, entry->name);
      optimised += entry->kernels.empty() ? 0 : 1;
      conformance += row.packaged + row.shared;
      own += row.own;
    }
    text += fmt::format("| {} | {} | {} | {} | {} |\n", domain, list.size(), optimised, conformance, own);
  }
  return text;
}

}  // namespace lathe
