// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/convert/remedies/composer.h"
#include "engine/convert/remedies/unroll.h"

namespace lathe {
namespace {

/// How a Scan goes through one of its inputs, or puts an output together.
struct Way {
  int64_t axis = 0;  ///< may be negative
  bool backward = false;
};

class ScanUnrolling {
 public:
  explicit ScanUnrolling(RemedyContext& context) : context_(context), editor_(context.model.graph) {}

  Result<std::string> run() {
    LATHE_ASSIGN(const NodeId id, node_of(context_, "Scan"));
    node_ = context_.model.graph.node(id);
    LATHE_TRY(check());
    LATHE_ASSIGN(const int64_t rounds, count_rounds());
    LATHE_TRY(few_enough(rounds, *body_));
    if (rounds == 0 && !rows_.empty()) return usage_error("", "it has no rounds to stack the results of");
    std::vector<ValueId> state(node_.inputs.begin(),
                               node_.inputs.begin() + static_cast<std::ptrdiff_t>(states_));
    for (int64_t round = 0; round < rounds; ++round) add_round(round, rounds, state);
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (ways_out_[i].backward) std::reverse(rows_[i].begin(), rows_[i].end());
      state.push_back(composer().add("Concat", rows_[i], {{"axis", ways_out_[i].axis}}));
    }
    replace_node(editor_, id, state);
    return "unrolled '" + node_.name + "' into its " + std::to_string(rounds) + " rounds";
  }

 private:
  Composer composer() { return {editor_, node_, node_.version}; }

  Status check() {
    const auto* body = node_.attributes.get<std::shared_ptr<Graph>>("body");
    const int64_t scanned = node_.attributes.get_int("num_scan_inputs", 0);
    if (body == nullptr || scanned < 1 || scanned > static_cast<int64_t>(node_.inputs.size()))
      return usage_error("", "it has no body or goes through no input");
    if (node_.version < 9) return usage_error("", "in opset 8 it goes through batches: upgrade the opset");
    body_ = *body;
    states_ = node_.inputs.size() - static_cast<size_t>(scanned);
    if (body_->inputs().size() != node_.inputs.size() || body_->outputs().size() != node_.outputs.size() ||
        node_.outputs.size() < states_)
      return usage_error("", "its body has other inputs and outputs than it");
    rows_.resize(node_.outputs.size() - states_);
    ways_in_ = ways("scan_input_axes", "scan_input_directions", static_cast<size_t>(scanned));
    ways_out_ = ways("scan_output_axes", "scan_output_directions", rows_.size());
    return {};
  }

  std::vector<Way> ways(const char* axes, const char* directions, size_t count) const {
    std::vector<Way> made(count);
    const auto* axis = node_.attributes.get<std::vector<int64_t>>(axes);
    const auto* direction = node_.attributes.get<std::vector<int64_t>>(directions);
    for (size_t i = 0; i < count; ++i) {
      if (axis != nullptr && i < axis->size()) made[i].axis = (*axis)[i];
      made[i].backward = direction != nullptr && i < direction->size() && (*direction)[i] != 0;
    }
    return made;
  }

  /// The size that all inputs it goes through have along their axes.
  Result<int64_t> count_rounds() const {
    std::optional<int64_t> rounds;
    for (size_t i = 0; i < ways_in_.size(); ++i) {
      const ValueId input = node_.inputs[states_ + i];
      const TypeInfo& type = context_.types.type(input);
      const auto axis =
          type.dims ? normalize_axis(ways_in_[i].axis, type.dims->size()) : std::optional<int64_t>();
      if (!axis || !(*type.dims)[static_cast<size_t>(*axis)].known())
        return usage_error("", "how often it runs is not known: '" + context_.model.graph.value(input).name +
                                   "' has an open size");
      const int64_t size = (*type.dims)[static_cast<size_t>(*axis)].value();
      if (rounds && *rounds != size) return usage_error("", "its inputs are of different lengths");
      rounds = size;
    }
    return *rounds;
  }

  void add_round(int64_t round, int64_t rounds, std::vector<ValueId>& state) {
    std::vector<ValueId> inputs = state;
    for (size_t i = 0; i < ways_in_.size(); ++i) {
      const int64_t at = ways_in_[i].backward ? rounds - 1 - round : round;
      inputs.push_back(composer().add("Gather", {node_.inputs[states_ + i], composer().whole(at)},
                                      {{"axis", ways_in_[i].axis}}));
    }
    const std::vector<ValueId> made =
        inline_body(editor_, *body_, inputs, node_, node_.name + "/" + std::to_string(round) + "/");
    for (size_t i = 0; i < states_; ++i) state[i] = made[i];
    for (size_t i = 0; i < rows_.size(); ++i)
      rows_[i].push_back(composer().unsqueeze(made[states_ + i], ways_out_[i].axis));
  }

  RemedyContext& context_;
  GraphEditor editor_;
  Node node_;
  std::shared_ptr<Graph> body_;
  size_t states_ = 0;
  std::vector<Way> ways_in_, ways_out_;
  std::vector<std::vector<ValueId>> rows_;  ///< of each output that is put together, in order of rounds
};

}  // namespace

Result<std::string> unroll_scan(RemedyContext& context) {
  return ScanUnrolling(context).run();
}

}  // namespace lathe
