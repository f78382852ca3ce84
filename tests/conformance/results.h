// SPDX-License-Identifier: Apache-2.0
// What came out of a folder of tests in one mode, as a file and as rows of a table.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lathe::conformance {

struct Results {
  std::string folder;
  std::string mode;  ///< "eager" or "engine"
  int tests = 0;     ///< 0: the folder was not there
  int passed = 0, expected = 0, failed = 0;
  int ran = 0;          ///< gave a result, right or wrong
  int open_shapes = 0;  ///< of the refused: no engine can have them, since only data tell the shapes
  std::map<std::string, int> refused;  ///< by the engine, by cause
  int refusals() const;
};

/// One file a folder and mode; errors are said on stderr.
void write_results(const std::filesystem::path& folder, const Results& results);
std::vector<Results> read_results(const std::filesystem::path& folder);

/// A row a folder with both modes side by side, a sum where there are several, and why engines refused.
std::string format_results(const std::vector<Results>& results);

}  // namespace lathe::conformance
