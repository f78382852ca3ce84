// SPDX-License-Identifier: Apache-2.0
// filter_to_topk: the rows that a condition picks (NonZero) become a fixed number of rows, the picked ones
// first and in their order, and a new output that says how many of them count. Outputs change their shape: it
// is done only when asked.
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

class Filtering {
 public:
  explicit Filtering(RemedyContext& context) : context_(context), editor_(context.model.graph) {}

  Result<std::string> run() {
    LATHE_ASSIGN(const NodeId id, node_of(context_, "NonZero"));
    node_ = context_.model.graph.node(id);
    const TypeInfo& type = context_.types.type(node_.inputs[0]);
    if (!type.is_static() || type.dims->size() != 1 || node_.version < 13)
      return usage_error("", "it does not pick from one list of known length (in opset 13 or newer)");
    const int64_t rows = (*type.dims)[0].value();
    if (!context_.step.count) context_.step.count = rows;
    const int64_t kept = *context_.step.count;
    if (kept > rows)
      return usage_error("", "there are " + std::to_string(rows) + " rows, fewer than the count");
    const ValueId picks = picked();
    const auto [values, indices] = top(picks, kept);
    const ValueId rows_first = add("Unsqueeze", {indices, constant("axes", {0})});
    const ValueId count = add("ReduceSum", {values, constant("all", {0})});
    const ValueId whole = add("Cast", {count}, {{"to", int64_t{7}}});
    const ValueId named = add("Identity", {whole}, {}, node_.name + "_count");
    replace_node(editor_, id, {rows_first});
    editor_.add_output(named);
    return "filters with '" + node_.name + "' into " + std::to_string(kept) +
           " rows, the picked ones first; output '" + context_.model.graph.value(named).name +
           "' says how many count";
  }

 private:
  /// 1 where the condition picks, else 0.
  ValueId picked() {
    const ValueId condition = add("Cast", {node_.inputs[0]}, {{"to", int64_t{9}}});
    return add("Cast", {condition}, {{"to", int64_t{1}}});
  }

  std::pair<ValueId, ValueId> top(ValueId picks, int64_t kept) {
    Node node = like("TopK", {picks, constant("kept", {kept})});
    const ValueId values = editor_.add_value(node.name + "_values"),
                  indices = editor_.add_value(node.name + "_indices");
    node.outputs = {values, indices};
    editor_.add_node(std::move(node));
    return {values, indices};
  }

  ValueId constant(const char* what, std::initializer_list<int64_t> numbers) {
    return editor_.add_constant(node_.name + "/" + what,
                                Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())}, numbers));
  }
  Node like(const char* op_type, std::vector<ValueId> inputs) const {
    Node node;
    node.name = node_.name + "/" + op_type;
    node.op_type = op_type;
    node.version = node_.version;
    node.inputs = std::move(inputs);
    node.module = node_.module;
    node.source = node_.source;
    return node;
  }
  ValueId add(const char* op_type, std::vector<ValueId> inputs,
              const std::vector<std::pair<std::string, AttributeValue>>& attributes = {},
              const std::string& output_name = "") {
    Node node = like(op_type, std::move(inputs));
    for (const auto& [name, value] : attributes) node.attributes.set(name, value);
    const ValueId output = editor_.add_value(output_name.empty() ? node.name + "_output" : output_name);
    node.outputs = {output};
    editor_.add_node(std::move(node));
    return output;
  }

  RemedyContext& context_;
  GraphEditor editor_;
  Node node_;
};

Result<std::string> filter(RemedyContext& context) {
  return Filtering(context).run();
}

}  // namespace

void register_filter_to_topk(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::filter_to_topk, false, false, node_subjects, filter});
}

}  // namespace lathe
