// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/results.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;

namespace lathe::conformance {
namespace {

struct Row {
  Results eager, engine;
};

void add(Results& sum, const Results& more) {
  sum.tests += more.tests;
  sum.passed += more.passed;
  sum.expected += more.expected;
  sum.failed += more.failed;
  sum.ran += more.ran;
  sum.open_shapes += more.open_shapes;
  for (const auto& [cause, count] : more.refused) sum.refused[cause] += count;
}

std::string format_row(const std::string& name, const Row& row) {
  const int tests = std::max(row.eager.tests, row.engine.tests);
  if (tests == 0) return fmt::format("{:<18} not there: skipped\n", name);
  const auto number = [](const Results& results, int value) {
    return results.tests == 0 ? std::string("-") : std::to_string(value);
  };
  const int known = row.engine.tests - row.engine.open_shapes;
  const std::string share =
      known > 0 ? fmt::format("{} of {} ({:.1f} %)", row.engine.ran, known, 100.0 * row.engine.ran / known)
                : "-";
  return fmt::format("{:<18} {:>5}  {:>6} {:>8} {:>6}  {:>6} {:>7} {:>8} {:>6}  {:>20}\n", name, tests,
                     number(row.eager, row.eager.passed), number(row.eager, row.eager.expected),
                     number(row.eager, row.eager.failed), number(row.engine, row.engine.passed),
                     number(row.engine, row.engine.refusals()), number(row.engine, row.engine.expected),
                     number(row.engine, row.engine.failed), share);
}

}  // namespace

int Results::refusals() const {
  int sum = 0;
  for (const auto& [cause, count] : refused) sum += count;
  return sum;
}

void write_results(const fs::path& folder, const Results& results) {
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  const fs::path file = folder / (results.folder + "." + results.mode + ".txt");
  std::ofstream out(file);
  out << results.folder << ' ' << results.mode << ' ' << results.tests << ' ' << results.passed << ' '
      << results.expected << ' ' << results.failed << ' ' << results.ran << ' ' << results.open_shapes
      << '\n';
  for (const auto& [cause, count] : results.refused) out << count << ' ' << cause << '\n';
  if (!out.flush()) std::fprintf(stderr, "%s: cannot be written\n", file.c_str());
}

std::vector<Results> read_results(const fs::path& folder) {
  std::vector<Results> all;
  if (!fs::is_directory(folder)) return all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream in(entry.path());
    Results results;
    if (!(in >> results.folder >> results.mode >> results.tests >> results.passed >> results.expected >>
          results.failed >> results.ran >> results.open_shapes))
      continue;
    int count = 0;
    for (std::string cause; in >> count && std::getline(in >> std::ws, cause);)
      results.refused[cause] = count;
    all.push_back(std::move(results));
  }
  return all;
}

std::string format_results(const std::vector<Results>& results) {
  std::map<std::string, Row> rows;
  Row sum;
  for (const Results& one : results) {
    const bool engine = one.mode == "engine";
    (engine ? rows[one.folder].engine : rows[one.folder].eager) = one;
    add(engine ? sum.engine : sum.eager, one);
  }
  std::string text = fmt::format("{:<25}  {:-^22}  {:-^30}\n", "", " eager ", " engine ");
  text += fmt::format("{:<18} {:>5}  {:>6} {:>8} {:>6}  {:>6} {:>7} {:>8} {:>6}  {:>20}\n", "folder", "tests",
                      "passed", "expected", "FAILED", "passed", "refused", "expected", "FAILED",
                      "static shapes: ran");
  for (const auto& [folder, row] : rows) text += format_row(folder, row);
  if (rows.size() > 1) text += format_row("all", sum);
  for (const auto& [cause, count] : sum.engine.refused)
    text += fmt::format("refused by the engine for {}: {}\n", cause, count);
  return text;
}

}  // namespace lathe::conformance
