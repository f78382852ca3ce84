// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/module_accuracy.h"

#include <algorithm>
#include <set>

#include "engine/ops/inference.h"
#include "engine/precision/calibration.h"

namespace lathe {
namespace {

constexpr int64_t most_bytes = int64_t{256} << 20;  // of the tensors of one run that are compared at a time

using Places = std::set<size_t>;

class BorderFinder {
 public:
  BorderFinder(const Model& wide, const Model& converted)
      : wide_(wide),
        graph_(wide.graph),
        converted_(converted.graph),
        varies_(graph_.values().size(), false),
        last_(graph_.values().size()),
        entering_(wide.modules.modules().size()) {}

  Result<std::vector<ModuleBorder>> run() {
    LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph_));
    for (const ValueId input : graph_.inputs()) varies_[input.index] = true;
    for (const NodeId id : order) visit(graph_.node(id));
    return std::move(borders_);
  }

 private:
  ModuleId module_of(const Node& node) const {
    return node.module.valid() ? node.module : ModuleTree::root();
  }

  void visit(const Node& node) {
    Places made_of;
    bool varies = false;
    for (const ValueId input : node.inputs) {
      if (!input.valid() || !varies_[input.index]) continue;
      varies = true;
      made_of.insert(last_[input.index].begin(), last_[input.index].end());
      enter(node, input);
    }
    for (const ValueId output : node.outputs) {
      if (!output.valid()) continue;
      varies_[output.index] = varies;
      last_[output.index] = made_of;
      if (varies) leave(node, output, made_of);
    }
  }

  /// What flows into modules is noted as their nodes come: a module that is called twice has both behind it.
  void enter(const Node& node, ValueId input) {
    const NodeId maker = graph_.value(input).producer;
    for (ModuleId at = module_of(node); at != ModuleTree::root(); at = wide_.modules[at].parent)
      if (!maker.valid() || !wide_.modules.contains(at, module_of(graph_.node(maker))))
        entering_[at.index].insert(last_[input.index].begin(), last_[input.index].end());
  }

  void leave(const Node& node, ValueId output, const Places& made_of) {
    const ModuleId owner = module_of(node);
    std::optional<size_t> first;
    for (ModuleId at = owner; at.valid(); at = wide_.modules[at].parent) {
      const std::optional<std::string> stands_for = counterpart(output, at);
      if (!stands_for) continue;
      const Places& before = at == ModuleTree::root() ? made_of : entering_[at.index];
      if (!first) first = borders_.size();
      borders_.push_back({wide_.modules[at].path,
                          graph_.value(output).name,
                          *stands_for,
                          at == owner,
                          {before.begin(), before.end()}});
    }
    if (first) last_[output.index] = {*first};
  }

  /// What the first reader outside of `module` reads in the converted model in place of `value`; nothing
  /// where there is no such reader, or no such value. Readers keep their names and the order of their inputs.
  std::optional<std::string> counterpart(ValueId id, ModuleId module) const {
    const Value& value = graph_.value(id);
    const auto by_name = [&]() -> std::optional<std::string> {
      const auto same = converted_.find_value(value.name);
      return same ? std::optional(value.name) : std::nullopt;
    };
    if (value.is_output) return by_name();
    for (const NodeId consumer : value.consumers) {
      const Node& reader = graph_.node(consumer);
      if (module == ModuleTree::root() || wide_.modules.contains(module, module_of(reader))) continue;
      const auto node = converted_.find_node(reader.name);
      const auto place = std::find(reader.inputs.begin(), reader.inputs.end(), id) - reader.inputs.begin();
      const auto at = static_cast<size_t>(place);
      if (!node || at >= reader.inputs.size() || at >= converted_.node(*node).inputs.size()) return by_name();
      const ValueId read = converted_.node(*node).inputs[at];
      return read.valid() ? std::optional(converted_.value(read).name) : std::nullopt;
    }
    return std::nullopt;
  }

  const Model& wide_;
  const Graph& graph_;
  const Graph& converted_;
  std::vector<bool> varies_;      ///< by value: depends on the inputs
  std::vector<Places> last_;      ///< by value: borders that it passed last
  std::vector<Places> entering_;  ///< by module
  std::vector<ModuleBorder> borders_;
};

