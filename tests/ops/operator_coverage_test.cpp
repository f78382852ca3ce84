// SPDX-License-Identifier: Apache-2.0
// No operator added or changed after opset 17 and none of com.microsoft goes without a test of its own: cases
// under data (against ONNX Runtime), or a suite named after it (against a formula), "Ms" before those of
// com.microsoft.
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "engine/ops/operator.h"
#include "tests/ops/operator_case.h"

namespace lathe::test {
namespace {

constexpr int oldest_checked = 18;

std::string qualified(const Operator& op) {
  return (op.domain.empty() ? "" : std::string(op.domain) + ".") + std::string(op.name);
}

std::vector<const Operator*> operators_to_cover() {
  std::vector<const Operator*> list;
  for (const Operator& op : operators().all())
    if (op.domain == "com.microsoft" || (op.domain.empty() && op.versions.back() >= oldest_checked))
      list.push_back(&op);
  return list;
}

bool has_suite(const Operator& op) {
  const std::string name = (op.domain.empty() ? "" : "Ms") + std::string(op.name);
  const auto& unit = *testing::UnitTest::GetInstance();
  for (int i = 0; i < unit.total_test_suite_count(); ++i)
    if (unit.GetTestSuite(i)->name() == name) return true;
  return false;
}

struct Covered {
  int cases = 0, newest = 0;  ///< newest: highest operator set version among the cases
};

std::map<std::string, Covered> covered() {
  std::map<std::string, Covered> found;
  for (const CaseName& name : case_names()) {
    const auto loaded = load_case(name);
    EXPECT_TRUE(loaded.ok()) << name.as_test() << ": " << loaded.error().text();
    if (!loaded.ok()) continue;
    Covered& entry = found[name.op];
    ++entry.cases;
    int version = 0;
    for (const Node& node : loaded->model->graph.nodes())
      if (node.qualified_type() == name.op) version = node.version;
    EXPECT_GT(version, 0) << name.as_test() << " holds no such operator";
    entry.newest = std::max(entry.newest, version);
  }
  return found;
}

TEST(EveryOperator, NewOrContribIsTestedInItsNewestVersion) {
  const auto found = covered();
  ASSERT_FALSE(found.empty());
  for (const Operator* op : operators_to_cover()) {
    const auto entry = found.find(qualified(*op));
    if (entry == found.end()) {
      EXPECT_TRUE(has_suite(*op)) << qualified(*op) << " has neither cases nor a suite of tests";
      continue;
    }
    EXPECT_GE(entry->second.cases, 2) << qualified(*op);
    EXPECT_GE(entry->second.newest, op->versions.back()) << qualified(*op);
  }
}

TEST(EveryOperator, CasesAreListedOnceUnderNamesThatTestsCanHave) {
  std::set<std::string> seen;
  for (const CaseName& name : case_names()) {
    const std::string test = name.as_test();
    EXPECT_TRUE(seen.insert(test).second) << test;
    EXPECT_EQ(test.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),
              std::string::npos)
        << test;
  }
}

}  // namespace
}  // namespace lathe::test
