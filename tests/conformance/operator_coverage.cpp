// SPDX-License-Identifier: Apache-2.0
// operator_coverage SOURCE_DIR [--write]
//
// Measures what resources/operators/coverage.txt says of every operator (element types it takes, tests that
// hold it) and renders OPERATORS.md and the README's table from it. Without --write it compares and fails
// where they differ. Of test folders that are not there, or are of another release, what the file says
// stands.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <regex>
#include <sstream>

#include "engine/formats/onnx/onnx.h"
#include "profiler/workflow/operators.h"
#include "tests/conformance/operator_probe.h"
#include "tests/conformance/test_folders.h"

namespace fs = std::filesystem;
using namespace lathe;
using namespace lathe::conformance;

namespace {

constexpr const char* packaged_folders[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};
constexpr const char* table_begin = "<!-- operators -->\n";
constexpr const char* table_end = "<!-- /operators -->\n";

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Tests of one source: how many there are, and how many have each operator.
struct Source {
  size_t tests = 0;
  std::map<std::string, int> operators;
};

void collect(const Graph& graph, std::set<std::string>& names) {
  for (const Node& node : graph.nodes()) {
    names.insert(node.qualified_type());
    for (const auto& [name, value] : node.attributes.all())
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) collect(**body, names);
  }
}

void read_tests(const fs::path& folder, Source& source, TypeProber& prober) {
  for (const fs::path& test : tests_in(folder)) {
    ++source.tests;
    const auto model = import_onnx(test / "model.onnx");
    if (!model.ok()) continue;
    std::set<std::string> names;
    collect((*model)->graph, names);
    for (const std::string& name : names) ++source.operators[name];
    for (const Probe& probe : probe_of_test(**model, test)) prober.add(probe);
  }
}

/// The text before the first test of a file, then each test.
std::vector<std::string> blocks_of(const std::string& text) {
  std::vector<std::string> blocks(1);
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("TEST(") || line.starts_with("TEST_F(") || line.starts_with("TEST_P("))
      blocks.emplace_back();
    blocks.back() += line + "\n";
  }
  return blocks;
}

/// Cases of recorded values: one a line, "<operator> <case>".
void count_recorded_cases(const fs::path& file, std::map<std::string, int>& counts) {
  std::istringstream in(content(file));
  for (std::string name, rest; in >> name && std::getline(in, rest);) ++counts[name];
}

/// Own tests that name an operator in quotes, and recorded cases. A file that names it only in what its tests
/// share counts once. Where domains share a name, it is the domain that the test names too, else ai.onnx.
std::map<std::string, int> own_tests(const fs::path& tests, const std::vector<OperatorEntry>& entries) {
  std::map<std::string, std::vector<std::string>> domains;  // of a plain name
  for (const OperatorEntry& entry : entries) {
    const auto [domain, name] = split_operator_name(entry.name);
    domains[name].push_back(domain);
  }
  std::map<std::string, int> counts;
  static const std::regex quoted("\"([A-Za-z0-9.]+)\"");
  const auto named = [&](const std::string& block, const std::string& shared) {
    std::set<std::string> found;
    for (std::sregex_iterator match(block.begin(), block.end(), quoted), end; match != end; ++match) {
      const auto [given, name] = split_operator_name((*match)[1]);
      const auto known = domains.find(name);
      if (known == domains.end()) continue;
      std::string domain = known->second.front();
      for (const std::string& candidate : known->second)
        if (known->second.size() > 1 && (block + shared).find('"' + candidate) != std::string::npos)
          domain = candidate;
      if (given != "ai.onnx") domain = given;
      found.insert(domain == "ai.onnx" ? name : domain + "." + name);
    }
    return found;
  };
  for (const char* folder : {"ops", "kernels"})
    for (const auto& file : fs::directory_iterator(tests / folder)) {
      if (!file.path().string().ends_with("_test.cpp")) continue;
      const std::vector<std::string> blocks = blocks_of(content(file.path()));
      std::map<std::string, int> here;
      for (const std::string& name : named(blocks[0], "")) here[name] = 0;
      for (size_t i = 1; i < blocks.size(); ++i)
        for (const std::string& name : named(blocks[i], blocks[0])) ++here[name];
      for (const auto& [name, count] : here) counts[name] += std::max(count, 1);
    }
  count_recorded_cases(tests / "ops" / "data" / "cases.txt", counts);
  return counts;
}

