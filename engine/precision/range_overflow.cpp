// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/range_overflow.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "engine/precision/calibration.h"

namespace lathe {
namespace {

constexpr float largest_f16 = 65504;
constexpr int64_t most_bytes = int64_t{256} << 20;  // of the tensors that one pass over the samples keeps

float largest_of(std::span<const float> numbers) {
  float largest = 0;
  for (const float number : numbers)
    if (std::isfinite(number)) largest = std::max(largest, std::abs(number));
  return largest;
}

/// What nodes make in f32, in parts that fit into memory together.
std::vector<std::vector<std::string>> parts_of(const Graph& graph, const InferenceResult& types) {
  std::vector<std::vector<std::string>> parts(1);
  int64_t bytes = 0;
  for (const Value& value : graph.values()) {
    const TypeInfo& type = types.type(value.id);
    if (!value.alive || !value.producer.valid() || value.constant.defined() || !type.is_static() ||
        type.element != ElementType::f32)
      continue;
    const int64_t size = element_count(to_shape(*type.dims)) * static_cast<int64_t>(sizeof(float));
    if (bytes + size > most_bytes && !parts.back().empty()) {
      parts.emplace_back();
      bytes = 0;
    }
    parts.back().push_back(value.name);
    bytes += size;
  }
  return parts;
}

}  // namespace

Result<std::unordered_map<std::string, std::string>> beyond_f16(const std::shared_ptr<const Model>& model,
                                                                const InferenceResult& types,
                                                                const std::vector<NamedValues>& samples,
                                                                const JobContext& job) {
  const Graph& graph = model->graph;
  CalibrationData data;
  data.name = "samples";
  data.samples = samples;
  std::map<std::string, float> largest;
  const TensorSeen look = [&](const std::string& name, const Tensor& tensor, size_t) -> Status {
    float& known = largest[name];
    known = std::max(known, largest_of(tensor.data<float>()));
    return {};
  };
  for (const std::vector<std::string>& part : parts_of(graph, types))
    LATHE_TRY(observe(model, part, data, 0, job, look));
  std::unordered_map<std::string, std::string> keep;
  for (const auto& [name, magnitude] : largest) {
    if (magnitude <= largest_f16) continue;
    const Value& value = graph.value(*graph.find_value(name));
    const std::string reach = fmt::format("reaches {:.3g} on the data, beyond what f16 holds", magnitude);
    keep.try_emplace(graph.node(value.producer).name, "its result " + reach);
    for (const NodeId consumer : value.consumers)
      keep.try_emplace(graph.node(consumer).name, "reads '" + name + "', which " + reach);
  }
  return keep;
}

}  // namespace lathe
