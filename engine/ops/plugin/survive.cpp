// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/plugin/survive.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace lathe {
namespace {

/// What both processes see.
struct Shared {
  volatile bool returned;
  char stage[512];
};

/// Signals end the child as they would end a program without handlers; nothing is dumped or printed.
void become_quiet() {
  for (const int each : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGTERM, SIGALRM})
    ::signal(each, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) return;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, stream);
}

[[noreturn]] void be_child(Shared& shared, const std::function<void(const Stage&)>& work) {
  become_quiet();
  // Should it call exit(): before anything of the parent's is torn down, whose threads are not here.
  std::atexit([] { ::_exit(1); });
  work([&](std::string_view what) {
    const size_t length = std::min(what.size(), sizeof shared.stage - 1);
    std::memcpy(shared.stage, what.data(), length);
    shared.stage[length] = '\0';
  });
  shared.returned = true;
  ::_exit(0);  // nothing of the parent's is torn down
}

/// The child's status; nullopt where it had to be killed.
std::optional<int> wait_for(pid_t child, int seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  for (auto pause = std::chrono::microseconds(100);;) {
    const pid_t done = ::waitpid(child, &status, WNOHANG);
    if (done == child) return status;
    if (done < 0 && errno != EINTR) return 0;  // somebody else has waited for it: what is shared tells
    if (Clock::now() >= end) break;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(20000));
  }
  ::kill(child, SIGKILL);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return std::nullopt;
}

std::string signal_name(int number) {
  const char* abbreviation = ::sigabbrev_np(number);
  const char* meaning = ::strsignal(number);
  std::string name = abbreviation != nullptr ? std::string("SIG") + abbreviation : std::to_string(number);
  return meaning == nullptr ? name : name + " (" + meaning + ")";
}

}  // namespace

Status survives(const std::string& file, const std::function<void(const Stage&)>& work, int seconds) {
  void* page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return resource_error(file, "cannot be tried out: out of memory");
  auto& shared = *static_cast<Shared*>(page);
  const pid_t child = ::fork();
  if (child == 0) be_child(shared, work);
  const std::optional<int> status = child > 0 ? wait_for(child, seconds) : std::optional<int>();
  const bool came_back = shared.returned;
  const std::string stage = shared.stage;
  ::munmap(page, sizeof(Shared));
  if (child < 0) return resource_error(file, "cannot be tried out: no process could be started");
  if (!status)
    return bad_input(file, "did not return from " + stage + " within " + std::to_string(seconds) +
                               " seconds: it is not loaded");
  if (WIFSIGNALED(*status))
    return bad_input(
        file, "crashes in " + stage + " with " + signal_name(WTERMSIG(*status)) + ": it is not loaded");
  if (!came_back) return bad_input(file, "ends the process in " + stage + ": it is not loaded");
  return {};
}

}  // namespace lathe
