// SPDX-License-Identifier: Apache-2.0
// A conversion's folder read back: reports and traces as they were written; engines are compiled again when
// it is run.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/files.h"
#include "profiler/trace/formats.h"
#include "profiler/workflow/conversion_folder.h"

namespace lathe {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// Fields of report.json, with an error that names what is missing instead of an exception.
class ReportReader {
 public:
  ReportReader(const fs::path& folder, ConvertReport& report)
      : file_((folder / "report.json").string()), report_(report) {}

  Status read() {
    LATHE_ASSIGN(const std::string text, read_file(file_));
    const json document = json::parse(text, nullptr, false);
    if (document.is_discarded()) return bad_input(file_, "is not valid JSON");
    try {
      return fill(document);
    } catch (const json::exception& exception) {
      return bad_input(file_, std::string("is not a report of a conversion: ") + exception.what());
    }
  }

 private:
  Status fill(const json& document) {
    Conversion& conversion = report_.conversion;
    const Model& model = *conversion.model;
    LATHE_ASSIGN(conversion.configuration,
                 parse_configuration(document.at("configuration").dump(), model.modules, file_));
    for (const json& engine : document.at("engines")) LATHE_TRY(add_piece(engine));
    for (const json& module : document.at("modules")) LATHE_TRY(add_outcome(module));
    conversion.converted = document.at("conversion_rate").at(0);
    conversion.total = document.at("conversion_rate").at(1);
    conversion.engines = document.at("num_modules");
    if (document.contains("remedies_applied"))
      for (const json& remedy : document.at("remedies_applied")) add_remedy(remedy);
    conversion.cut = std::any_of(
        conversion.remedies.begin(), conversion.remedies.end(),
        [](const AppliedRemedy& each) { return each.step.kind == Remedy::Kind::cut_postprocessing; });
    if (document.contains("precision_map"))
      for (const json& node : document.at("precision_map")) add_precision(node);
    if (document.contains("module_accuracy") && document.at("module_accuracy").is_object())
      read_accuracy(document.at("module_accuracy"));
    side(document.at("before"), report_.before);
    side(document.at("after"), report_.after);
    return {};
  }

  Status add_piece(const json& engine) {
    const Model& model = *report_.conversion.model;
    Partition::Piece piece;
    const std::string path = engine.at("module");
    piece.name = engine.value("name", path);
    const auto module = model.modules.find(path);
    if (!module) return bad_input(file_, "engine '" + piece.name + "' is of no module of model.onnx");
    piece.module = *module;
    for (const json& name : engine.at("nodes")) {
      const auto node = model.graph.find_node(name.get<std::string>());
      if (!node)
        return bad_input(file_, "engine '" + piece.name + "': node '" + name.get<std::string>() +
                                    "' is not in model.onnx");
      piece.nodes.push_back(*node);
    }
    report_.conversion.partition.pieces.push_back(std::move(piece));
    return {};
  }

  Status add_outcome(const json& entry) {
    const std::string path = entry.at("path");
    const auto module = report_.conversion.model->modules.find(path);
    if (!module) return bad_input(file_, "module '" + path + "' is not in model.onnx");
    ModuleOutcome outcome;
    outcome.module = *module;
    const std::string status = entry.at("status");
    for (const ModuleStatus each :
         {ModuleStatus::success, ModuleStatus::covered, ModuleStatus::failed, ModuleStatus::ignored})
      if (status == to_string(each)) outcome.status = each;
    outcome.precision = entry.at("precision");
    if (entry.contains("failure")) outcome.failure = failure(entry.at("failure"));
    report_.conversion.outcomes.push_back(std::move(outcome));
    return {};
  }

  void add_remedy(const json& entry) {
    AppliedRemedy made;
    made.step.kind =
        parse_remedy_kind(entry.at("kind").get<std::string>()).value_or(Remedy::Kind::keep_eager);
    made.step.subject = entry.at("subject");
    made.text = entry.at("text");
    if (entry.at("loss").is_number()) made.loss = entry.at("loss").get<double>();
    report_.conversion.remedies.push_back(std::move(made));
  }

  void add_precision(const json& entry) {
    const Model& model = *report_.conversion.model;
    NodePrecision made;
    made.node = entry.at("node");
    made.id = model.graph.find_node(made.node).value_or(NodeId());
    made.module = model.modules.find(entry.at("module").get<std::string>()).value_or(ModuleTree::root());
    made.op_type = entry.at("op_type");
    made.precision = parse_element_type(entry.at("precision").get<std::string>()).value_or(ElementType::f32);
    made.rule = entry.at("rule");
    made.reason = entry.at("reason");
    made.inserted = entry.at("inserted");
    report_.conversion.precision.casts += made.inserted;
    report_.conversion.precision.nodes.push_back(std::move(made));
  }

