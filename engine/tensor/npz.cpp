// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/npz.h"

#include <algorithm>
#include <memory>
#include <vector>
#include <zip.h>

#include "engine/base/files.h"
#include "engine/tensor/npy_format.h"

namespace lathe {
namespace {

constexpr std::string_view suffix = ".npy";

/// An archive that is given up unless closed on purpose.
struct DiscardArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, DiscardArchive>;
struct CloseEntry {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Entry = std::unique_ptr<zip_file_t, CloseEntry>;

std::string zip_error_text(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

/// Reads exactly `bytes`; false where the entry is shorter or damaged.
bool read_exactly(zip_file_t* entry, std::byte* to, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const zip_int64_t n = zip_fread(entry, to + done, std::min<size_t>(bytes - done, size_t{1} << 30));
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

/// What was read of an entry to know its header.
struct EntryStart {
  NpyHeader header;
  std::vector<std::byte> bytes;
};

Result<EntryStart> read_start(zip_file_t* entry, size_t size, const std::string& where) {
  // The header says how long it is in its first 12 bytes.
  EntryStart start;
  start.bytes.resize(std::min<size_t>(size, 12));
  if (!read_exactly(entry, start.bytes.data(), start.bytes.size())) return bad_input(where, "is damaged");
  if (start.bytes.size() == 12) {
    const auto byte = [&](size_t at) { return std::to_integer<size_t>(start.bytes[at]); };
    const size_t length = byte(6) == 1 ? 10 + (byte(8) | byte(9) << 8)
                                       : 12 + (byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24);
    const size_t wanted = std::clamp<size_t>(length, 12, std::min(size, npy_header_limit));
    start.bytes.resize(wanted);
    if (!read_exactly(entry, start.bytes.data() + 12, wanted - 12)) return bad_input(where, "is damaged");
  }
  LATHE_ASSIGN(start.header, parse_npy_header(start.bytes, where));
  return start;
}

Result<Tensor> read_entry(zip_t* archive, zip_uint64_t index, size_t size, const std::string& where,
                          std::optional<ElementType> declared) {
  const Entry entry(zip_fopen_index(archive, index, 0));
  if (!entry) return bad_input(where, std::string("cannot be unpacked: ") + zip_strerror(archive));
  LATHE_ASSIGN(const EntryStart start, read_start(entry.get(), size, where));
  const NpyHeader& header = start.header;
  // Nothing is allocated before what the header asks for is known to be there and within the limits.
  if (size - header.data_offset < header.data_bytes)
    return bad_input(where, "holds " + std::to_string(size - header.data_offset) +
                                " bytes of elements, its shape wants " + std::to_string(header.data_bytes));
  LATHE_ASSIGN(Buffer data, Buffer::allocate(header.data_bytes));
  const size_t have = std::min(start.bytes.size() - header.data_offset, header.data_bytes);
  std::copy_n(start.bytes.data() + header.data_offset, have, data.mutable_data());
  if (!read_exactly(entry.get(), data.mutable_data() + have, header.data_bytes - have))
    return bad_input(where, std::string("is damaged: ") + zip_file_strerror(entry.get()));
  return decode_npy(header, {data.data(), data.size()}, where, declared);
}

std::string array_name(std::string_view entry) {
  return std::string(entry.ends_with(suffix) ? entry.substr(0, entry.size() - suffix.size()) : entry);
}

Result<Archive> open_archive(const std::filesystem::path& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive) return archive;
  if (code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS)
    return bad_input(path.string(), "is not a whole .npz file: " + zip_error_text(code));
  return bad_input(path.string(), "cannot be opened: " + zip_error_text(code));
}

/// The parts must live until the archive is closed.
Status add_array(zip_t* archive, const std::string& name, const NpyParts& parts) {
  if (name.find('\0') != std::string::npos) return unsupported("", "the name has a zero byte");
  zip_buffer_fragment_t fragments[2];
  fragments[0] = {reinterpret_cast<zip_uint8_t*>(const_cast<char*>(parts.header.data())),
                  parts.header.size()};
  fragments[1] = {reinterpret_cast<zip_uint8_t*>(const_cast<std::byte*>(parts.data().data())),
                  parts.data().size()};
  const zip_uint64_t used = parts.data().empty() ? 1 : 2;
  zip_source_t* source = zip_source_buffer_fragment(archive, fragments, used, 0);
  if (source == nullptr) return resource_error("", zip_strerror(archive));
  const zip_int64_t index =
      zip_file_add(archive, (name + std::string(suffix)).c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return resource_error("", zip_strerror(archive));
  }
  // Stored, and dated 1980-01-01, so that the same arrays give the same bytes.
  const auto at = static_cast<zip_uint64_t>(index);
  if (zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, at, 0, 0x21, 0) != 0)
    return resource_error("", zip_strerror(archive));
  return {};
}

}  // namespace

Result<Tensor> read_npy(std::span<const std::byte> file, const std::string& where,
                        std::optional<ElementType> declared) {
  LATHE_ASSIGN(const NpyHeader header, parse_npy_header(file, where));
  const size_t have = file.size() - header.data_offset;
  if (have < header.data_bytes)
    return bad_input(where, "holds " + std::to_string(have) + " bytes of elements, its shape wants " +
                                std::to_string(header.data_bytes));
  return decode_npy(header, file.subspan(header.data_offset, header.data_bytes), where, declared);
}

Result<Tensor> read_npy(const std::filesystem::path& path, std::optional<ElementType> declared) {
  LATHE_ASSIGN(const auto file, MappedFile::open(path));
  return read_npy(file->bytes(), path.string(), declared);
}

Result<NamedTensors> read_npz(const std::filesystem::path& path,
                              const std::map<std::string, ElementType>& declared, const NpzLimits& limits) {
  LATHE_ASSIGN(const auto file, MappedFile::open(path));  // refuses what is no regular file, and tells why
  LATHE_ASSIGN(const Archive archive, open_archive(path));
  const auto entries =
      static_cast<zip_uint64_t>(std::max<zip_int64_t>(zip_get_num_entries(archive.get(), 0), 0));
  if (entries > limits.entries)
    return resource_error(path.string(), "has " + std::to_string(entries) + " arrays, more than " +
                                             std::to_string(limits.entries) + " are not read");
  const size_t file_bytes = file->bytes().size();
  size_t budget = std::max(limits.bytes, file_bytes > SIZE_MAX / std::max<size_t>(limits.ratio, 1)
                                             ? SIZE_MAX
                                             : file_bytes * limits.ratio);
  NamedTensors arrays;
  for (zip_uint64_t index = 0; index < entries; ++index) {
    zip_stat_t info;
    if (zip_stat_index(archive.get(), index, 0, &info) != 0 || !(info.valid & ZIP_STAT_NAME) ||
        !(info.valid & ZIP_STAT_SIZE))
      return bad_input(path.string(), "entry " + std::to_string(index) + " is damaged");
    const std::string_view entry = info.name;
    if (entry.ends_with('/') && info.size == 0) continue;  // a folder
    const std::string name = array_name(entry);
    const std::string where = path.string() + ": array '" + name + "'";
    if (info.size > budget)
      return resource_error(where, "unpacks to " + std::to_string(info.size) +
                                       " bytes: more than a file of " + std::to_string(file_bytes) +
                                       " bytes may");
    budget -= info.size;
    const auto type = declared.find(name);
    LATHE_ASSIGN(Tensor tensor,
                 read_entry(archive.get(), index, info.size, where,
                            type == declared.end() ? std::nullopt : std::optional(type->second)));
    if (!arrays.emplace(name, std::move(tensor)).second) return bad_input(where, "is there twice");
  }
  return arrays;
}

Status write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  auto parts = encode_npy(tensor);
  if (!parts.ok()) {
    parts.error().where = path.string();
    return std::move(parts).error();
  }
  const auto data = parts->data();
  std::string content = parts->header;
  content.append(reinterpret_cast<const char*>(data.data()), data.size());
  return write_file_atomic(path, content);
}

Status write_npz(const std::filesystem::path& path, const NamedTensors& arrays) {
  int code = 0;
  // libzip itself writes to a temporary file when the archive is closed, and renames it.
  Archive archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (!archive) return resource_error(path.string(), "cannot be written: " + zip_error_text(code));
  std::vector<NpyParts> parts;
  parts.reserve(arrays.size());
  for (const auto& [name, tensor] : arrays) {
    const std::string where = path.string() + ": array '" + name + "'";
    auto encoded = encode_npy(tensor);
    if (!encoded.ok()) {
      encoded.error().where = where;
      return std::move(encoded).error();
    }
    parts.push_back(std::move(*encoded));
    Status added = add_array(archive.get(), name, parts.back());
    if (!added.ok()) {
      added.error().where = where;
      return added;
    }
  }
  if (arrays.empty()) {
    // libzip writes no file for no entries: an empty archive is its end record alone.
    return write_file_atomic(path, std::string("PK\x05\x06", 4) + std::string(18, '\0'));
  }
  if (zip_close(archive.get()) != 0)
    return resource_error(path.string(), std::string("cannot be written: ") + zip_strerror(archive.get()));
  [[maybe_unused]] zip_t* closed = archive.release();
  return {};
}

}  // namespace lathe
