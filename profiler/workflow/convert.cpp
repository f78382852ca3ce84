// SPDX-License-Identifier: Apache-2.0
// The conversion use case: convert, measure both sides on the same inputs, write the folder.
#include "engine/convert/convert.h"

#include <algorithm>

#include "engine/convert/remedies/remedy.h"
#include "engine/kernels/kernel.h"
#include "engine/runtime/executor_thread.h"
#include "profiler/report/report_data.h"
#include "profiler/workflow/conversion_folder.h"
#include "profiler/workflow/int8_data.h"
#include "profiler/workflow/machine.h"
#include "profiler/workflow/measure.h"
#include "profiler/workflow/module_accuracy.h"
#include "profiler/workflow/tuning.h"

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
  /// Beside the folder to be written, which does not outlive an interrupted conversion.
  std::filesystem::path trials_file() const {
    const std::filesystem::path out = request_.out.lexically_normal();
    return (out.has_filename() ? out : out.parent_path()).string() + ".trials";
  }
  Status open_calibration();
  Result<NamedValues> inputs_of(const Model& model, size_t k) const;
  Result<std::vector<NamedValues>> some_samples() const;
  std::map<std::string, Shape> opt_shapes() const;
  Result<Measured> measure_side(Runnable& runnable, const Model& model, const NamedValues& inputs,
                                const char* name, Runnable* reference);
  Status compare_modules();
  Status measure_forecasts(const ConvertOptions& options, const NamedValues& inputs);
  ReportData report_data() const;

  const ConvertRequest& request_;
  const JobContext& job_;
  const Model& model_;
  std::unique_ptr<SampleSource> samples_;
  Int8Data int8_data_;
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
  constexpr size_t random = 4;
  if (!request_.configuration.calibration.empty() || samples_) {
    Int8DataRequest wanted;
    wanted.model = &model_;
    wanted.calibration = request_.configuration.calibration;
    wanted.cache = request_.calibration_cache;
    wanted.samples = samples_.get();
    wanted.metric = metric_;
    wanted.asked_metric = request_.metric;
    wanted.limit = request_.limit;
    wanted.flops = static_cast<double>(request_.opened->summary.flops);
    return int8_data_.open(wanted);
  }
  std::vector<NamedValues> samples;
  for (size_t k = 0; k < random; ++k) {
    LATHE_ASSIGN(NamedValues inputs, random_inputs(model_, opt_shapes(), {}, request_.seed + k));
    samples.push_back(std::move(inputs));
  }
  int8_data_.open_random(std::move(samples), request_.calibration_cache);
  return {};
}

std::map<std::string, Shape> ConversionRun::opt_shapes() const {
  return configured_shapes(model_, request_.configuration);
}

/// The k-th sample where there is data, else seeded random inputs of the opt shapes. `model`: the one that
/// was opened or the one that was converted, whose inputs a remedy may have pinned.
Result<NamedValues> ConversionRun::inputs_of(const Model& model, size_t k) const {
  NamedValues given;
  if (samples_) {
    LATHE_ASSIGN(const Sample sample, samples_->sample(k));
    for (const auto& [name, tensor] : sample.inputs) given[name] = RuntimeValue(tensor);
  }
  return random_inputs(model, given.empty() ? opt_shapes() : std::map<std::string, Shape>{}, given,
                       request_.seed + k);
}

/// A few inputs of the data, from all over it; none without data.
Result<std::vector<NamedValues>> ConversionRun::some_samples() const {
  constexpr size_t most = 4;
  std::vector<NamedValues> some;
  const size_t count = samples_ ? samples_->count() : 0;
  for (size_t k = 0; k < std::min(most, count); ++k) {
    LATHE_ASSIGN(NamedValues whole, inputs_of(model_, k * count / std::min(most, count)));
    some.push_back(std::move(whole));
  }
  return some;
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

/// On a few samples of the data, else of the calibration data, else on random inputs.
Status ConversionRun::compare_modules() {
  constexpr size_t random = 2;
  Conversion& conversion = report_->conversion;
  if (!conversion.wide) return {};
  const CalibrationData& calibration = int8_data_.calibration();
  const bool calibrated = !samples_ && !calibration.samples.empty();
  const size_t there = samples_ ? samples_->count() : calibrated ? calibration.samples.size() : random;
  const SampleInputs sample = [&](size_t k) {
    return calibrated ? random_inputs(*conversion.model, {}, calibration.samples[k], request_.seed)
                      : inputs_of(*conversion.model, k);
  };
  job_.report(-1, "comparing the modules with fp32");
  const auto flops = static_cast<double>(request_.opened->summary.flops);
  auto made = module_accuracy(conversion, sample, compared_samples(flops, there), job_);
  if (made.ok()) {
    report_->module_accuracy = std::move(*made);
    report_->module_accuracy.data = samples_     ? samples_->name()
                                    : calibrated ? calibration.name
                                                 : "random inputs";
    return {};
  }
  if (made.error().kind == ErrorKind::interrupted) return std::move(made).error();
  const std::string why = "the modules could not be compared with fp32: " + made.error().text();
  conversion.notes.push_back({Severity::warning, "module_accuracy", "", why, "", {}});
  return {};
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
                        module_times(measured.statistics, report_->conversion), measured.statistics};
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
  data.module_accuracy = report_->module_accuracy;
  return data;
}

