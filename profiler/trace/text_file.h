// SPDX-License-Identifier: Apache-2.0
// Internal to the trace formats: text files that may be gzip-compressed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <zlib.h>

#include "engine/base/files.h"
#include "engine/base/job.h"
#include "engine/base/result.h"

namespace lathe {

/// The text of a file, mapped, or uncompressed into memory when it is gzip.
class InputText {
 public:
  static Result<InputText> open(const std::filesystem::path& path, size_t max_bytes, const JobContext& job);
  std::string_view text() const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::string unpacked_;
  bool compressed_ = false;
};

/// Written piece by piece under a temporary name; renamed by commit(). The destructor removes what was not
/// committed.
class OutputText {
 public:
  explicit OutputText(std::filesystem::path path);
  ~OutputText();
  OutputText(const OutputText&) = delete;
  OutputText& operator=(const OutputText&) = delete;
  Status open();
  Status write(std::string_view text);
  Status commit();

 private:
  Error error() const;
  std::filesystem::path path_;
  std::string temporary_;
  gzFile file_ = nullptr;
};

}  // namespace lathe
