// SPDX-License-Identifier: Apache-2.0
// Where ONNX's test cases are: one folder a test, with model.onnx and test_data_set_*/{input,output}_N.pb.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace lathe::conformance {

/// A leading "@models" stands for $LATHE_MODELS, else ~/.cache/lathe/models.
inline std::filesystem::path resolve(const std::string& text) {
  if (!text.starts_with("@models")) return text;
  const char* set = std::getenv("LATHE_MODELS");
  const char* home = std::getenv("HOME");
  const std::filesystem::path base =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(home != nullptr ? home : "") / ".cache/lathe/models";
  return base.string() + text.substr(7);
}

/// The tests of a folder, sorted; none when it is not there.
inline std::set<std::filesystem::path> tests_in(const std::filesystem::path& folder) {
  std::set<std::filesystem::path> tests;
  if (!std::filesystem::is_directory(folder)) return tests;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (std::filesystem::exists(entry.path() / "model.onnx")) tests.insert(entry.path());
  return tests;
}

/// prefix0.pb, prefix1.pb, ... as far as they go.
inline std::vector<std::filesystem::path> numbered(const std::filesystem::path& folder,
                                                   const std::string& prefix) {
  std::vector<std::filesystem::path> files;
  for (int i = 0; std::filesystem::exists(folder / (prefix + std::to_string(i) + ".pb")); ++i)
    files.push_back(folder / (prefix + std::to_string(i) + ".pb"));
  return files;
}

}  // namespace lathe::conformance
