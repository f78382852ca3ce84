// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/contention.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>

namespace lathe {
namespace {

/// "time on a CPU, time waiting for one, slices": the second. Nothing when the thread has ended.
std::optional<int64_t> read_run_delay(int file) {
  std::array<char, 96> text{};
  const ssize_t length = ::pread(file, text.data(), text.size(), 0);
  if (length <= 0) return std::nullopt;
  const char* const end = text.data() + length;
  const char* at = std::find(static_cast<const char*>(text.data()), end, ' ');
  int64_t delay = 0;
  if (at == end || std::from_chars(at + 1, end, delay).ec != std::errc()) return std::nullopt;
  return delay;
}

}  // namespace

RunDelay::RunDelay() {
  find_threads();
}

RunDelay::~RunDelay() {
  for (const auto& [id, thread] : threads_) ::close(thread.file);
}

void RunDelay::find_threads() {
  std::error_code failed;
  for (std::filesystem::directory_iterator task("/proc/self/task", failed), end; !failed && task != end;
       task.increment(failed)) {
    const std::string name = task->path().filename().string();
    int id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ec != std::errc()) continue;
    if (threads_.contains(id)) continue;
    const int file = ::open((task->path() / "schedstat").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    if (const auto counted = read_run_delay(file))
      threads_.emplace(id, Thread{file, *counted});
    else
      ::close(file);
  }
}

std::optional<int64_t> RunDelay::since_last() {
  constexpr int calls_between_searches = 8;
  int64_t sum = 0;
  for (auto thread = threads_.begin(); thread != threads_.end();) {
    if (const auto counted = read_run_delay(thread->second.file)) {
      sum += *counted - thread->second.counted;
      thread->second.counted = *counted;
      ++thread;
    } else {
      ::close(thread->second.file);
      thread = threads_.erase(thread);
    }
  }
  if (calls_++ % calls_between_searches == 0) find_threads();
  if (threads_.empty()) return std::nullopt;
  return sum;
}

bool ContentionJudge::look(int64_t elapsed, int64_t waited) {
  constexpr double share_of_contention = 0.25, share_of_calm = 0.1;
  const double share = static_cast<double>(waited) / static_cast<double>(std::max<int64_t>(elapsed, 1));
  calm_ = contended_ ? 0 : std::min(calm_ + 1, forgotten);
  const bool against = contended_ ? share < share_of_calm : share > share_of_contention;
  agreeing_ = against ? agreeing_ + 1 : 0;
  if (agreeing_ < (contended_ ? patience_ : looks_to_believe)) return contended_;
  if (!contended_) patience_ = calm_ >= forgotten ? least_patience : std::min(2 * patience_, most_patience);
  agreeing_ = 0;
  return contended_ = !contended_;
}

}  // namespace lathe
