// SPDX-License-Identifier: Apache-2.0
#include "profiler/evaluate/evaluate.h"

#include <algorithm>

#include "engine/base/strings.h"
#include "profiler/evaluate/metric.h"
#include "profiler/evaluate/metric_list.h"

namespace lathe {
namespace {

constexpr std::string_view command_prefix = "command:";

bool classifies(const std::string& metric) {
  return metric == "top1" || metric == "top5";
}

Result<NamedValues> run_sample(Runnable& runnable, const Sample& sample, size_t index,
                               const JobContext& job) {
  NamedValues inputs(sample.inputs.begin(), sample.inputs.end());
  RunOptions options;
  options.job = &job;
  auto outputs = runnable.run(inputs, options);
  if (!outputs.ok() && outputs.error().kind != ErrorKind::interrupted)
    outputs.error().hint("while running sample " + std::to_string(index));
  return outputs;
}

Error unknown_metric(const std::string& name, const MetricRegistry& registry) {
  Error error = usage_error("", "there is no metric '" + name + "'");
  const std::string nearest = nearest_name(name, registry.names());
  if (!nearest.empty()) error.hint("did you mean '" + nearest + "'?");
  return error.hint("metrics: " + join(registry.names(), ", "));
}

}  // namespace

const MetricInfo* MetricRegistry::find(std::string_view name) const {
  const auto found = std::find_if(metrics_.begin(), metrics_.end(),
                                  [&](const MetricInfo& info) { return info.name == name; });
  return found == metrics_.end() ? nullptr : &*found;
}

std::vector<std::string> MetricRegistry::names() const {
  std::vector<std::string> names;
  for (const MetricInfo& info : metrics_) names.push_back(info.name);
  return names;
}

MetricRegistry make_metric_registry() {
  MetricRegistry registry;
  register_all_metrics(registry);
  return registry;
}

std::vector<std::pair<std::string, std::string>> list_metrics() {
  std::vector<std::pair<std::string, std::string>> out;
  const MetricRegistry registry = make_metric_registry();
  for (const MetricInfo& info : registry.all()) out.emplace_back(info.name, info.description);
  return out;
}

Result<const Tensor*> find_output(const NamedValues& outputs, const std::string& name, const char* key) {
  std::vector<std::string> names;
  for (const auto& [present, value] : outputs) names.push_back(present);
  if (name.empty() && outputs.size() != 1)
    return Error(usage_error("", std::string("the metric's \"") + key + "\" must say which output it reads"))
        .hint("outputs: " + join(names, ", "));
  const auto found = name.empty() ? outputs.begin() : outputs.find(name);
  if (found == outputs.end()) {
    Error error =
        usage_error("", "the model has no output '" + name + "', which the metric's \"" + key + "\" names");
    const std::string nearest = nearest_name(name, names);
    return error.hint(nearest.empty() ? "outputs: " + join(names, ", ") : "did you mean '" + nearest + "'?");
  }
  const RuntimeValue& value = found->second;
  if (!value.is_tensor() || value.tensor.type() == ElementType::string)
    return usage_error("", "output '" + found->first + "' is not a tensor of numbers");
  return &value.tensor;
}

Result<MetricSpec> choose_metric(const std::string& asked, const SampleSource& samples) {
  const MetricRegistry registry = make_metric_registry();
  MetricSpec spec = samples.metric();
  if (asked.starts_with(command_prefix)) {
    spec = {};
    spec.name = "command";
    spec.command = asked.substr(command_prefix.size());
  } else if (!asked.empty() && asked != spec.name) {
    if (!(classifies(asked) && classifies(spec.name))) spec = {};
    spec.name = asked;
  }
  if (spec.name.empty())
    spec.name = samples.coco() != nullptr ? "coco-ap" : samples.has_labels() ? "top1" : "";
  if (spec.name.empty())
    return Error(usage_error(samples.name(), "has no labels and asks for no metric"))
        .hint("metrics: " + join(registry.names(), ", "));
  if (registry.find(spec.name) == nullptr) return unknown_metric(spec.name, registry);
  return spec;
}

Result<Accuracy> evaluate(Runnable& runnable, const SampleSource& samples, const MetricSpec& metric,
                          size_t limit, const JobContext& job, Runnable* reference) {
  const MetricRegistry registry = make_metric_registry();
  const MetricInfo* info = registry.find(metric.name);
  if (info == nullptr) return unknown_metric(metric.name, registry);
  if (info->needs_reference && reference == nullptr)
    return usage_error("", "the metric " + info->name + " compares with a reference run, and there is none");
  LATHE_ASSIGN(const auto judge, info->make(metric, samples));

  Accuracy accuracy;
  accuracy.metric = metric.name;
  accuracy.main_value = info->main_value;
  accuracy.samples = limit == 0 ? samples.count() : std::min(limit, samples.count());
  if (accuracy.samples == 0) return bad_input(samples.name(), "has no samples");
  for (size_t k = 0; k < accuracy.samples; ++k) {
    LATHE_TRY(job.check());
    LATHE_ASSIGN(const Sample sample, samples.sample(k));
    LATHE_ASSIGN(const NamedValues outputs, run_sample(runnable, sample, k, job));
    NamedValues expected;
    if (info->needs_reference) {
      LATHE_ASSIGN(expected, run_sample(*reference, sample, k, job));
    }
    Status updated = judge->update({k, outputs, info->needs_reference ? &expected : nullptr, samples,
                                    sample.geometry ? &*sample.geometry : nullptr});
    if (!updated.ok()) {
      updated.error().where = samples.name() + ": sample " + std::to_string(k);
      return std::move(updated).error();
    }
    job.report(static_cast<double>(k + 1) / static_cast<double>(accuracy.samples),
               "evaluated " + std::to_string(k + 1) + " of " + std::to_string(accuracy.samples) + " samples");
  }
  LATHE_ASSIGN(accuracy.values, judge->result(job));
  return accuracy;
}

std::vector<InputSpec> input_specs(const Model& model) {
  std::vector<InputSpec> specs;
  for (const ValueId id : model.graph.inputs()) {
    const Value& value = model.graph.value(id);
    InputSpec spec;
    spec.name = value.name;
    spec.type = value.type.element;
    if (value.type.dims) {
      spec.axes.emplace();
      for (const Dim& dim : *value.type.dims)
        spec.axes->push_back(dim.known() ? InputSpec::Axis{dim.value(), ""}
                                         : InputSpec::Axis{-1, dim.text()});
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace lathe