/// Parts of the list whose tensors fit into memory together, both models counted.
std::vector<std::vector<ModuleBorder>> parts_of(const std::vector<ModuleBorder>& borders,
                                                const std::map<std::string, int64_t>& bytes) {
  std::vector<std::vector<ModuleBorder>> parts(1);
  int64_t sum = 0;
  for (const ModuleBorder& border : borders) {
    const int64_t size = 2 * bytes.at(border.tensor);
    if (sum + size > most_bytes && !parts.back().empty()) {
      parts.emplace_back();
      sum = 0;
    }
    parts.back().push_back(border);
    sum += size;
  }
  return parts;
}

/// Of the floating-point tensors among them; those of sizes that are not known count as small.
std::map<std::string, int64_t> bytes_of(const Model& model, const std::vector<ModuleBorder>& borders,
                                        const NamedValues& inputs) {
  InferenceOptions options;
  for (const auto& [name, value] : inputs)
    if (value.is_tensor()) options.input_shapes[name] = to_dims(value.tensor.shape());
  const InferenceResult types = infer(model.graph, options);
  std::map<std::string, int64_t> bytes;
  for (const ModuleBorder& border : borders) {
    const TypeInfo& type = types.type(*model.graph.find_value(border.tensor));
    if (!type.is_tensor() || !is_float(type.element)) continue;
    bytes[border.tensor] =
        type.is_static() ? element_count(to_shape(*type.dims)) * static_cast<int64_t>(sizeof(float)) : 4096;
  }
  return bytes;
}

Status run_side_by_side(Runnable& wide, Runnable& converted, const SampleInputs& sample, size_t count,
                        BorderComparison& comparison, const JobContext& job) {
  RunOptions options;
  options.job = &job;
  for (size_t k = 0; k < count; ++k) {
    LATHE_TRY(job.check());
    LATHE_ASSIGN(const NamedValues inputs, sample(k));
    LATHE_ASSIGN(const NamedValues expected, wide.run(inputs, options));
    LATHE_ASSIGN(const NamedValues got, converted.run(inputs, options));
    comparison.add(expected, got);
    job.report(
        static_cast<double>(k + 1) / static_cast<double>(count),
        "compared the modules on " + std::to_string(k + 1) + " of " + std::to_string(count) + " samples");
  }
  return {};
}

}  // namespace

Result<std::vector<ModuleBorder>> module_borders(const Model& wide, const Model& converted) {
  return BorderFinder(wide, converted).run();
}

size_t compared_samples(double flops, size_t there) {
  constexpr double most_flops = 3e11, most = 8;
  return std::min(static_cast<size_t>(std::clamp(most_flops / std::max(1.0, flops), 1.0, most)), there);
}

// The converted side runs the engines of the conversion's own partition, with the borders as outputs, too:
// what engines compute is compared, in their kernels, and not what an eager run of the same graph would. Only
// fusions across a border are not made then; they round less, never more. The fp32 side runs eagerly, which
// every model can.
Result<ModuleAccuracy> module_accuracy(const Conversion& conversion, const SampleInputs& sample, size_t count,
                                       const JobContext& job) {
  if (!conversion.wide || conversion.wide == conversion.model || count == 0) return ModuleAccuracy();
  LATHE_ASSIGN(std::vector<ModuleBorder> borders, module_borders(*conversion.wide, *conversion.model));
  LATHE_ASSIGN(const NamedValues first, sample(0));
  const std::map<std::string, int64_t> bytes = bytes_of(*conversion.wide, borders, first);
  BorderComparison comparison(borders);
  std::erase_if(borders, [&](const ModuleBorder& each) { return !bytes.contains(each.tensor); });
  for (const std::vector<ModuleBorder>& part : parts_of(borders, bytes)) {
    std::vector<std::string> plain, lowered;
    for (const ModuleBorder& border : part) {
      plain.push_back(border.tensor);
      lowered.push_back(border.converted);
    }
    LATHE_ASSIGN(const auto wide, make_eager(with_outputs(*conversion.wide, plain)));
    LATHE_ASSIGN(const auto converted,
                 make_converted(with_outputs(*conversion.model, lowered), conversion.partition));
    LATHE_TRY(run_side_by_side(*wide, *converted, sample, count, comparison, job));
  }
  ModuleAccuracy made = comparison.result();
  made.samples = count;
  return made;
}

}  // namespace lathe
