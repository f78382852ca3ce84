// SPDX-License-Identifier: Apache-2.0
// split_input: sequences and optionals whose items can be told one by one give way to the tensors they hold.
// An output that is one becomes as many outputs, named as in an .npz: y.0, y.1 and so on.
#include <algorithm>
#include <unordered_map>

#include "engine/base/strings.h"
#include "engine/convert/known_values.h"
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

using Items = std::vector<ValueId>;

class Splitting {
 public:
  explicit Splitting(RemedyContext& context)
      : context_(context), graph_(context.model.graph), editor_(context.model.graph) {}

  Result<std::string> run() {
    const auto module = context_.model.modules.find(context_.step.subject);
    if (!module) return usage_error("", "there is no such module");
    LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph_));
    for (const NodeId id : order) {
      const Node node = graph_.node(id);
      const ModuleId owner = node.module.valid() ? node.module : ModuleTree::root();
      if (!node.domain.empty() || !context_.model.modules.contains(*module, owner)) continue;
      follow(node);
    }
    split_outputs();
    if (replaced_ == 0 && split_.empty())
      return usage_error("", "no sequence there can be told item by item");
    std::string text = "split sequences and optionals into tensors: ";
    if (replaced_ > 0) text += std::to_string(replaced_) + " nodes read plain tensors now";
    if (!split_.empty()) text += (replaced_ > 0 ? "; " : "") + join(split_, ", ");
    return text;
  }

 private:
  /// What the node does to items that are known, or with them.
  void follow(const Node& node) {
    const std::string& op = node.op_type;
    if (op == "SequenceEmpty") known_[node.outputs[0]] = {};
    if (op == "SequenceConstruct") known_[node.outputs[0]] = node.inputs;
    if (op == "SplitToSequence") split(node);
    if (op == "Optional" && !node.inputs.empty() && node.inputs[0].valid()) optional(node);
    if (node.inputs.empty() || !node.inputs[0].valid()) return;
    if (const auto held = present_.find(node.inputs[0]); held != present_.end())
      read_optional(node, held->second);
    const auto found = known_.find(node.inputs[0]);
    if (found == known_.end()) return;
    const Items items = found->second;
    if (op == "Identity") known_[node.outputs[0]] = items;
    if (op == "SequenceInsert") insert(node, items);
    if (op == "SequenceErase") erase(node, items);
    if (op == "SequenceAt") {
      if (const auto at = position(node, 1, 0, items.size()); at && *at < items.size())
        replace(node, items[*at]);
    }
    if (op == "SequenceLength")
      replace(node, constant(node, "length", Tensor::scalar(static_cast<int64_t>(items.size()))));
    if (op == "ConcatFromSequence" && !items.empty()) concat(node, items);
  }

  void optional(const Node& node) {
    present_[node.outputs[0]] = node.inputs[0];
    if (const auto items = known_.find(node.inputs[0]); items != known_.end())
      known_[node.outputs[0]] = Items(items->second);
  }

  void read_optional(const Node& node, ValueId held) {
    if (node.op_type == "OptionalHasElement")
      return replace(node, constant(node, "has", Tensor::scalar(true)));
    if (node.op_type != "OptionalGetElement") return;
    if (const auto items = known_.find(held); items != known_.end())
      known_[node.outputs[0]] = Items(items->second);
    else
      replace(node, held);
  }

  /// Where input `i` points among `count` positions; `fallback` when absent, nullopt when data decides.
  std::optional<size_t> position(const Node& node, size_t i, int64_t fallback, size_t count) const {
    int64_t at = fallback;
    if (i < node.inputs.size() && node.inputs[i].valid()) {
      const auto tensor = known_value(graph_, context_.types, node.inputs[i]);
      if (!tensor || tensor->count() != 1) return std::nullopt;
      at = tensor->to_int64()[0];
    }
    if (at < 0) at += static_cast<int64_t>(count);
    if (at < 0 || at > static_cast<int64_t>(count)) return std::nullopt;
    return static_cast<size_t>(at);
  }

  void insert(const Node& node, Items items) {
    const auto at = position(node, 2, static_cast<int64_t>(items.size()), items.size());
    if (!at) return;
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(*at), node.inputs[1]);
    known_[node.outputs[0]] = std::move(items);
  }

  void erase(const Node& node, Items items) {
    const auto at = position(node, 1, -1, items.size());
    if (!at || *at >= items.size()) return;
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(*at));
    known_[node.outputs[0]] = std::move(items);
  }

  /// Sizes of the parts along the axis; empty where they cannot be told.
  std::vector<int64_t> part_sizes(const Node& node, int64_t total) const {
    if (node.inputs.size() < 2 || !node.inputs[1].valid())
      return std::vector<int64_t>(static_cast<size_t>(total), 1);
    const auto given = known_value(graph_, context_.types, node.inputs[1]);
    if (!given) return {};
    if (given->rank() == 1) return given->to_int64();
    const int64_t size = given->count() == 1 ? given->to_int64()[0] : 0;
    std::vector<int64_t> sizes;
    for (int64_t left = total; size > 0 && left > 0; left -= size) sizes.push_back(std::min(size, left));
    return sizes;
  }

  void split(const Node& node) {
    constexpr int64_t most = 1024;
    const TypeInfo& type = context_.types.type(node.inputs[0]);
    if (!type.is_tensor() || !type.dims || node.version < 13) return;
    const auto axis = normalize_axis(node.attributes.get_int("axis", 0), type.dims->size());
    if (!axis || !(*type.dims)[static_cast<size_t>(*axis)].known()) return;
    const int64_t total = (*type.dims)[static_cast<size_t>(*axis)].value();
    const bool alone = node.inputs.size() < 2 || !node.inputs[1].valid();
    if (total > most && alone) return;
    const std::vector<int64_t> sizes = part_sizes(node, total);
    if (sizes.empty() || sizes.size() > static_cast<size_t>(most)) return;
    Node made = like(node, "Split", {node.inputs[0], constant(node, "sizes", list(sizes))});
    made.attributes.set("axis", *axis);
    made.outputs.clear();
    Items items;
    for (size_t i = 0; i < sizes.size(); ++i) made.outputs.push_back(editor_.add_value(made.name + "_part"));
    items = made.outputs;
    editor_.add_node(std::move(made));
    if (alone && node.attributes.get_int("keepdims", 1) == 0)
      for (ValueId& item : items)
        item = add(like(node, "Squeeze", {item, constant(node, "axes", list({*axis}))}));
    known_[node.outputs[0]] = std::move(items);
  }

  void concat(const Node& node, Items items) {
    const int64_t axis = node.attributes.get_int("axis", 0);
    const bool stacks = node.attributes.get_int("new_axis", 0) != 0;
    if (stacks)
      for (ValueId& item : items)
        item = add(like(node, "Unsqueeze", {item, constant(node, "axes", list({axis}))}));
    Node made = like(node, "Concat", items);
    made.attributes.set("axis", axis);
    replace(node, add(std::move(made)));
  }

  /// One that is empty stays: no tensor stands for it.
  void split_outputs() {
    std::vector<ValueId> outputs;
    for (const ValueId output : std::vector(graph_.outputs())) {
      const auto items = known_.find(output);
      const auto held = present_.find(output);
      if (items != known_.end() && !items->second.empty()) {
        const std::string name = graph_.value(output).name;
        for (size_t k = 0; k < items->second.size(); ++k)
          outputs.push_back(named(output, items->second[k], name + "." + std::to_string(k)));
        split_.push_back("output '" + name + "' is " + name + ".0 to " + name + "." +
                         std::to_string(items->second.size() - 1));
      } else if (items == known_.end() && held != present_.end() && graph_.value(output).consumers.empty()) {
        const ValueId tensor = held->second;
        split_.push_back("output '" + graph_.value(output).name + "' is a plain tensor");
        replace_node(editor_, graph_.value(output).producer, {tensor});
        editor_.set_type(output, TypeInfo());  // which is inferred
        outputs.push_back(output);
      } else {
        outputs.push_back(output);
      }
    }
    if (!split_.empty()) editor_.set_outputs(std::move(outputs));
  }
  /// The tensor under a name of its own.
  ValueId named(ValueId structured, ValueId tensor, const std::string& name) {
    Node made = like(graph_.node(graph_.value(structured).producer), "Identity", {tensor});
    const ValueId value = editor_.add_value(name);  // its type is inferred
    made.outputs = {value};
    editor_.add_node(std::move(made));
    return value;
  }

  static Tensor list(const std::vector<int64_t>& numbers) {
    return Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())}, std::span<const int64_t>(numbers));
  }
  ValueId constant(const Node& node, const char* what, Tensor tensor) {
    return editor_.add_constant(node.name + "/" + what, std::move(tensor));
  }
  static Node like(const Node& node, const char* op_type, Items inputs) {
    Node made;
    made.name = node.name + "/" + op_type;
    made.op_type = op_type;
    made.version = node.version;
    made.inputs = std::move(inputs);
    made.module = node.module;
    made.source = node.source;
    return made;
  }
  ValueId add(Node node) {
    const ValueId output = editor_.add_value(node.name + "_output");
    node.outputs = {output};
    editor_.add_node(std::move(node));
    return output;
  }
  void replace(const Node& node, ValueId by) {
    for (auto& [sequence, items] : known_) std::replace(items.begin(), items.end(), node.outputs[0], by);
    for (auto& [optional, held] : present_)
      if (held == node.outputs[0]) held = by;
    replace_node(editor_, node.id, {by});
    ++replaced_;
  }

  RemedyContext& context_;
  const Graph& graph_;
  GraphEditor editor_;
  std::unordered_map<ValueId, Items> known_;      ///< items of sequences
  std::unordered_map<ValueId, ValueId> present_;  ///< what optionals hold
  size_t replaced_ = 0;
  std::vector<std::string> split_;  ///< outputs, for people
};

Result<std::string> split_structured(RemedyContext& context) {
  return Splitting(context).run();
}

}  // namespace

void register_split_input(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::split_input, true, true, module_subjects, split_structured});
}

}  // namespace lathe
