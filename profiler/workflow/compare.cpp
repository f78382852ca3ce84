// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/compare.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "engine/ops/convert_elements.h"
#include "engine/runtime/executor_thread.h"
#include "profiler/trace/formats.h"
#include "profiler/workflow/session.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

/// What one of the two paths is; models and traces told apart by how they begin (text or gzip: a trace).
Result<ComparedKind> kind_of(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return bad_input(path.string(), "does not exist");
  if (fs::is_directory(path, ignored))
    return is_conversion_folder(path) ? ComparedKind::conversions : ComparedKind::models;
  std::ifstream file(path, std::ios::binary);
  char head[64] = {};
  file.read(head, sizeof head);
  const auto read = static_cast<size_t>(file.gcount());
  if (read == 0) return bad_input(path.string(), "is empty or cannot be read");
  if (read >= 2 && head[0] == '\x1f' && head[1] == '\x8b') return ComparedKind::traces;
  size_t at = read >= 3 && head[0] == '\xef' && head[1] == '\xbb' && head[2] == '\xbf' ? 3 : 0;
  while (at < read && std::isspace(static_cast<unsigned char>(head[at])) != 0) ++at;
  return at < read && (head[at] == '{' || head[at] == '[') ? ComparedKind::traces : ComparedKind::models;
}

const char* describe(ComparedKind kind) {
  switch (kind) {
    case ComparedKind::models:
      return "a model";
    case ComparedKind::conversions:
      return "the folder of a conversion";
    case ComparedKind::traces:
      return "a trace";
  }
  return "";
}

GraphSide side(const OpenedModel& opened) {
  return {*opened.model, [&opened](ValueId id) {
            return id.index < opened.types.types.size() ? opened.types.type(id) : TypeInfo();
          }};
}

Result<NamedValues> outputs_of(const RunRequest& request, const NamedValues& inputs, const JobContext& job) {
  LATHE_TRY(check_inputs(*request.opened->model, inputs));
  double compile_ms = 0;
  LATHE_ASSIGN(const std::unique_ptr<Runnable> runnable, make_runnable(request, inputs, job, compile_ms));
  return Session(*runnable, inputs, request.seed).run(job);
}

/// The inputs of A that B has too, in B's element types; what only B has is seeded random.
Result<NamedValues> inputs_for(const RunRequest& request, const NamedValues& given) {
  const Model& model = *request.opened->model;
  NamedValues inputs;
  for (const ValueId id : model.graph.inputs()) {
    const Value& input = model.graph.value(id);
    const auto found = given.find(input.name);
    if (found == given.end()) continue;
    inputs[input.name] = found->second;
    const Tensor& tensor = found->second.tensor;
    if (!found->second.is_tensor() || !input.type.is_tensor() || input.type.element == tensor.type() ||
        !is_float(tensor.type()) || !is_float(input.type.element))
      continue;
    LATHE_ASSIGN(Tensor converted, Tensor::allocate(input.type.element, tensor.shape()));
    LATHE_TRY(convert_elements(tensor, converted));
    inputs[input.name] = RuntimeValue(std::move(converted));
  }
  return random_inputs(model, request.shapes, inputs, request.seed);
}

bool must_stop(const Error& error) {
  return error.kind == ErrorKind::interrupted || error.kind == ErrorKind::usage;
}

/// Both models on the same inputs. What keeps one from running becomes a note.
Status run_both(const RunRequest& a, const RunRequest& b, ModelComparison& result, const JobContext& job) {
  use_threads(a.threads);
  const auto note = [&](const char* which, const Error& error) -> Status {
    if (must_stop(error)) return error;
    result.outputs_note = std::string(which) + " cannot be run: " + error.text();
    return {};
  };
  auto inputs = run_inputs(a);
  if (!inputs.ok()) return note("A", inputs.error());
  if (!a.inputs.empty()) LATHE_TRY(check_inputs(*a.opened->model, *inputs));
  job.report(-1, "running A");
  auto outputs_a = outputs_of(a, *inputs, job);
  if (!outputs_a.ok()) return note("A", outputs_a.error());
  auto inputs_b = inputs_for(b, *inputs);
  if (!inputs_b.ok()) return note("B", inputs_b.error());
  job.report(-1, "running B");
  auto outputs_b = outputs_of(b, *inputs_b, job);
  if (!outputs_b.ok()) return note("B", outputs_b.error());
  result.outputs = compare_outputs(*outputs_a, *outputs_b);
  return {};
}

ConversionSide side(const ConvertReport& report) {
  return {report.conversion, report.after.latency, report.after.accuracy, report.after.statistics};
}

}  // namespace

Result<ComparedKind> compared_kind(const fs::path& a, const fs::path& b) {
  LATHE_ASSIGN(const ComparedKind first, kind_of(a));
  LATHE_ASSIGN(const ComparedKind second, kind_of(b));
  if (first == second) return first;
  if (first != ComparedKind::traces && second != ComparedKind::traces) return ComparedKind::models;
  return usage_error(b.string(),
                     std::string("is ") + describe(second) + ", but " + a.string() + " is " + describe(first))
      .hint("give two models, two folders of conversions or two traces");
}

bool ModelComparison::differs() const {
  return !graph.identical() || !weights.all_identical() || !outputs_note.empty() ||
         std::any_of(outputs.begin(), outputs.end(), [](const auto& each) { return !each.identical(); });
}

Result<ModelComparison> compare_models(const RunRequest& a, const RunRequest& b, const JobContext& job) {
  ModelComparison result;
  job.report(-1, "comparing graphs");
  result.graph = compare_graphs(side(*a.opened), side(*b.opened));
  LATHE_TRY(job.check());
  job.report(-1, "comparing weights");
  result.weights = compare_weights(*a.opened->model, *b.opened->model, result.graph.pairs);
  LATHE_TRY(job.check());
  LATHE_TRY(on_executor([&] { return run_both(a, b, result, job); }));
  return result;
}

Result<ConversionComparison> compare_conversion_folders(const fs::path& a, const fs::path& b,
                                                        const JobContext& job) {
  LATHE_ASSIGN(const auto first, open_conversion(a, job));
  LATHE_ASSIGN(const auto second, open_conversion(b, job));
  return compare_conversions(side(*first), side(*second));
}

Result<TimeComparison> compare_trace_files(const fs::path& a, const fs::path& b, const JobContext& job) {
  LATHE_ASSIGN(const Trace first, read_trace(a, job));
  LATHE_ASSIGN(const Trace second, read_trace(b, job));
  return compare_times(statistics(first), statistics(second));
}

}  // namespace lathe
