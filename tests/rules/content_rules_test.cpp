// SPDX-License-Identifier: Apache-2.0
// What every file of the repository must and must not hold.
#include <algorithm>
#include <cctype>
#include <gtest/gtest.h>

#include "tests/rules/source_tree.h"

namespace lathe {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Folders of one particular machine. Put together here so that this file does not hold them itself.
std::vector<std::string> machine_paths() {
  std::vector<std::string> paths;
  for (const char* folder : {"work", "root", "opt"}) paths.push_back("/" + std::string(folder) + "/");
  return paths;
}

TEST(ContentRules, SourcesSayTheirLicense) {
  for (const SourceFile& file : source_tree())
    if (file.is_cpp() && !file.lines.empty()) {
      EXPECT_EQ(file.lines[0], "// SPDX-License-Identifier: Apache-2.0") << file.path;
    }
}

TEST(ContentRules, HeadersAreIncludedOnce) {
  for (const SourceFile& file : source_tree())
    // "-inl.h": vector code that is included once for every instruction set.
    if (file.path.ends_with(".h") && !file.path.ends_with("-inl.h")) {
      EXPECT_NE(std::find(file.lines.begin(), file.lines.end(), "#pragma once"), file.lines.end())
          << file.path;
    }
}

TEST(ContentRules, NoPathsOfOneMachine) {
  std::vector<std::string> forbidden = machine_paths();
  const std::string outside = "shared";
  forbidden.push_back("../" + outside);
  for (const SourceFile& file : source_tree())
    for (size_t i = 0; i < file.lines.size(); ++i)
      for (const std::string& path : forbidden) {
        const size_t found = file.lines[i].find(path);
        if (found == std::string::npos) continue;
        // Part of a longer path or address is something else.
        const bool starts =
            found == 0 || (!is_word(file.lines[i][found - 1]) && file.lines[i][found - 1] != '.');
        if (starts) ADD_FAILURE() << file.path << ":" << i + 1 << " names a path of one machine: " << path;
      }
}

TEST(ContentRules, NoConflictMarkersOrTabsInSources) {
  for (const SourceFile& file : source_tree()) {
    if (!file.is_cpp()) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_FALSE(file.lines[i].starts_with("<<<<<<<") || file.lines[i].starts_with(">>>>>>>"))
          << file.path << ":" << i + 1;
      EXPECT_EQ(file.lines[i].find('\t'), std::string::npos) << file.path << ":" << i + 1;
    }
  }
}

}  // namespace
}  // namespace lathe
