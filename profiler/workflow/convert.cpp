// SPDX-License-Identifier: Apache-2.0
// The conversion use case: convert, measure both sides on the same inputs, write the folder.
#include "engine/convert/convert.h"

#include <algorithm>

#include "engine/kernels/kernel.h"
#include "engine/runtime/executor_thread.h"
#include "profiler/report/report_data.h"
#include "profiler/workflow/conversion_folder.h"
#include "profiler/workflow/machine.h"
#include "profiler/workflow/measure.h"

namespace lathe {
namespace {

class ConversionRun {
 public:
  ConversionRun(const ConvertRequest& request, const JobContext& job)
      : request_(request), job_(job), model_(*request.opened->model) {}

  Result<std::shared_ptr<const ConvertReport>> run();

 private:
  Status open_data();
  bool wants_int8() const;
  Status open_calibration();
  Score score() const;
  Result<NamedValues> measuring_inputs() const;
  std::map<std::string, Shape> opt_shapes() const;
  Result<Measured> measure_side(Runnable& runnable, const Model& model, const NamedValues& inputs,
                                const char* name, Runnable* reference);
  ReportData report_data() const;

  const ConvertRequest& request_;
  const JobContext& job_;
  const Model& model_;
  std::unique_ptr<SampleSource> samples_;
  CalibrationData calibration_;
  MetricSpec metric_;
  double compile_ms_ = 0;
  std::shared_ptr<ConvertReport> report_ = std::make_shared<ConvertReport>();
};

Status ConversionRun::open_data() {
  if (request_.data.empty()) return {};
  LATHE_ASSIGN(samples_, open_dataset(request_.data, input_specs(model_)));
  if (samples_->count() == 0) return bad_input(request_.data.string(), "holds no samples");
  LATHE_ASSIGN(metric_, choose_metric(request_.metric, *samples_));
  return {};
}

bool ConversionRun::wants_int8() const {
  const auto& modules = request_.configuration.modules;
  return std::any_of(modules.begin(), modules.end(),
                     [](const auto& entry) { return entry.second.int8 == true; });
}

/// The data set for calibration, else some of the one for accuracy, else random inputs.
Status ConversionRun::open_calibration() {
  constexpr size_t most = 128, random = 4;
  if (!request_.configuration.calibration.empty()) {
    LATHE_ASSIGN(const auto source, open_dataset(request_.configuration.calibration, input_specs(model_)));
    LATHE_ASSIGN(calibration_, calibration_data(*source, most));
    return {};
  }
  const auto note = [&](Severity severity, std::string text) {
    calibration_.notes.push_back({severity, "calibration", "", std::move(text), "", {}});
  };
  if (samples_) {
    LATHE_ASSIGN(calibration_, calibration_data(*samples_, most));
    note(Severity::note, "int8 is calibrated with the data that judges it: give other data with --calib");
    return {};
  }
  for (size_t k = 0; k < random; ++k) {
    LATHE_ASSIGN(NamedValues inputs, random_inputs(model_, opt_shapes(), {}, request_.seed + k));
    calibration_.samples.push_back(std::move(inputs));
  }
  calibration_.name = "random inputs";
  note(Severity::warning,
       "int8 is calibrated with random inputs, which are unlike real ones: give data with --calib");
  return {};
}

Score ConversionRun::score() const {
  if (!samples_ || metric_.name == "snr") return {};
  return [this](Runnable& runnable) -> Result<double> {
    LATHE_ASSIGN(const Accuracy accuracy, evaluate(runnable, *samples_, metric_, request_.limit, job_));
    return accuracy.score();
  };
}

std::map<std::string, Shape> ConversionRun::opt_shapes() const {
  std::map<std::string, Shape> shapes;
  for (const ValueId id : model_.graph.inputs()) {
    const std::string& name = model_.graph.value(id).name;
    const auto range = request_.configuration.range(name);
    if (!range) continue;
    // Axes that the configuration leaves open take the model's own size, or 1.
    Shape shape = range->opt;
    const std::optional<Dims>& dims = model_.graph.value(id).type.dims;
    if (dims) shape.resize(dims->size(), -1);
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (shape[axis] < 0) shape[axis] = dims && (*dims)[axis].known() ? (*dims)[axis].value() : 1;
    shapes[name] = std::move(shape);
  }
  return shapes;
}

/// The first sample where there is data, else seeded random inputs of the opt shapes.
Result<NamedValues> ConversionRun::measuring_inputs() const {
  NamedValues given;
  if (samples_) {
    LATHE_ASSIGN(const Sample sample, samples_->sample(0));
    for (const auto& [name, tensor] : sample.inputs) given[name] = RuntimeValue(tensor);
  }
  return random_inputs(model_, given.empty() ? opt_shapes() : std::map<std::string, Shape>{}, given,
                       request_.seed);
}

Result<Measured> ConversionRun::measure_side(Runnable& runnable, const Model& model,
                                             const NamedValues& inputs, const char* name,
                                             Runnable* reference) {
  job_.report(-1, std::string("measuring ") + name);
  Session session(runnable, inputs, request_.seed);
  MeasureSettings settings;
  settings.warmup = request_.warmup;
  settings.runs = request_.runs;
  settings.recorded_runs = request_.active_runs;
  settings.configuration = to_json(request_.configuration);
  LATHE_ASSIGN(Measured measured, measure(session, model, settings, job_));
  if (samples_) {
    job_.report(-1, std::string("evaluating ") + name);
    LATHE_ASSIGN(const Accuracy accuracy,
                 evaluate(runnable, *samples_, metric_, request_.limit, job_, reference));
    measured.accuracy = accuracy.values;
  }
  return measured;
}

/// Per module: times of its own nodes (or of its engine) and from its start to its end.
std::map<ModuleId, ModuleTimes> module_times(const Statistics& statistics, const Conversion& conversion) {
  std::map<ModuleId, ModuleTimes> times;
  const ModuleTree& tree = conversion.model->modules;
  for (const StatisticsEntry& entry : statistics.modules) {
    const auto module = tree.find(entry.name);
    if (!module) continue;
    const ModuleOutcome* outcome = conversion.find(*module);
    const bool engine = outcome != nullptr && outcome->status == ModuleStatus::success;
    ModuleTimes& made = times[*module];
    made.device_us = static_cast<double>(engine ? entry.op_total_ns : entry.self_ns) / 1e3;
    made.host_us = static_cast<double>(entry.total_ns) / 1e3;
    made.device_events = static_cast<int>(entry.op_calls);
    made.host_events = static_cast<int>(entry.calls);
  }
  return times;
}

ReportData ConversionRun::report_data() const {
  ReportData data;
  data.conversion = &report_->conversion;
  const auto side = [&](const Measured& measured) {
    return MeasuredSide{measured.latency, measured.accuracy, measured.balance,
                        module_times(measured.statistics, report_->conversion)};
  };
  data.before = side(report_->before);
  data.after = side(report_->after);
  data.active_runs = request_.active_runs;
  data.lathe_version = lathe_version();
  data.cpu = cpu_name();
  data.instruction_set = instruction_set();
  data.threads = kernel_threads();
  data.data = request_.data.string();
  data.metric = metric_.name;
  data.samples =
      samples_ ? (request_.limit > 0 ? std::min(request_.limit, samples_->count()) : samples_->count()) : 0;
  data.compile_ms = compile_ms_;
  return data;
}

Result<std::shared_ptr<const ConvertReport>> ConversionRun::run() {
  report_->opened = request_.opened;
  ConvertOptions options;
  options.dry_run = request_.dry_run;
  if (request_.dry_run) {
    LATHE_ASSIGN(report_->conversion, convert(request_.opened->model, request_.configuration, options, job_));
    report_->printed = dry_run_text(report_->conversion);
    return std::shared_ptr<const ConvertReport>(report_);
  }
  LATHE_ASSIGN(PendingFolder folder, PendingFolder::make(request_.out));
  use_threads(request_.threads);
  LATHE_TRY(open_data());
  LATHE_ASSIGN(const NamedValues inputs, measuring_inputs());
  if (wants_int8()) {
    LATHE_TRY(open_calibration());
    options.calibration = &calibration_;
    options.score = score();
  }
  const int64_t begin = now_ns();
  LATHE_ASSIGN(report_->conversion, convert(request_.opened->model, request_.configuration, options, job_));
  compile_ms_ = static_cast<double>(now_ns() - begin) / 1e6;
  // What is written has to be of use in any folder: the data set that was used, in full.
  std::error_code ignored;
  if (!request_.data.empty())
    report_->conversion.configuration.data =
        std::filesystem::absolute(request_.data, ignored).lexically_normal().string();
  std::string& calibration = report_->conversion.configuration.calibration;
  if (!calibration.empty())
    calibration = std::filesystem::absolute(calibration, ignored).lexically_normal().string();
  LATHE_ASSIGN(const std::unique_ptr<Runnable> eager, make_eager(request_.opened->model));
  LATHE_ASSIGN(report_->before, measure_side(*eager, model_, inputs, "the model as it is", eager.get()));
  LATHE_ASSIGN(report_->after, measure_side(*report_->conversion.runnable, *report_->conversion.model, inputs,
                                            "the converted model", eager.get()));
  const ReportData data = report_data();
  report_->printed = workflow_report_text(data);
  LATHE_TRY(write_folder(folder.path(), *report_, data, job_));
  LATHE_TRY(folder.commit());
  report_->folder = request_.out;
  for (const auto& entry : std::filesystem::directory_iterator(request_.out))
    report_->files.push_back(entry.path());
  std::sort(report_->files.begin(), report_->files.end());
  return std::shared_ptr<const ConvertReport>(report_);
}

}  // namespace

Result<std::shared_ptr<const ConvertReport>> convert_model(const ConvertRequest& request,
                                                           const JobContext& job) {
  return on_executor([&] { return ConversionRun(request, job).run(); });
}

}  // namespace lathe
