// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/runtime/engine_prefix.h"

namespace lathe {
namespace {

/// What one input holds over the samples.
struct InputCheck {
  bool constant = true;   ///< the same number everywhere
  bool identical = true;  ///< every sample is like the first
  size_t blank = 0;       ///< samples of one number each
  size_t first_blank = 0;
};

Status check_finite(const Tensor& tensor) {
  for (const float value : tensor.data<float>())
    if (!std::isfinite(value)) return bad_input("", std::isnan(value) ? "holds NaN" : "holds infinity");
  return {};
}

bool is_blank(std::span<const float> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [&](float each) { return each == numbers[0]; });
}

void look_at(InputCheck& check, size_t sample, std::span<const float> numbers,
             std::span<const float> first_numbers) {
  const bool blank = is_blank(numbers);
  check.constant = check.constant && blank && numbers[0] == first_numbers[0];
  check.identical = check.identical &&
                    std::equal(numbers.begin(), numbers.end(), first_numbers.begin(), first_numbers.end());
  if (blank && numbers.size() > 1 && check.blank++ == 0) check.first_blank = sample;
}

/// What makes ranges doubtful, in words; nothing where all is well.
std::string doubt(const std::string& input, const InputCheck& check, size_t samples) {
  const std::string name = "input '" + input + "'";
  if (check.constant)
    return name +
           " is the same number everywhere in the calibration data: ranges found with it will not fit "
           "real inputs";
  if (samples > 1 && check.identical)
    return name + " is the same in all " + std::to_string(samples) + " samples: they tell no more than one";
  if (check.blank > 0)
    return name + " is one number throughout in " + std::to_string(check.blank) + " of " +
           std::to_string(samples) + " samples, the first is sample " + std::to_string(check.first_blank);
  return "";
}

}  // namespace

std::shared_ptr<Model> with_outputs(const Model& model, const std::vector<std::string>& values) {
  auto made = std::make_shared<Model>(model);
  made->graph = model.graph.clone();
  GraphEditor editor(made->graph);
  for (const std::string& name : values)
    if (const auto id = made->graph.find_value(name);
        id && made->graph.value(*id).producer.valid() && !made->graph.value(*id).is_output)
      editor.add_output(*id);
  return made;
}

Result<CalibrationData> calibration_data(const SampleSource& source, size_t limit) {
  CalibrationData data;
  data.name = source.name();
  data.notes = source.notes();
  const size_t count = limit == 0 ? source.count() : std::min(limit, source.count());
  if (count == 0) return bad_input(data.name, "holds no samples to calibrate with");
  std::map<std::string, InputCheck> checks;
  for (size_t k = 0; k < count; ++k) {
    LATHE_ASSIGN(const Sample sample, source.sample(k));
    NamedValues inputs;
    for (const auto& [name, tensor] : sample.inputs) {
      inputs[name] = RuntimeValue(tensor);
      if (tensor.type() != ElementType::f32 || tensor.count() == 0) continue;
      if (const Status finite = check_finite(tensor); !finite.ok())
        return bad_input(data.name,
                         "sample " + std::to_string(k) + ": input '" + name + "' " + finite.error().what);
      const NamedValues& first = data.samples.empty() ? inputs : data.samples.front();
      look_at(checks[name], k, tensor.data<float>(), first.at(name).tensor.data<float>());
    }
    data.samples.push_back(std::move(inputs));
  }
  const auto warn = [&](std::string text) {
    data.notes.push_back({Severity::warning, "doubtful_calibration", data.name, std::move(text), "", {}});
  };
  for (const auto& [name, check] : checks)
    if (std::string text = doubt(name, check, count); !text.empty()) warn(std::move(text));
  if (count == 1) warn("one sample is all there is to calibrate with: ranges of other inputs will differ");
  return data;
}

Status observe(const std::shared_ptr<const Model>& model, const std::vector<std::string>& values,
               const CalibrationData& data, size_t limit, const JobContext& job, const TensorSeen& seen) {
  LATHE_ASSIGN(const auto runnable, make_engine_prefix(with_outputs(*model, values)));
  RunOptions options;
  options.job = &job;
  const size_t count = limit == 0 ? data.samples.size() : std::min(limit, data.samples.size());
  for (size_t k = 0; k < count; ++k) {
    LATHE_TRY(job.check());
    const NamedValues& inputs = data.samples[k];
    auto outputs = runnable->run(inputs, options);
    if (!outputs.ok()) {
      outputs.error().where = data.name + ": sample " + std::to_string(k);
      return std::move(outputs).error();
    }
    for (const std::string& name : values) {
      const auto input = inputs.find(name);
      const auto output = outputs->find(name);
      const RuntimeValue* value = output != outputs->end() ? &output->second
                                  : input != inputs.end()  ? &input->second
                                                           : nullptr;
      if (value != nullptr && value->is_tensor() && value->tensor.type() == ElementType::f32)
        LATHE_TRY(seen(name, value->tensor, k));
    }
    job.report(static_cast<double>(k + 1) / static_cast<double>(count),
               "calibrated with " + std::to_string(k + 1) + " of " + std::to_string(count) + " samples");
  }
  return {};
}

Result<Calibration> calibrate(const std::shared_ptr<const Model>& model,
                              const std::vector<std::string>& values, const CalibrationData& data,
                              const JobContext& job) {
  Calibration calibration;
  LATHE_TRY(observe(model, values, data, 0, job,
                    [&](const std::string& name, const Tensor& tensor, size_t sample) -> Status {
                      TensorHistogram& histogram = calibration[name];
                      histogram.add(tensor.data<float>());
                      if (histogram.not_finite() == 0) return {};
                      return bad_input(data.name, "sample " + std::to_string(sample) + ": tensor '" + name +
                                                      "' is not finite in fp32 already");
                    }));
  return calibration;
}

}  // namespace lathe
