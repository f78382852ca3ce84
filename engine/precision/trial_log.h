// SPDX-License-Identifier: Apache-2.0
// What the finished trials of a search found, kept in a file, so that a search that was interrupted goes on
// where it was.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "engine/base/result.h"

namespace lathe {

class TrialLog {
 public:
  /// Remembers, but keeps nothing.
  TrialLog() = default;
  /// What `file` holds of searches with this key: of the same model, data and settings. A file that is not
  /// there, damaged or of another key counts as empty.
  TrialLog(std::filesystem::path file, std::string key);

  std::optional<double> find(const std::string& trial) const;
  /// Written at once, whole or not at all. Errors: the file cannot be written.
  Status add(const std::string& trial, double value);
  size_t found() const { return found_; }  ///< trials that the file held

 private:
  std::filesystem::path file_;
  std::string key_;
  std::map<std::string, double> values_;
  size_t found_ = 0;
};

}  // namespace lathe
