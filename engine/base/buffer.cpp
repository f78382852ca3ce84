// SPDX-License-Identifier: Apache-2.0
#include "engine/base/buffer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace lathe {
namespace {

constexpr size_t alignment = 64;
[[maybe_unused]] constexpr size_t huge_page = size_t{2} << 20;
std::atomic<size_t> allocated_bytes{0};

void free_block(void* memory, size_t bytes);

#ifdef __linux__
size_t whole_pages(size_t bytes) {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}
#endif

/// Large blocks that were freed are kept for the next request of the same size: the operators of a run ask
/// for the same sizes over and over, and fresh pages from the system cost more than many of the operators.
class BlockPool {
 public:
  struct Block {
    void* memory = nullptr;
    size_t bytes = 0;
  };
  /// The block of so many bytes, or up to `most`, that was freed last: most of it may still be in the cache.
  Block take(size_t bytes, size_t most) {
    if (bytes < smallest) return {};
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(free_.rbegin(), free_.rend(), [&](const Block& block) {
      return block.bytes >= bytes && block.bytes <= most;
    });
    if (found == free_.rend()) return {};
    const Block block = *found;
    free_.erase(std::next(found).base());
    held_ -= block.bytes;
    return block;
  }
  /// False: the block is too small or too large to keep, the caller frees it. The oldest ones make room.
  bool put(void* memory, size_t bytes) {
    if (bytes < smallest || bytes > most_held) return false;
    const std::lock_guard lock(mutex_);
    while (held_ + bytes > most_held) {
      held_ -= free_.front().bytes;
      free_block(free_.front().memory, free_.front().bytes);
      free_.pop_front();
    }
    free_.push_back({memory, bytes});
    held_ += bytes;
    return true;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    for (const Block& block : free_) free_block(block.memory, block.bytes);
    free_.clear();
    held_ = 0;
  }

 private:
  static constexpr size_t smallest = size_t{64} << 10;
  static constexpr size_t most_held = size_t{256} << 20;
  std::mutex mutex_;
  std::deque<Block> free_;  // oldest first; most_held / smallest bounds its length
  size_t held_ = 0;
};

/// Never destroyed: buffers may outlive every static.
BlockPool& pool() {
  static auto* const blocks = new BlockPool;
  return *blocks;
}

/// Whether blocks of that size come from the system one by one: freed, they go back to it at once, where
/// malloc would keep them for requests that never come. (Checkers of memory know malloc only.)
constexpr bool mapped_alone([[maybe_unused]] size_t bytes) {
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
  return bytes >= huge_page / 2;
#else
  return false;
#endif
}

#ifdef __linux__
/// Pages of 2 MB: without them kernels that stream weights may spend several percent of their time looking up
/// pages. A machine clears one in a fraction of a millisecond, but a virtual one may have to ask its host for
/// the memory first, 4 KB at a time, where small pages that were used a moment ago are at hand: a session's
/// weights then took twice as long to prepare.
class HugePages {
 public:
  void advise(void* block, size_t bytes) {
    if (slow_.load(std::memory_order_relaxed) >= most_slow || bytes < huge_page) return;
    ::madvise(block, bytes, MADV_HUGEPAGE);  // a wish; ignoring it does no harm
    const auto start = std::chrono::steady_clock::now();
    *static_cast<volatile std::byte*>(block) = std::byte{0};
    if (std::chrono::steady_clock::now() - start < quick) return;
    if (slow_.fetch_add(1, std::memory_order_relaxed) + 1 >= most_slow)
      ::madvise(block, bytes, MADV_NOHUGEPAGE);
  }

 private:
  static constexpr std::chrono::microseconds quick{1000};
  static constexpr int most_slow = 2;  // once may be an accident
  std::atomic<int> slow_{0};
};
HugePages huge_pages;
#endif

void* map_block([[maybe_unused]] size_t bytes) {
#ifdef __linux__
  const size_t whole = bytes + huge_page;
  void* const mapped = ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t first = (begin + huge_page - 1) / huge_page * huge_page;
  const uintptr_t end = first + whole_pages(bytes);
  if (first > begin) ::munmap(mapped, first - begin);
  if (begin + whole_pages(whole) > end)
    ::munmap(reinterpret_cast<void*>(end), begin + whole_pages(whole) - end);
  huge_pages.advise(reinterpret_cast<void*>(first), bytes);
  return reinterpret_cast<void*>(first);
#else
  return nullptr;
#endif
}

void* allocate_block(size_t bytes) {
  return mapped_alone(bytes) ? map_block(bytes) : std::aligned_alloc(alignment, bytes);
}

void free_block(void* memory, [[maybe_unused]] size_t bytes) {
#ifdef __linux__
  if (mapped_alone(bytes)) {
    ::munmap(memory, whole_pages(bytes));
    return;
  }
#endif
  std::free(memory);
}

/// What lasts may take a block of the pool with up to this share to spare, of which nothing is ever touched.
constexpr size_t spare_share = 8;

void release(void* block, size_t bytes, bool pooled) {
  allocated_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  if (!pooled || !pool().put(block, bytes)) free_block(block, bytes);
}

}  // namespace

Result<Buffer> Buffer::allocate(size_t bytes) {
  return allocate(bytes, true);
}

Result<Buffer> Buffer::allocate_lasting(size_t bytes) {
  return allocate(bytes, false);
}

Result<Buffer> Buffer::allocate(size_t bytes, bool pooled) {
  if (bytes > SIZE_MAX / 2) return resource_error("", "a buffer of that size cannot be addressed");
  // Kernels may read a full vector past the last element: round up, and never hand out a null pointer.
  const size_t rounded = (bytes / alignment + 1) * alignment;
  BlockPool::Block block = pool().take(rounded, pooled ? rounded : rounded + rounded / spare_share);
  if (block.memory == nullptr) block = {allocate_block(rounded), rounded};
  if (block.memory == nullptr) {
    pool().clear();
    block.memory = allocate_block(rounded);
  }
  if (block.memory == nullptr)
    return resource_error("", "out of memory: " + std::to_string(bytes) + " bytes wanted");
  allocated_bytes.fetch_add(block.bytes, std::memory_order_relaxed);
  Buffer buffer;
  buffer.owner_ = std::shared_ptr<const void>(block.memory, [taken = block.bytes, pooled](const void* p) {
    release(const_cast<void*>(p), taken, pooled);
  });
  buffer.data_ = static_cast<const std::byte*>(block.memory);
  buffer.size_ = bytes;
  return buffer;
}

void trim_buffers() {
  pool().clear();
}

Buffer Buffer::view(std::shared_ptr<const void> owner, const std::byte* data, size_t bytes) {
  Buffer buffer;
  buffer.owner_ = std::move(owner);
  buffer.data_ = data;
  buffer.size_ = bytes;
  return buffer;
}

Buffer Buffer::mapped_view(std::shared_ptr<const void> owner, const std::byte* data, size_t bytes) {
  Buffer buffer = view(std::move(owner), data, bytes);
  buffer.mapped_ = true;
  return buffer;
}

Buffer Buffer::slice(size_t offset, size_t bytes) const {
  Buffer part = *this;
  part.data_ = data_ + offset;
  part.size_ = bytes;
  return part;
}

void Buffer::release_pages() const {
#ifdef __linux__
  if (!mapped_) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(data_);
  const uintptr_t begin = (address + page - 1) / page * page;
  const uintptr_t end = (address + size_) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
#endif
}

size_t allocated_buffer_bytes() {
  return allocated_bytes.load(std::memory_order_relaxed);
}

}  // namespace lathe
