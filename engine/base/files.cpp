// SPDX-License-Identifier: Apache-2.0
#include "engine/base/files.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mapping_guard.h"

namespace lathe {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Error open_error(const std::filesystem::path& path) {
  return bad_input(path.string(), std::string("cannot be opened: ") + std::strerror(errno));
}

Result<size_t> regular_file_size(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return open_error(path);
  if (S_ISDIR(info.st_mode)) return bad_input(path.string(), "is a folder, not a file");
  if (!S_ISREG(info.st_mode)) return bad_input(path.string(), "is not a regular file");
  return static_cast<size_t>(info.st_size);
}

/// When the content was last written; 0 where that is not known.
int64_t modified_ns(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return 0;
  return static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

Status write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), std::min<size_t>(content.size(), size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return resource_error("", std::strerror(errno));
    content.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return open_error(path);
  LATHE_ASSIGN(const size_t size, regular_file_size(fd.get(), path));
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  file->size_ = size;
  file->modified_ns_ = modified_ns(fd.get());
  if (size > 0) {
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED)
      return resource_error(path.string(), std::string("cannot be mapped: ") + std::strerror(errno));
    file->data_ = static_cast<const std::byte*>(data);
    guard_mapping(data, size);
  }
  file->descriptor_ = fd.release();
  return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    unguard_mapping(data_);
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status MappedFile::unchanged() const {
  if (modified_ns(descriptor_) == modified_ns_) return {};
  return bad_input(path_.string(), "has been written to since it was opened: open it again");
}

Buffer mapped_slice(std::shared_ptr<const MappedFile> file, size_t offset, size_t bytes) {
  const std::byte* data = file->bytes().data() + offset;
  return Buffer::mapped_view(std::move(file), data, bytes);
}

Result<std::string> read_file(const std::filesystem::path& path, size_t limit) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return open_error(path);
  LATHE_ASSIGN(const size_t size, regular_file_size(fd.get(), path));
  if (size > limit) return resource_error(path.string(), "is too large: " + std::to_string(size) + " bytes");
  std::string content(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd.get(), content.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return bad_input(path.string(), std::string("cannot be read: ") + std::strerror(errno));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  content.resize(done);
  return content;
}

Status write_file_atomic(const std::filesystem::path& path, std::string_view content) {
  const std::string temporary = path.string() + ".tmp-" + std::to_string(::getpid());
  FileDescriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (fd.get() < 0)
    return resource_error(path.string(), std::string("cannot be written: ") + std::strerror(errno));
  Status written = write_all(fd.get(), content);
  if (written.ok() && ::close(fd.release()) != 0) written = resource_error("", std::strerror(errno));
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0)
    written = resource_error("", std::strerror(errno));
  if (written.ok()) return {};
  ::unlink(temporary.c_str());
  return resource_error(path.string(), "cannot be written: " + written.error().what);
}

}  // namespace lathe
