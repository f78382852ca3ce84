// SPDX-License-Identifier: Apache-2.0
// The command line's skeleton: one file per command, options shared by all, errors and exit codes in one
// place.
//
// Adding one: a file profiler/cli/<name>.cpp with `void register_<name>(CommandRegistry&)`, and its name in
// LATHE_COMMANDS of profiler/cli/CMakeLists.txt.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

/// Exit codes of the contract.
enum ExitCode : int {
  exit_done = 0,
  exit_answer_no = 1,
  exit_usage = 2,
  exit_bad_input = 3,
  exit_refused = 4,
  exit_interrupted = 130
};

/// Options that every command takes.
struct GlobalOptions {
  bool json = false;
  bool quiet = false;
};

/// Options of every command that loads a model.
struct ModelOptions {
  std::string model;
  std::vector<std::string> shapes;   ///< NAME=1x3x224x224
  std::vector<std::string> inputs;   ///< NAME=FILE.npy
  std::string inputs_file;           ///< .npz
  std::vector<std::string> plugins;  ///< libraries of custom operators
  uint64_t seed = 0;
  int threads = 0;
  bool tune = false;

  void add_to(CLI::App& app, bool positional = true);
  Result<std::map<std::string, Shape>> parsed_shapes() const;
  /// Arrays of --input and --inputs, read with the model's element types.
  Result<NamedValues> read_inputs(const Model& model) const;
};

/// A command's work once its options are parsed: an exit code, or the Error that main prints and turns into
/// one.
using CommandAction = std::function<Result<int>(const JobContext& job)>;

struct CommandSpec {
  std::string name;
  std::string description;
  /// Adds options to its sub-command and gives the action; what it captures lives as long as the returned
  /// function.
  std::function<CommandAction(CLI::App& app, const GlobalOptions& global)> setup;
};

class CommandRegistry {
 public:
  void add(CommandSpec spec) { commands_.push_back(std::move(spec)); }
  const std::vector<CommandSpec>& all() const { return commands_; }

 private:
  std::vector<CommandSpec> commands_;
};

/// Opens the model of `options` with its shapes: what nearly every command begins with.
Result<std::shared_ptr<const OpenedModel>> open(const ModelOptions& options, const JobContext& job);
/// A RunRequest from the options.
Result<RunRequest> run_request(const ModelOptions& options, std::shared_ptr<const OpenedModel> opened,
                               RunMode mode);
/// Adds --eager and --engine; `mode` holds the choice.
void add_mode(CLI::App& app, RunMode& mode);

// --- text
// ------------------------------------------------------------------------------------------------------------

/// Columns aligned by width; numbers right-aligned.
std::string format_table(const std::vector<std::vector<std::string>>& rows, const std::string& indent = "");
std::string format_count(double count);  ///< 25.6 M
std::string format_bytes(double bytes);  ///< 97.5 MB
std::string format_ms(double ms);        ///< 66.11 ms
void print(const std::string& text);     ///< to stdout

}  // namespace lathe
