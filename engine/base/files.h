// SPDX-License-Identifier: Apache-2.0
// Files read whole, mapped, or written to a temporary name and renamed.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/result.h"

namespace lathe {

/// A file mapped read-only. Views keep the mapping alive. Where somebody cuts the file short meanwhile (an
/// export that writes over it), reading on gives zeros instead of killing the program; unchanged() tells.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Error: the file has been written to since it was opened. A file put in its place (renamed) does no harm.
  Status unchanged() const;

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t modified_ns_ = 0;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// A view of part of a mapped file as a Buffer.
Buffer mapped_slice(std::shared_ptr<const MappedFile> file, size_t offset, size_t bytes);

Result<std::string> read_file(const std::filesystem::path& path, size_t limit = size_t{1} << 31);

/// Writes `content` to a temporary file beside `path` and renames it; on failure (disk full, no permission)
/// nothing is left behind and the error names the file and the system's reason.
Status write_file_atomic(const std::filesystem::path& path, std::string_view content);

}  // namespace lathe
