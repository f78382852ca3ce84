// SPDX-License-Identifier: Apache-2.0
#include "engine/base/buffer.h"

#include <atomic>
#include <cstdlib>
#include <string>

namespace lathe {
namespace {

constexpr size_t alignment = 64;
std::atomic<size_t> allocated_bytes{0};

}  // namespace

Result<Buffer> Buffer::allocate(size_t bytes) {
  if (bytes > SIZE_MAX - 2 * alignment) return resource_error("", "a buffer of that size cannot be addressed");
  // Kernels may read a full vector past the last element: round up, and never hand out a null pointer.
  const size_t rounded = (bytes / alignment + 1) * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) return resource_error("", "out of memory: " + std::to_string(bytes) + " bytes wanted");
  allocated_bytes.fetch_add(rounded, std::memory_order_relaxed);
  Buffer buffer;
  buffer.owner_ = std::shared_ptr<const void>(memory, [rounded](const void* p) {
    std::free(const_cast<void*>(p));
    allocated_bytes.fetch_sub(rounded, std::memory_order_relaxed);
  });
  buffer.data_ = static_cast<const std::byte*>(memory);
  buffer.size_ = bytes;
  return buffer;
}

Buffer Buffer::view(std::shared_ptr<const void> owner, const std::byte* data, size_t bytes) {
  Buffer buffer;
  buffer.owner_ = std::move(owner);
  buffer.data_ = data;
  buffer.size_ = bytes;
  return buffer;
}

Buffer Buffer::slice(size_t offset, size_t bytes) const { return view(owner_, data_ + offset, bytes); }

size_t allocated_buffer_bytes() { return allocated_bytes.load(std::memory_order_relaxed); }

}  // namespace lathe