/// The line that says how many tests there were.
std::string sources_line(size_t packaged, size_t shared) {
  return "# of " + std::to_string(packaged) + " packaged and " + std::to_string(shared) + " shared tests\n";
}

struct Recorded {
  OperatorCoverageTable table;
  size_t packaged = 0, shared = 0;
};

Recorded read_recorded(const fs::path& file) {
  Recorded recorded;
  const std::string text = content(file);
  auto table = parse_operator_coverage(text);
  if (table.ok()) recorded.table = std::move(*table);
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    std::sscanf(line.c_str(), "# of %zu packaged and %zu shared", &recorded.packaged, &recorded.shared);
  return recorded;
}

/// The README with the table between its marks replaced; as it was without marks.
std::string with_table(const std::string& readme, const std::string& table) {
  const size_t begin = readme.find(table_begin), end = readme.find(table_end);
  if (begin == std::string::npos || end == std::string::npos) return readme;
  return readme.substr(0, begin) + table_begin + table + readme.substr(end);
}

bool settle(const fs::path& file, const std::string& wanted, bool write) {
  if (content(file) == wanted) return true;
  if (write) {
    std::ofstream(file, std::ios::binary) << wanted;
    std::printf("wrote %s\n", file.c_str());
    return true;
  }
  std::printf("%s is not up to date; first line that differs:\n", file.c_str());
  std::istringstream is(content(file)), should(wanted);
  for (std::string a, b;;) {
    const bool more_a = static_cast<bool>(std::getline(is, a)),
               more_b = static_cast<bool>(std::getline(should, b));
    if (more_a && more_b && a == b) continue;
    std::printf("  is     %s\n  should %s\n", more_a ? a.c_str() : "(end)", more_b ? b.c_str() : "(end)");
    break;
  }
  std::printf("Build the target operators_page to write it.\n");
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const fs::path root = argv[1];
  const bool write = argc > 2 && std::string(argv[2]) == "--write";
  Source packaged, shared;
  TypeProber prober;
  for (const char* folder : packaged_folders)
    read_tests(fs::path("/usr/share/libonnx-testdata/data") / folder, packaged, prober);
  read_tests(resolve("@models/onnx-node-tests"), shared, prober);
  const auto probes = read_probes((root / "tests/conformance/operator_probes.txt").string());
  if (!probes.ok()) {
    std::printf("%s\n", probes.error().text().c_str());
    return 1;
  }
  bool good = true;
  for (const Probe& probe : *probes)
    if (!prober.add(probe)) {
      std::printf("operator_probes.txt: %s does not run as it stands\n", probe.node.qualified_type().c_str());
      good = false;
    }

  const std::vector<OperatorEntry> entries = list_operators();
  const fs::path file = root / "resources/operators/coverage.txt";
  const Recorded recorded = read_recorded(file);
  const bool same_packaged = packaged.tests == recorded.packaged,
             same_shared = shared.tests == recorded.shared;
  const bool take_packaged = same_packaged || (write && packaged.tests > 0),
             take_shared = same_shared || (write && shared.tests > 0);
  auto own = own_tests(root / "tests", entries);
  OperatorCoverageTable table;
  for (const OperatorEntry& entry : entries) {
    const auto old = recorded.table.find(entry.name);
    const bool known = old != recorded.table.end();
    OperatorCoverage& row = table[entry.name] = known ? old->second : OperatorCoverage{};
    if (take_packaged) row.packaged = packaged.operators[entry.name];
    if (take_shared) row.shared = shared.operators[entry.name];
    row.own = own[entry.name];
    if ((take_packaged && take_shared) || row.types.empty()) row.types = prober.types(entry.name);
  }
  const std::string text = sources_line(take_packaged ? packaged.tests : recorded.packaged,
                                        take_shared ? shared.tests : recorded.shared) +
                           format_operator_coverage(table);
  good = settle(file, text, write) && good;
  good = settle(root / "OPERATORS.md", operators_markdown(entries, table), write) && good;
  good = settle(root / "README.md", with_table(content(root / "README.md"), domains_markdown(entries, table)),
                write) &&
         good;
  for (const auto& [name, row] : table) {
    if (row.types.empty()) std::printf("no test or probe tells the types of %s\n", name.c_str());
    if (row.tests() == 0) std::printf("no test names %s\n", name.c_str());
  }
  return good ? 0 : 1;
}
