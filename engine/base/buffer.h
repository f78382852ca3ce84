// SPDX-License-Identifier: Apache-2.0
// Shared, 64-byte aligned memory, or a view of memory that something else (a mapped file) keeps alive.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/base/result.h"

namespace lathe {

/// Copying a Buffer shares the bytes. Thread-safe to share as long as nobody writes.
class Buffer {
 public:
  Buffer() = default;
  /// Uninitialised, aligned to 64 bytes. Fails with ErrorKind::resource where memory runs out.
  static Result<Buffer> allocate(size_t bytes);
  /// The same for what is made once and kept, as weights are: freed memory goes back to the system at once.
  static Result<Buffer> allocate_lasting(size_t bytes);
  /// Bytes owned by `owner` (a mapped file, an arena), which is kept alive.
  static Buffer view(std::shared_ptr<const void> owner, const std::byte* data, size_t bytes);
  /// The same for bytes of a file mapped read-only.
  static Buffer mapped_view(std::shared_ptr<const void> owner, const std::byte* data, size_t bytes);

  const std::byte* data() const { return data_; }
  /// Only for the creator of an allocated buffer, or a view of writable memory.
  std::byte* mutable_data() { return const_cast<std::byte*>(data_); }
  size_t size() const { return size_; }
  /// A part of this buffer, sharing ownership.
  Buffer slice(size_t offset, size_t bytes) const;
  bool unique() const { return owner_.use_count() == 1; }
  /// Of a mapped file: gives back the memory of the pages that lie wholly inside; they are read again when
  /// they are next touched. Does nothing to other memory.
  void release_pages() const;

 private:
  static Result<Buffer> allocate(size_t bytes, bool pooled);

  std::shared_ptr<const void> owner_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;
};

/// Bytes now held by Buffer::allocate, process-wide: the memory counter of traces.
size_t allocated_buffer_bytes();

/// Gives the memory of freed buffers back to the system.
void trim_buffers();

}  // namespace lathe
