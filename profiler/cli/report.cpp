// SPDX-License-Identifier: Apache-2.0
#include "profiler/cli/command.h"

namespace lathe {
namespace {

struct Options {
  std::string folder, html;
};

Result<int> report_command(const Options& options, const JobContext& job) {
  LATHE_ASSIGN(const auto report, open_conversion(options.folder, job));
  if (options.html.empty()) {
    print(report->printed);
    return exit_done;
  }
  LATHE_TRY(write_html_report(*report, options.html));
  return exit_done;
}

}  // namespace

void register_report(CommandRegistry& registry) {
  registry.add({"report", "prints a conversion's report, or writes it as one page",
                [](CLI::App& app, const GlobalOptions&) {
                  auto options = std::make_shared<Options>();
                  app.add_option("folder", options->folder, "folder of a conversion")->required();
                  app.add_option("--html", options->html, "page to write");
                  return [options](const JobContext& job) { return report_command(*options, job); };
                }});
}

}  // namespace lathe
