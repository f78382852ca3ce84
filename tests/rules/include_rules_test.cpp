// SPDX-License-Identifier: Apache-2.0
// Who may include whom. The table is exact, not transitive.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "tests/rules/source_tree.h"

namespace lathe {
namespace {

using Folders = std::set<std::string>;

Folders engine(std::initializer_list<const char*> names) {
  Folders out;
  for (const char* name : names) out.insert(std::string("engine/") + name);
  return out;
}
Folders operator+(Folders folders, std::initializer_list<const char*> more) {
  folders.insert(more.begin(), more.end());
  return folders;
}

std::map<std::string, Folders> allowed_includes() {
  std::map<std::string, Folders> table;
  // Each of these may include those before it.
  Folders before;
  for (const char* name :
       {"base", "tensor", "graph", "ops", "kernels", "passes", "runtime", "precision", "convert"}) {
    table[std::string("engine/") + name] = before;
    before.insert(std::string("engine/") + name);
  }
  table["engine/precision"].insert("engine/data");
  table["engine/convert"].insert("engine/data");
  table["engine/data"] = engine({"base", "tensor"});
  table["engine/formats"] = engine({"base", "tensor", "graph", "ops"});
  table["profiler/trace"] = engine({"base"});
  table["profiler/record"] =
      engine({"base", "tensor", "graph", "runtime"}) + std::initializer_list<const char*>{"profiler/trace"};
  table["profiler/stats"] = engine({"base", "graph"}) + std::initializer_list<const char*>{"profiler/trace"};
  table["profiler/evaluate"] = engine({"base", "tensor", "data", "runtime"});
  table["profiler/compare"] = engine({"base", "tensor", "graph", "convert"}) +
                              std::initializer_list<const char*>{"profiler/trace", "profiler/stats"};
  table["profiler/report"] = engine({"base", "graph", "convert"}) +
                             std::initializer_list<const char*>{"profiler/trace", "profiler/stats",
                                                                "profiler/compare", "profiler/evaluate"};
  table["profiler/layout"] = engine({"base", "graph"}) + std::initializer_list<const char*>{"profiler/trace"};
  Folders all_but_layout;
  for (const auto& [folder, includes] : table)
    if (folder != "profiler/layout") all_but_layout.insert(folder);
  table["profiler/workflow"] = all_but_layout;
  const Folders shown =
      engine({"base", "tensor", "graph", "convert"}) +
      std::initializer_list<const char*>{"profiler/workflow", "profiler/stats", "profiler/compare"};
  table["profiler/cli"] = shown + std::initializer_list<const char*>{"profiler/report"};
  table["gui"] =
      shown + std::initializer_list<const char*>{"profiler/layout", "profiler/trace", "profiler/evaluate"};
  return table;
}

std::string at(const SourceFile& file, const Include& include) {
  return file.path + ":" + std::to_string(include.line) + " includes " + include.target;
}

TEST(IncludeRules, TreeIsThere) {
  // A wrong root would make every other rule hold.
  const auto& files = source_tree();
  EXPECT_GT(std::count_if(files.begin(), files.end(), [](const SourceFile& file) { return file.is_cpp(); }),
            30);
}

TEST(IncludeRules, EveryFolderHasARow) {
  const auto table = allowed_includes();
  for (const SourceFile& file : source_tree()) {
    const std::string folder = folder_of(file.path);
    if (file.is_cpp() && !folder.empty()) {
      EXPECT_TRUE(table.contains(folder)) << file.path;
    }
  }
}

TEST(IncludeRules, FoldersIncludeOnlyWhatTheTableAllows) {
  const auto table = allowed_includes();
  for (const SourceFile& file : source_tree()) {
    const std::string folder = folder_of(file.path);
    if (!file.is_cpp() || folder.empty()) continue;
    const auto row = table.find(folder);
    if (row == table.end()) continue;
    for (const Include& include : includes_of(file)) {
      const std::string target = folder_of(include.target);
      if (!target.empty() && target != folder) {
        EXPECT_TRUE(row->second.contains(target)) << at(file, include);
      }
      EXPECT_FALSE(include.target.starts_with("tests/") || include.target.starts_with("bench/"))
          << at(file, include);
    }
  }
}

TEST(IncludeRules, OwnHeadersAreNamedFromTheRoot) {
  for (const SourceFile& file : source_tree()) {
    if (!file.is_cpp()) continue;
    for (const Include& include : includes_of(file)) {
      EXPECT_EQ(include.target.find("../"), std::string::npos) << at(file, include);
      const bool rooted = include.target.starts_with("engine/") || include.target.starts_with("profiler/") ||
                          include.target.starts_with("gui/") || include.target.starts_with("tests/") ||
                          include.target.starts_with("bench/");
      EXPECT_EQ(include.quoted, rooted) << at(file, include);
    }
  }
}

/// Headers that start so may be included only below the folders.
struct Containment {
  const char* what;
  std::vector<std::string> prefixes;
  std::vector<std::string> folders;
};

TEST(IncludeRules, LibrariesStayWhereTheyBelong) {
  const std::vector<Containment> rules = {
      {"Qt", {"Q", "qt"}, {"gui", "tests/gui", "bench/gui"}},
      {"oneDNN", {"dnnl", "oneapi/"}, {"engine/kernels/onednn"}},
      {"protobuf",
       {"google/protobuf", "onnx/", "engine/formats/onnx/lathe_onnx.pb.h"},
       {"engine/formats", "tests/formats"}},
  };
  for (const SourceFile& file : source_tree()) {
    if (!file.is_cpp()) continue;
    for (const Include& include : includes_of(file))
      for (const Containment& rule : rules) {
        const bool matches =
            std::any_of(rule.prefixes.begin(), rule.prefixes.end(),
                        [&](const std::string& prefix) { return include.target.starts_with(prefix); });
        const bool allowed = std::any_of(rule.folders.begin(), rule.folders.end(),
                                         [&](const std::string& folder) { return file.is_under(folder); });
        if (matches) {
          EXPECT_TRUE(allowed) << at(file, include) << ", but " << rule.what << " is kept out of there";
        }
      }
  }
}

TEST(IncludeRules, FoldersGivenToHeaders) {
  EXPECT_EQ(folder_of("engine/tensor/npz.h"), "engine/tensor");
  EXPECT_EQ(folder_of("gui/models/tree.h"), "gui");
  EXPECT_EQ(folder_of("vector"), "");
  const SourceFile file{"a.cpp", {"#include <a>", "  #  include \"b/c.h\"", "// #include <no>"}};
  const auto includes = includes_of(file);
  ASSERT_EQ(includes.size(), 2u);
  EXPECT_EQ(includes[1].target, "b/c.h");
  EXPECT_TRUE(includes[1].quoted);
}

}  // namespace
}  // namespace lathe
