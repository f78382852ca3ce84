// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <unistd.h>

#include "profiler/cli/command.h"
#include "profiler/cli/command_list.h"

namespace lathe {
namespace {

JobContext* running_job = nullptr;

/// The first Ctrl-C asks the job to stop (it removes partial output); a second ends the process.
extern "C" void on_interrupt(int) {
  if (running_job == nullptr || running_job->stop_requested()) std::_Exit(exit_interrupted);
  running_job->request_stop();
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return exit_usage;
    case ErrorKind::bad_input:
    case ErrorKind::unsupported:
      return exit_bad_input;
    case ErrorKind::resource:
      return exit_refused;
    case ErrorKind::interrupted:
      return exit_interrupted;
    case ErrorKind::internal:
      return 70;
  }
  return 70;
}

int print_error(const Error& error) {
  std::fprintf(stderr, "lathe: %s\n", error.text().c_str());
  for (const std::string& hint : error.hints) std::fprintf(stderr, "  %s\n", hint.c_str());
  return exit_code(error.kind);
}

/// Progress on one line of a terminal's stderr, rewritten; nothing where stderr is no terminal.
class ProgressLine {
 public:
  explicit ProgressLine(bool enabled) : enabled_(enabled && ::isatty(STDERR_FILENO) != 0) {}
  ~ProgressLine() { clear(); }
  void show(const Progress& progress) {
    if (!enabled_) return;
    const std::string what =
        progress.state.empty() ? progress.text : progress.subject + ": " + progress.state;
    if (progress.fraction >= 0)
      std::fprintf(stderr, "\r\033[K%3.0f %% %s", 100 * progress.fraction, what.c_str());
    else
      std::fprintf(stderr, "\r\033[K%s", what.c_str());
    shown_ = true;
  }
  void clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
    shown_ = false;
  }

 private:
  bool enabled_;
  bool shown_ = false;
};

int run(int argc, char** argv) {
  CLI::App app("Lathe: open, run, profile and convert neural networks", "lathe");
  GlobalOptions global;
  bool version = false, verbose = false;
  app.add_flag("--version", version, "what this build is (with --verbose: and can do)");
  app.add_flag("--verbose", verbose);
  app.require_subcommand(0, 1);

  CommandRegistry registry;
  register_all_commands(registry);
  CommandAction chosen;
  for (const CommandSpec& spec : registry.all()) {
    CLI::App* sub = app.add_subcommand(spec.name, spec.description);
    sub->add_flag("--json", global.json, "machine-readable output");
    sub->add_flag("--quiet", global.quiet, "no progress, no notes");
    CommandAction action = spec.setup(*sub, global);
    sub->callback([&chosen, action] { chosen = action; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "lathe: %s\n  lathe --help lists the commands, lathe COMMAND --help their options\n",
                 error.what());
    return exit_usage;
  }
  if (version) {
    print("lathe " + lathe_version() + "\n" + (verbose ? build_description() : ""));
    return exit_done;
  }
  if (!chosen) {
    print(app.help());
    return exit_usage;
  }
  ProgressLine line(!global.quiet);
  JobContext job([&line](const Progress& progress) { line.show(progress); });
  running_job = &job;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const Result<int> done = chosen(job);
  line.clear();
  running_job = nullptr;
  if (!done.ok()) return print_error(done.error());
  return *done;
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  try {
    return lathe::run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("lathe: out of memory\n", stderr);
    return lathe::exit_refused;
  }
}
