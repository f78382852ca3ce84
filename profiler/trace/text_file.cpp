// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/text_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace lathe {
namespace {

/// Ends an inflate stream on every way out.
struct Inflater {
  z_stream stream{};
  bool ready = false;
  Inflater() { ready = ::inflateInit2(&stream, 15 + 16) == Z_OK; }
  ~Inflater() {
    if (ready) ::inflateEnd(&stream);
  }
};

Result<std::string> unpack(std::span<const std::byte> packed, const std::string& name, size_t max_bytes,
                           const JobContext& job) {
  Inflater inflater;
  if (!inflater.ready) return resource_error(name, "not enough memory to uncompress");
  z_stream& stream = inflater.stream;
  std::string out;
  std::string piece(size_t{1} << 20, '\0');
  size_t taken = 0;
  for (;;) {
    LATHE_TRY(job.check());
    const size_t offered = std::min<size_t>(packed.size() - taken, size_t{1} << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + taken));
    stream.avail_in = static_cast<uInt>(offered);
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int state = ::inflate(&stream, Z_NO_FLUSH);
    taken += offered - stream.avail_in;
    out.append(piece.data(), piece.size() - stream.avail_out);
    if (out.size() > max_bytes)
      return resource_error(name, "uncompresses to more than " + std::to_string(max_bytes >> 20) + " MB");
    if (state == Z_STREAM_END) {
      if (taken == packed.size()) return out;
      if (::inflateReset(&stream) != Z_OK)
        return bad_input(name, "damaged gzip data");  // members may follow each other
    } else if (state != Z_OK && state != Z_BUF_ERROR) {
      return bad_input(name, "damaged gzip data at byte " + std::to_string(taken));
    } else if (taken == packed.size() && stream.avail_out == piece.size()) {
      return bad_input(name, "the gzip data is cut off at byte " + std::to_string(taken));
    }
  }
}

}  // namespace

Result<InputText> InputText::open(const std::filesystem::path& path, size_t max_bytes,
                                  const JobContext& job) {
  InputText input;
  LATHE_ASSIGN(input.file_, MappedFile::open(path));
  const std::span<const std::byte> bytes = input.file_->bytes();
  input.compressed_ = bytes.size() > 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
  if (input.compressed_) {
    LATHE_ASSIGN(input.unpacked_, unpack(bytes, path.string(), max_bytes, job));
  } else if (bytes.size() > max_bytes) {
    return resource_error(path.string(), "is larger than " + std::to_string(max_bytes >> 20) + " MB");
  }
  return input;
}

std::string_view InputText::text() const {
  if (compressed_) return unpacked_;
  return {reinterpret_cast<const char*>(file_->bytes().data()), file_->bytes().size()};
}

OutputText::OutputText(std::filesystem::path path) : path_(std::move(path)) {}

OutputText::~OutputText() {
  if (file_ != nullptr) ::gzclose(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Error OutputText::error() const {
  return resource_error(path_.string(), std::string("cannot be written: ") + std::strerror(errno));
}

Status OutputText::open() {
  std::string name = path_.string() + ".XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return error();
  temporary_ = name;
  ::fchmod(fd, 0644);
  const bool compressed = path_.extension() == ".gz";
  file_ = ::gzdopen(fd, compressed ? "wb6" : "wbT");  // T: as it is
  if (file_ != nullptr) return {};
  ::close(fd);
  return resource_error(path_.string(), "not enough memory to write");
}

Status OutputText::write(std::string_view text) {
  while (!text.empty()) {
    const auto piece = static_cast<unsigned>(std::min<size_t>(text.size(), size_t{1} << 30));
    if (::gzwrite(file_, text.data(), piece) != static_cast<int>(piece)) return error();
    text.remove_prefix(piece);
  }
  return {};
}

Status OutputText::commit() {
  if (::gzclose(std::exchange(file_, nullptr)) != Z_OK) return error();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return error();
  temporary_.clear();
  return {};
}

}  // namespace lathe
