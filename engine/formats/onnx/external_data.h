// SPDX-License-Identifier: Apache-2.0
// Weights stored in files beside the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/files.h"
#include "engine/base/result.h"

namespace lathe {

/// Maps each file once. Only files inside the model's folder are opened: absolute paths, ".." and symbolic
/// links that lead out of it are refused.
class ExternalFiles {
 public:
  /// Without a folder (a model in memory) every access is refused.
  ExternalFiles() = default;
  explicit ExternalFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  struct Slice {
    Buffer bytes;
    size_t offset = 0;  ///< in the file
  };
  /// `length` bytes from `offset`; without a length to the end of the file. Errors name the file.
  Result<Slice> slice(const std::string& location, int64_t offset, std::optional<int64_t> length);
  /// The files that were asked for.
  std::vector<std::shared_ptr<const MappedFile>> opened() const;

 private:
  Result<std::shared_ptr<const MappedFile>> open(const std::string& location);

  std::optional<std::filesystem::path> folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace lathe
