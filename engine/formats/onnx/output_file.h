// SPDX-License-Identifier: Apache-2.0
// A file written piece by piece to a temporary name and renamed when it is whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace lathe {

/// Remembers the first error; the destructor removes what was not committed.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  /// Bytes written so far.
  size_t position() const { return position_; }
  /// Everything is on its way to disk under the temporary name; the error names the file and the system's
  /// reason.
  Status close();
  /// After close(): takes the final name.
  Status commit();

 private:
  std::filesystem::path path_;
  std::string temporary_;
  int fd_ = -1;
  int error_ = 0;
  size_t position_ = 0;
  std::string pending_;
};

}  // namespace lathe
