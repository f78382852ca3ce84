// SPDX-License-Identifier: Apache-2.0
#include "engine/base/mapping_guard.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace lathe {
namespace {

struct Range {
  std::atomic<uintptr_t> begin{0}, end{0};  // begin 0: free
};

// A fixed table of atomics: all that a signal handler may look at.
constexpr size_t most_ranges = 4096;
std::array<Range, most_ranges> ranges;
std::atomic<size_t> used_ranges{0};
std::mutex change;
struct sigaction former;
uintptr_t page_size;

bool guarded(uintptr_t address) {
  const size_t used = used_ranges.load();
  for (size_t i = 0; i < used; ++i)
    if (ranges[i].begin.load() != 0 && ranges[i].begin.load() <= address && address < ranges[i].end.load())
      return true;
  return false;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (guarded(address)) {
    void* page = reinterpret_cast<void*>(address / page_size * page_size);
    if (::mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) return;
  }
  if ((former.sa_flags & SA_SIGINFO) != 0 && former.sa_sigaction != nullptr) {
    former.sa_sigaction(signal, info, context);
  } else if (former.sa_handler != SIG_DFL && former.sa_handler != SIG_IGN) {
    former.sa_handler(signal);
  } else {
    ::signal(SIGBUS, SIG_DFL);  // the access happens again, and ends the program as it would have
  }
}

void install() {
  page_size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  ::sigaction(SIGBUS, &action, &former);
}

}  // namespace

void guard_mapping(const void* data, size_t bytes) {
  static std::once_flag installed;
  std::call_once(installed, install);
  const std::lock_guard lock(change);
  for (size_t i = 0; i < most_ranges; ++i) {
    if (ranges[i].begin.load() != 0) continue;
    ranges[i].end = reinterpret_cast<uintptr_t>(data) + bytes;
    ranges[i].begin = reinterpret_cast<uintptr_t>(data);
    if (used_ranges.load() <= i) used_ranges = i + 1;
    return;
  }
}

void unguard_mapping(const void* data) {
  const std::lock_guard lock(change);
  for (Range& range : ranges)
    if (range.begin.load() == reinterpret_cast<uintptr_t>(data)) {
      range.begin = 0;
      return;
    }
}

}  // namespace lathe
