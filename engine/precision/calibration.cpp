// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/calibration.h"

#include <cmath>
#include <utility>

#include "engine/runtime/converted.h"

namespace lathe {
namespace {

/// Errors when an element is not finite; tells whether all are equal to `first`.
Result<bool> is_constant(const Tensor& tensor, float first) {
  bool same = true;
  for (const float value : tensor.data<float>()) {
    if (!std::isfinite(value)) return bad_input("", std::isnan(value) ? "holds NaN" : "holds infinity");
    same = same && value == first;
  }
  return same;
}

/// The model with the named values as outputs, too.
std::shared_ptr<Model> observed(const Model& model, const std::vector<std::string>& values) {
  auto made = std::make_shared<Model>(model);
  made->graph = model.graph.clone();
  GraphEditor editor(made->graph);
  for (const std::string& name : values)
    if (const auto id = made->graph.find_value(name);
        id && made->graph.value(*id).producer.valid() && !made->graph.value(*id).is_output)
      editor.add_output(*id);
  return made;
}

}  // namespace

Result<CalibrationData> calibration_data(const SampleSource& source, size_t limit) {
  CalibrationData data;
  data.name = source.name();
  data.notes = source.notes();
  const size_t count = limit == 0 ? source.count() : std::min(limit, source.count());
  if (count == 0) return bad_input(data.name, "holds no samples to calibrate with");
  std::map<std::string, bool> constant;
  for (size_t k = 0; k < count; ++k) {
    LATHE_ASSIGN(const Sample sample, source.sample(k));
    NamedValues inputs;
    for (const auto& [name, tensor] : sample.inputs) {
      inputs[name] = RuntimeValue(tensor);
      if (tensor.type() != ElementType::f32 || tensor.count() == 0) continue;
      const NamedValues& first = data.samples.empty() ? inputs : data.samples.front();
      auto same = is_constant(tensor, first.at(name).tensor.data<float>()[0]);
      if (!same.ok())
        return bad_input(data.name,
                         "sample " + std::to_string(k) + ": input '" + name + "' " + same.error().what);
      constant[name] = (k == 0 || constant[name]) && *same;
    }
    data.samples.push_back(std::move(inputs));
  }
  for (const auto& [name, same] : constant)
    if (same)
      data.notes.push_back({Severity::warning,
                            "constant_calibration",
                            data.name,
                            "input '" + name +
                                "' is the same number everywhere in the calibration data: ranges found with "
                                "it will not fit real inputs",
                            "",
                            {}});
  return data;
}

Result<Calibration> calibrate(const std::shared_ptr<const Model>& model,
                              const std::vector<std::string>& values, const CalibrationData& data,
                              const JobContext& job) {
  Calibration calibration;
  LATHE_ASSIGN(const auto runnable, make_engine_model(observed(*model, values)));
  RunOptions options;
  options.job = &job;
  for (size_t k = 0; k < data.samples.size(); ++k) {
    LATHE_TRY(job.check());
    auto outputs = runnable->run(data.samples[k], options);
    if (!outputs.ok()) {
      outputs.error().where = data.name + ": sample " + std::to_string(k);
      return std::move(outputs).error();
    }
    for (const std::string& name : values) {
      const NamedValues& inputs = data.samples[k];
      const auto input = inputs.find(name);
      const auto output = outputs->find(name);
      const RuntimeValue* value = output != outputs->end() ? &output->second
                                  : input != inputs.end()  ? &input->second
                                                           : nullptr;
      if (value == nullptr || !value->is_tensor() || value->tensor.type() != ElementType::f32) continue;
      TensorHistogram& histogram = calibration[name];
      histogram.add(value->tensor.data<float>());
      if (histogram.not_finite() > 0)
        return bad_input(data.name, "sample " + std::to_string(k) + ": tensor '" + name +
                                        "' is not finite in fp32 already");
    }
    job.report(static_cast<double>(k + 1) / static_cast<double>(data.samples.size()),
               "calibrated with " + std::to_string(k + 1) + " of " + std::to_string(data.samples.size()) +
                   " samples");
  }
  return calibration;
}

}  // namespace lathe