  void read_accuracy(const json& entry) {
    ModuleAccuracy& made = report_.module_accuracy;
    made.data = entry.at("data");
    made.samples = entry.at("samples");
    for (const json& each : entry.at("borders"))
      made.borders.push_back({each.at("module"), each.at("tensor"), each.at("own"), each.at("snr_db"),
                              each.at("entering_db"), each.at("cosine"), each.at("max_abs"),
                              each.value("other_shapes", size_t{0})});
    const auto place = [&](const char* key) -> std::optional<size_t> {
      const json& number = entry.at(key);
      if (!number.is_number_unsigned() || number.get<size_t>() >= made.borders.size()) return std::nullopt;
      return number.get<size_t>();
    };
    made.first_wrong = place("first_wrong");
    made.steepest = place("steepest");
  }

  static Failure failure(const json& entry) {
    Failure made;
    for (int cause = 0; cause <= static_cast<int>(FailureCause::excluded); ++cause)
      if (entry.at("cause") == to_string(static_cast<FailureCause>(cause)))
        made.cause = static_cast<FailureCause>(cause);
    made.sentence = entry.at("message");
    made.chain = entry.at("chain").get<std::vector<std::string>>();
    for (const json& each : entry.at("evidence"))
      made.evidence.push_back(
          {{}, each.at("module"), each.at("node"), each.at("op_type"), each.at("shapes"), each.at("source")});
    for (const json& each : entry.at("remedies")) {
      Remedy remedy{Remedy::Kind::keep_eager, each.at("text"), each.at("subject")};
      remedy.kind = parse_remedy_kind(each.at("kind").get<std::string>()).value_or(remedy.kind);
      if (each.contains("shape")) remedy.shape = each.at("shape").get<Shape>();
      made.remedies.push_back(std::move(remedy));
    }
    return made;
  }

  static void side(const json& entry, Measured& measured) {
    const json& latency = entry.at("latency");
    const auto ns = [&](const char* key) { return latency.at(key).get<double>() * 1e6; };
    measured.latency.count = latency.at("runs");
    measured.latency.min = ns("min_ms");
    measured.latency.p50 = ns("p50_ms");
    measured.latency.p90 = ns("p90_ms");
    measured.latency.p99 = ns("p99_ms");
    measured.latency.max = ns("max_ms");
    measured.latency.mean = ns("mean_ms");
    for (const auto& [name, value] : entry.at("accuracy").items())
      if (value.is_number()) measured.accuracy[name] = value;
  }

  std::string file_;
  ConvertReport& report_;
};

}  // namespace

Status restore_modules(const fs::path& folder, ModuleTree& modules) {
  const std::string file = (folder / "report.json").string();
  LATHE_ASSIGN(const std::string text, read_file(file));
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return bad_input(file, "is not valid JSON");
  try {
    for (const json& entry : document.at("modules")) {
      const std::string path = entry.at("path");
      if (modules.find(path)) continue;
      Module& made = modules.edit(modules.add(path));
      made.class_name = entry.at("class");
      made.class_inferred = entry.at("class_inferred");
    }
  } catch (const json::exception& exception) {
    return bad_input(file, std::string("is not a report of a conversion: ") + exception.what());
  }
  return {};
}

Status read_partition(const fs::path& folder, const Model& model, Partition& partition,
                      Configuration& configuration) {
  ConvertReport report;
  // The reader only looks the model up; it does not own it.
  report.conversion.model = std::shared_ptr<const Model>(std::shared_ptr<const Model>(), &model);
  LATHE_TRY(ReportReader(folder, report).read());
  partition = std::move(report.conversion.partition);
  configuration = std::move(report.conversion.configuration);
  return {};
}

namespace {

Status read_trace_side(const fs::path& file, Measured& measured, const JobContext& job) {
  LATHE_ASSIGN(Trace trace, read_trace(file, job));
  measured.balance = time_balance(trace, measured.latency.p50);
  measured.statistics = statistics(trace);
  measured.trace = std::make_shared<const Trace>(std::move(trace));
  return {};
}

}  // namespace

Result<std::shared_ptr<const ConvertReport>> open_conversion(const fs::path& folder, const JobContext& job) {
  if (!is_conversion_folder(folder))
    return bad_input(folder.string(),
                     "is not the folder of a finished conversion (report.json, workflow_report.json and "
                     "model.onnx are not all there)");
  auto report = std::make_shared<ConvertReport>();
  LATHE_ASSIGN(report->opened, open_rewritten_model(folder, job));
  report->conversion.model = report->opened->model;
  LATHE_TRY(ReportReader(folder, *report).read());
  LATHE_TRY(read_trace_side(folder / "trace_before.json", report->before, job));
  LATHE_TRY(read_trace_side(folder / "trace.json", report->after, job));
  LATHE_ASSIGN(report->printed, read_file(folder / "lathe.log"));
  report->folder = folder;
  for (const auto& entry : fs::directory_iterator(folder)) report->files.push_back(entry.path());
  return std::shared_ptr<const ConvertReport>(std::move(report));
}

}  // namespace lathe
