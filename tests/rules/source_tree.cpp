// SPDX-License-Identifier: Apache-2.0
#include "tests/rules/source_tree.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool is_text(const fs::path& path) {
  constexpr std::array<std::string_view, 15> endings = {".h",    ".cpp",   ".txt", ".cmake",   ".md",
                                                        ".json", ".proto", ".svg", ".html",    ".css",
                                                        ".js",   ".qrc",   ".ts",  ".desktop", ".in"};
  const std::string ending = path.extension().string();
  return ending.empty() || std::find(endings.begin(), endings.end(), ending) != endings.end();
}

SourceFile read(const fs::path& root, const fs::path& path) {
  SourceFile file{path.lexically_relative(root).generic_string(), {}};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) file.lines.push_back(std::move(line));
  return file;
}

std::vector<SourceFile> read_tree() {
  const fs::path root = LATHE_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const char* folder : {"engine", "profiler", "gui", "tests", "bench", "packaging", "resources"}) {
    if (!fs::is_directory(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file() && is_text(entry.path())) files.push_back(read(root, entry.path()));
  }
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.is_regular_file() && is_text(entry.path())) files.push_back(read(root, entry.path()));
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace

const std::vector<SourceFile>& source_tree() {
  static const std::vector<SourceFile> files = read_tree();
  return files;
}

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> includes;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    size_t at = line.find_first_not_of(" \t");
    if (at == std::string::npos || line[at] != '#') continue;
    at = line.find_first_not_of(" \t", at + 1);
    if (at == std::string::npos || line.compare(at, 7, "include") != 0) continue;
    const size_t open = line.find_first_of("\"<", at);
    const size_t close = open == std::string::npos ? open : line.find_first_of("\">", open + 1);
    if (close != std::string::npos)
      includes.push_back({line.substr(open + 1, close - open - 1), line[open] == '"', i + 1});
  }
  return includes;
}

std::string folder_of(const std::string& path) {
  const size_t first = path.find('/');
  if (first == std::string::npos) return "";
  const std::string top = path.substr(0, first);
  if (top == "gui") return top;
  if (top != "engine" && top != "profiler") return "";
  return path.substr(0, path.find('/', first + 1));
}

}  // namespace lathe
