// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/shapes_from_data.h"

#include <algorithm>

namespace lathe {
namespace {

/// How many samples have which size, by axis.
using Sizes = std::vector<std::map<int64_t, size_t>>;

bool is_open(const Value& input, const Configuration& configuration) {
  return input.type.is_tensor() && !input.type.is_static() && !configuration.range(input.name);
}

Status count_sizes(const std::string& input, const Tensor& tensor, const std::string& sample, Sizes& sizes,
                   bool first) {
  if (first) sizes.resize(tensor.rank());
  if (sizes.size() != tensor.rank())
    return bad_input(sample, "input '" + input + "' has rank " + std::to_string(tensor.rank()) +
                                 ", in samples before it had rank " + std::to_string(sizes.size()));
  for (size_t axis = 0; axis < sizes.size(); ++axis) ++sizes[axis][tensor.dim(axis)];
  return {};
}

int64_t most_frequent(const std::map<int64_t, size_t>& counts) {
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

/// "input 'img' is 1x3x96x96 in all 300 samples of scenes.json: pinned".
std::string told(const std::string& input, const Shape& opt, const Sizes& sizes,
                 const SampleSource& samples) {
  std::string varying;
  for (size_t axis = 0; axis < sizes.size(); ++axis)
    if (sizes[axis].size() > 1)
      varying += (varying.empty() ? "" : "; ") + ("axis " + std::to_string(axis)) + " goes from " +
                 std::to_string(sizes[axis].begin()->first) + " to " +
                 std::to_string(sizes[axis].rbegin()->first) + ", mostly " + std::to_string(opt[axis]) +
                 " (" + std::to_string(sizes[axis].at(opt[axis])) + " samples)";
  const std::string of = " " + std::to_string(samples.count()) + " samples of " + samples.name();
  if (varying.empty()) return "input '" + input + "' is " + to_string(opt) + " in all" + of + ": pinned";
  return "input '" + input + "' varies over the" + of + ": " + varying + "; the other axes are pinned";
}

void apply(const Value& input, const Sizes& sizes, const SampleSource& samples,
           Configuration& configuration) {
  Shape opt;
  for (const auto& counts : sizes) opt.push_back(most_frequent(counts));
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis].size() < 2) continue;
    const bool named = input.type.dims && axis < input.type.dims->size() && !(*input.type.dims)[axis].known();
    configuration.dynamic_axes[input.name][static_cast<int>(axis)] = {
        named ? (*input.type.dims)[axis].text() : input.name + "_" + std::to_string(axis),
        sizes[axis].begin()->first, opt[axis], sizes[axis].rbegin()->first};
  }
  configuration.notes.push_back(
      {Severity::note, "shapes_from_data", "", told(input.name, opt, sizes, samples), "", {}});
  configuration.input_shapes[input.name] = std::move(opt);
}

}  // namespace

Status shapes_from_data(const Model& model, const SampleSource& samples, Configuration& configuration,
                        const JobContext& job) {
  if (samples.count() == 0) return bad_input(samples.name(), "holds no samples to learn shapes from");
  std::map<std::string, Sizes> seen;
  for (const ValueId id : model.graph.inputs())
    if (is_open(model.graph.value(id), configuration)) seen[model.graph.value(id).name];
  if (seen.empty()) return {};
  for (size_t k = 0; k < samples.count(); ++k) {
    LATHE_TRY(job.check());
    job.report(static_cast<double>(k) / static_cast<double>(samples.count()), "learning shapes");
    LATHE_ASSIGN(const Sample sample, samples.sample(k));
    const std::string where = samples.name() + ", sample " + std::to_string(k);
    for (auto& [input, sizes] : seen)
      if (const auto found = sample.inputs.find(input); found != sample.inputs.end())
        LATHE_TRY(count_sizes(input, found->second, where, sizes, sizes.empty()));
  }
  for (const ValueId id : model.graph.inputs()) {
    const auto found = seen.find(model.graph.value(id).name);
    if (found != seen.end() && !found->second.empty())
      apply(model.graph.value(id), found->second, samples, configuration);
  }
  return {};
}

}  // namespace lathe
