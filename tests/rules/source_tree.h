// SPDX-License-Identifier: Apache-2.0
// The files of this repository, for the tests that hold them to its rules.
#pragma once

#include <string>
#include <vector>

namespace lathe {

struct SourceFile {
  std::string path;  ///< relative to the root, with '/'
  std::vector<std::string> lines;
  bool is_cpp() const { return path.ends_with(".cpp") || path.ends_with(".h"); }
  bool is_under(const std::string& folder) const { return path.starts_with(folder + "/"); }
};

struct Include {
  std::string target;  ///< between the quotes or angle brackets
  bool quoted = false;
  size_t line = 0;  ///< from 1
};

/// Text files in the folders that are the project's own; binary files and build folders are left out.
const std::vector<SourceFile>& source_tree();
std::vector<Include> includes_of(const SourceFile& file);
/// "engine/tensor" for "engine/tensor/npz.h", "gui" for anything below gui/; empty outside engine, profiler
/// and gui.
std::string folder_of(const std::string& path);

}  // namespace lathe
