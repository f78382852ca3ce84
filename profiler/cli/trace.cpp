// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profiler/cli/command.h"

namespace lathe {
namespace {

struct Options {
  std::string file, out;
  std::vector<std::string> files;
  enum class What { none, info, convert, merge } what = What::none;
};

Result<int> info(const Options& options, const JobContext& job) {
  LATHE_ASSIGN(const auto trace, open_trace(options.file, job));
  print(fmt::format("{}\n  format {}, {} slices in {} lanes, {} counters, {} flow points\n  {:.3f} ms\n",
                    options.file, trace->info().format, trace->slice_count(), trace->lanes().size(),
                    trace->counters().size(), trace->flows().size(),
                    static_cast<double>(trace->end_time() - trace->begin_time()) / 1e6));
  for (const std::string& note : trace->info().notes) print("  note: " + note + "\n");
  return exit_done;
}

Result<int> convert_trace(const Options& options, const JobContext& job) {
  LATHE_ASSIGN(const auto trace, open_trace(options.file, job));
  LATHE_TRY(save_trace(*trace, options.out));
  return exit_done;
}

Result<int> merge(const Options& options, const JobContext& job) {
  std::vector<std::filesystem::path> paths(options.files.begin(), options.files.end());
  LATHE_ASSIGN(const auto merged, merge_trace_files(paths, job));
  LATHE_TRY(save_trace(*merged, options.out));
  return exit_done;
}

}  // namespace

void register_trace(CommandRegistry& registry) {
  registry.add({"trace", "looks into, converts and merges traces of ours and of others",
                [](CLI::App& app, const GlobalOptions&) {
                  auto options = std::make_shared<Options>();
                  Options& o = *options;
                  app.require_subcommand(1);
                  auto* about = app.add_subcommand("info", "what a trace holds");
                  about->add_option("file", o.file)->required();
                  about->callback([&o] { o.what = Options::What::info; });
                  auto* other = app.add_subcommand("convert", "writes a trace in the portable profile");
                  other->add_option("file", o.file)->required();
                  other->add_option("--out", o.out)->required();
                  other->callback([&o] { o.what = Options::What::convert; });
                  auto* together = app.add_subcommand("merge", "several traces on one time axis");
                  together->add_option("files", o.files)->required();
                  together->add_option("--out", o.out)->required();
                  together->callback([&o] { o.what = Options::What::merge; });
                  return [options](const JobContext& job) -> Result<int> {
                    if (options->what == Options::What::info) return info(*options, job);
                    return options->what == Options::What::convert ? convert_trace(*options, job)
                                                                   : merge(*options, job);
                  };
                }});
}

}  // namespace lathe
