// SPDX-License-Identifier: Apache-2.0
#include "profiler/cli/reduce.h"

#include <nlohmann/json.hpp>

#include "profiler/workflow/reduce.h"

namespace lathe {
namespace {

std::string as_json(const ReduceReport& report) {
  const Reduced& reduced = report.reduced;
  const nlohmann::ordered_json document = {{"module", report.module},
                                           {"cause", to_string(reduced.failure.cause)},
                                           {"error", reduced.failure.error()},
                                           {"nodes", reduced.nodes},
                                           {"nodes_before", reduced.nodes_before},
                                           {"pieces_tried", reduced.tries},
                                           {"inputs_of_run", reduced.inputs_of_run},
                                           {"model", report.model.string()},
                                           {"inputs", report.inputs.string()}};
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<int> reduce_command(const ModelOptions& model, const ConvertRequest& request,
                           const std::string& module, const GlobalOptions& global, const JobContext& job) {
  LATHE_ASSIGN(const NamedValues inputs, model.read_inputs(*request.opened->model));
  const std::optional<std::string> asked = module.empty() ? std::nullopt : std::optional(module);
  LATHE_ASSIGN(const auto report, reduce_model(request, asked, inputs, job));
  if (report == nullptr) {
    print(global.json ? "null\n"
                      : (module.empty() ? std::string("Nothing") : "Module '" + module + "'") +
                            (module.empty() ? " failed: there is nothing to reduce.\n"
                                            : " did not fail: there is nothing to reduce.\n"));
    return exit_answer_no;
  }
  print(global.json ? as_json(*report) : report->printed);
  return exit_done;
}

}  // namespace lathe
