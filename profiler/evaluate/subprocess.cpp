// SPDX-License-Identifier: Apache-2.0
#include "profiler/evaluate/subprocess.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace lathe {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t output_limit = 64 << 10, diagnostics_limit = 4 << 10;

class Pipe {
 public:
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  bool open() { return ::pipe2(ends_, O_CLOEXEC) == 0; }
  int end(int which) const { return ends_[which]; }
  void close_end(int which) {
    if (ends_[which] >= 0) ::close(std::exchange(ends_[which], -1));
  }

 private:
  int ends_[2] = {-1, -1};
};

/// In a process group of its own, so that it can be ended with all it started.
Result<pid_t> spawn(const std::string& command, const std::string& argument, const Pipe& out,
                    const Pipe& err) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.end(1), 1);
  posix_spawn_file_actions_adddup2(&actions, err.end(1), 2);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const std::string script = command + " \"$1\"";
  std::string words[] = {"sh", "-c", script, "sh", argument};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(),
                       words[3].data(), words[4].data(), nullptr};
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return resource_error(command, std::string("cannot be started: ") + std::strerror(failed));
  return child;
}

/// Takes what a pipe has; false at its end.
bool drain(Pipe& pipe, std::string& to, size_t limit, bool keep_last) {
  char part[4096];
  const ssize_t n = ::read(pipe.end(0), part, sizeof part);
  if (n < 0) return errno == EINTR;
  to.append(part, static_cast<size_t>(n));
  if (to.size() > limit) keep_last ? to.erase(0, to.size() - limit) : to.erase(limit);
  return n > 0;
}

/// The exit status if the child ended by `deadline`.
bool wait_until(pid_t child, Clock::time_point deadline, const JobContext& job, int& status) {
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return true;
    if (ended < 0 && errno != EINTR) return false;
    if (Clock::now() >= deadline || job.stop_requested()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace

Result<ProgramOutput> run_program(const std::string& command, const std::string& argument,
                                  double timeout_seconds, const JobContext& job) {
  Pipe out, err;
  if (!out.open() || !err.open())
    return resource_error(command, std::string("cannot be started: ") + std::strerror(errno));
  LATHE_ASSIGN(const pid_t child, spawn(command, argument, out, err));
  out.close_end(1);
  err.close_end(1);

  const double seconds = std::clamp(timeout_seconds, 0.0, 1e6);
  const auto deadline = Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  ProgramOutput result;
  bool out_open = true, err_open = true;
  while ((out_open || err_open) && Clock::now() < deadline && !job.stop_requested()) {
    pollfd waiting[] = {{out_open ? out.end(0) : -1, POLLIN, 0}, {err_open ? err.end(0) : -1, POLLIN, 0}};
    if (::poll(waiting, 2, 50) <= 0) continue;
    if (waiting[0].revents != 0) out_open = drain(out, result.output, output_limit, false);
    if (waiting[1].revents != 0) err_open = drain(err, result.diagnostics, diagnostics_limit, true);
  }
  int status = 0;
  const bool ended = wait_until(child, deadline, job, status);
  ::kill(-child, SIGKILL);  // also what it left behind
  if (!ended) {
    ::waitpid(child, &status, 0);
    if (job.stop_requested()) return interrupted();
    return resource_error(command,
                          "did not end within " + std::to_string(static_cast<int64_t>(seconds)) + " seconds");
  }
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace lathe