/// Where nothing converted there is no engine to tell a gain from: the first remedy is tried for real.
Status ConversionRun::measure_forecasts(const ConvertOptions& options, const NamedValues& inputs) {
  constexpr int warmup = 1, runs = 5;
  Conversion& conversion = report_->conversion;
  if (!conversion.partition.pieces.empty() || conversion.forecasts.empty() || wants_int8()) return {};
  // One that Lathe can take, whether unasked or not.
  const auto found = std::find_if(
      conversion.forecasts.begin(), conversion.forecasts.end(),
      [](const Forecast& each) { return each.converted > 0 && remedies().find(each.step.kind) != nullptr; });
  if (found == conversion.forecasts.end()) return {};
  Forecast& first = *found;
  Configuration configuration = conversion.configuration;
  configuration.remedies.push_back(first.step);
  ConvertOptions once = options;
  once.apply_remedies = once.look_ahead = false;
  job_.report(-1, "measuring what a remedy would bring");
  const auto made = convert(request_.opened->model, configuration, once, job_);
  LATHE_TRY(job_.check());
  // Inputs that were measured may be of other sizes than those that would be pinned.
  if (!made.ok() || !check_inputs(*made->model, inputs).ok()) return {};
  Session session(*made->runnable, inputs, request_.seed);
  LATHE_TRY(session.warm_up(warmup, job_));
  LATHE_ASSIGN(const std::vector<int64_t> times, session.time(runs, job_));
  first.latency_ns = distribution(times).p50;
  return {};
}

Result<std::shared_ptr<const ConvertReport>> ConversionRun::run() {
  report_->opened = request_.opened;
  ConvertOptions options;
  options.dry_run = request_.dry_run;
  options.apply_remedies = request_.apply_remedies;
  options.look_ahead = !request_.dry_run;
  if (request_.dry_run) {
    LATHE_TRY(open_data());
    LATHE_ASSIGN(options.samples, some_samples());
    LATHE_ASSIGN(report_->conversion, convert(request_.opened->model, request_.configuration, options, job_));
    report_->printed = dry_run_text(report_->conversion);
    return std::shared_ptr<const ConvertReport>(report_);
  }
  LATHE_ASSIGN(PendingFolder folder, PendingFolder::make(request_.out));
  use_threads(request_.threads);
  const TuningScope tuning(request_.configuration.tune);
  LATHE_TRY(open_data());
  LATHE_ASSIGN(options.samples, some_samples());
  if (wants_int8()) {
    LATHE_TRY(open_calibration());
    options.calibration = &int8_data_.calibration();
    options.score = int8_data_.score(job_);
    options.budget_share = int8_data_.budget_share();
    options.trials = trials_file();
    options.judge = int8_data_.judge();
  } else if (samples_ && metric_.name != "snr") {
    options.score = [this](Runnable& runnable) -> Result<double> {
      LATHE_ASSIGN(const Accuracy accuracy, evaluate(runnable, *samples_, metric_, request_.limit, job_));
      return accuracy.score();
    };
  }
  const int64_t begin = now_ns();
  auto converted = convert(request_.opened->model, request_.configuration, options, job_);
  std::error_code ignored;
  if (!converted.ok() && std::filesystem::exists(trials_file(), ignored))
    converted.error().hint("what was tried is kept in " + trials_file().string() +
                           ": the same conversion goes on from there");
  LATHE_ASSIGN(report_->conversion, std::move(converted));
  compile_ms_ = static_cast<double>(now_ns() - begin) / 1e6;
  LATHE_ASSIGN(const NamedValues inputs, inputs_of(*report_->conversion.model, 0));
  // What is written has to be of use in any folder: the data set that was used, in full.
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
  LATHE_TRY(measure_forecasts(options, inputs));
  LATHE_TRY(int8_data_.tell(report_->conversion.precision, *eager, *report_->conversion.runnable, job_,
                            report_->conversion.notes));
  LATHE_TRY(compare_modules());
  const ReportData data = report_data();
  report_->printed = workflow_report_text(data);
  LATHE_TRY(write_folder(folder.path(), *report_, data, job_));
  LATHE_TRY(folder.commit());
  std::filesystem::remove(trials_file(), ignored);
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
