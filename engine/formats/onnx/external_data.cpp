// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/external_data.h"

#include <algorithm>

namespace lathe {
namespace {

namespace fs = std::filesystem;

Error refused(const std::string& location, const std::string& why) {
  return bad_input("", "external data file '" + location + "' is refused: " + why);
}

bool inside(const fs::path& folder, const fs::path& file) {
  const auto [in_folder, in_file] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return in_folder == folder.end() && in_file != file.end();
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> ExternalFiles::open(const std::string& location) {
  if (const auto known = files_.find(location); known != files_.end()) return known->second;
  if (!folder_) return refused(location, "the model is not read from a file");
  if (location.empty()) return bad_input("", "its external data has no location");
  if (location.find('\0') != std::string::npos)
    return refused(location.substr(0, location.find('\0')), "its name holds a zero byte");
  const fs::path relative(location);
  if (relative.is_absolute()) return refused(location, "the path is absolute");
  if (std::find(relative.begin(), relative.end(), fs::path("..")) != relative.end())
    return refused(location, "the path leaves the model's folder");
  std::error_code error;
  const fs::path folder = fs::canonical(folder_->empty() ? fs::path(".") : *folder_, error);
  if (error) return bad_input("", "the model's folder cannot be read: " + error.message());
  const fs::path file = fs::canonical(folder / relative, error);
  if (error)
    return bad_input("", "external data file '" + location + "' cannot be opened: " + error.message());
  if (!inside(folder, file)) return refused(location, "a symbolic link leads out of the model's folder");
  auto mapped = MappedFile::open(file);
  if (!mapped.ok())
    return Error{mapped.error().kind, "", "external data file '" + location + "' " + mapped.error().what, {}};
  files_[location] = *mapped;
  return mapped;
}

std::vector<std::shared_ptr<const MappedFile>> ExternalFiles::opened() const {
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (const auto& [location, file] : files_) files.push_back(file);
  return files;
}

Result<ExternalFiles::Slice> ExternalFiles::slice(const std::string& location, int64_t offset,
                                                  std::optional<int64_t> length) {
  LATHE_ASSIGN(std::shared_ptr<const MappedFile> file, open(location));
  const size_t size = file->bytes().size();
  const auto begin = static_cast<size_t>(offset);
  if (offset < 0 || begin > size || (length && (*length < 0 || static_cast<size_t>(*length) > size - begin)))
    return bad_input("", "external data at offset " + std::to_string(offset) +
                             (length ? " of length " + std::to_string(*length) : std::string()) +
                             " lies outside file '" + location + "' of " + std::to_string(size) + " bytes");
  const size_t bytes = length ? static_cast<size_t>(*length) : size - begin;
  return Slice{mapped_slice(std::move(file), begin, bytes), begin};
}

}  // namespace lathe
