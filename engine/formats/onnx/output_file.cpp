// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/output_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace lathe {
namespace {

constexpr size_t buffer_bytes = size_t{1} << 20;

/// 0, or the system's error number.
int write_all(int fd, const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::write(fd, data, std::min<size_t>(bytes, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    data += n;
    bytes -= static_cast<size_t>(n);
  }
  return 0;
}

}  // namespace

OutputFile::OutputFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(path_.string() + ".tmp-" + std::to_string(::getpid())) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) error_ = errno;
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, size_t bytes) {
  position_ += bytes;
  if (error_ != 0 || bytes == 0) return;
  const char* begin = static_cast<const char*>(data);
  if (pending_.size() + bytes > buffer_bytes) {
    error_ = write_all(fd_, pending_.data(), pending_.size());
    pending_.clear();
  }
  if (error_ == 0 && bytes > buffer_bytes)
    error_ = write_all(fd_, begin, bytes);
  else
    pending_.append(begin, bytes);
}

Status OutputFile::close() {
  if (error_ == 0) error_ = write_all(fd_, pending_.data(), pending_.size());
  pending_.clear();
  if (fd_ >= 0 && ::close(fd_) != 0 && error_ == 0) error_ = errno;
  fd_ = -1;
  if (error_ == 0) return {};
  return resource_error(path_.string(), std::string("cannot be written: ") + std::strerror(error_));
}

Status OutputFile::commit() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return resource_error(path_.string(), std::string("cannot be written: ") + std::strerror(errno));
  temporary_.clear();
  return {};
}

}  // namespace lathe
