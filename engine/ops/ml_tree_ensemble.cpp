// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's TreeEnsemble.
#include "engine/base/checked.h"
#include "engine/ops/ml_forest.h"

namespace lathe {
namespace {

using namespace ml;

struct TreeEnsemble {
  Forest forest;
  Aggregate aggregate = Aggregate::sum;
  PostTransform transform = PostTransform::none;
};

/// The attributes of the nodes, all of one length.
struct NodeLists {
  std::vector<int64_t> features, if_true, if_false, true_leaf, false_leaf, missing, modes;
  std::vector<double> splits;
};

Result<const Tensor*> tensor_attribute(const Node& node, const char* name, bool required) {
  const Tensor* tensor = node.attributes.get<Tensor>(name);
  if (tensor == nullptr && required)
    return node_error(node, std::string("needs a tensor as attribute ") + name);
  if (tensor != nullptr && tensor->type() == ElementType::string)
    return node_error(node, std::string("has strings in attribute ") + name);
  return tensor;
}

Result<NodeLists> read_lists(const Node& node) {
  NodeLists lists;
  LATHE_ASSIGN(const Tensor* modes, tensor_attribute(node, "nodes_modes", true));
  LATHE_ASSIGN(const Tensor* splits, tensor_attribute(node, "nodes_splits", true));
  lists.modes = modes->to_int64();
  lists.splits = splits->to_double();
  const size_t count = lists.modes.size();
  const auto check = [&](const char* name, size_t length) -> Status {
    if (length == count) return {};
    return length_error(node, name, length, count);
  };
  LATHE_TRY(check("nodes_splits", lists.splits.size()));
  const std::pair<const char*, std::vector<int64_t>*> fields[] = {
      {"nodes_featureids", &lists.features},   {"nodes_truenodeids", &lists.if_true},
      {"nodes_falsenodeids", &lists.if_false}, {"nodes_trueleafs", &lists.true_leaf},
      {"nodes_falseleafs", &lists.false_leaf}, {"nodes_missing_value_tracks_true", &lists.missing}};
  for (const auto& [name, field] : fields) {
    *field = node.attributes.get_ints(name);
    if (field == &lists.missing && field->empty()) field->resize(count);
    LATHE_TRY(check(name, field->size()));
  }
  if (count > std::numeric_limits<uint32_t>::max() / 2) return node_error(node, "has too many nodes");
  return lists;
}

/// Where a branch goes: inner nodes come first, leaves after them.
Result<uint32_t> branch_target(const Node& node, int64_t id, bool leaf, size_t inner, size_t leaves) {
  const size_t limit = leaf ? leaves : inner;
  if (id < 0 || static_cast<uint64_t>(id) >= limit)
    return node_error(node, std::string("has a branch to ") + (leaf ? "leaf " : "node ") +
                                std::to_string(id) + ", but only " + std::to_string(limit) + " of them");
  return static_cast<uint32_t>(static_cast<size_t>(id) + (leaf ? inner : 0));
}

/// Sets of members, delimited by NaN, in the order of the nodes that test for them.
Status read_members(const Node& node, Forest& forest) {
  LATHE_ASSIGN(const Tensor* tensor, tensor_attribute(node, "membership_values", false));
  const std::vector<double> values = tensor != nullptr ? tensor->to_double() : std::vector<double>();
  size_t at = 0;
  for (ForestNode& next : forest.nodes) {
    if (next.mode != Branch::member) continue;
    if (at >= values.size())
      return node_error(node, "has fewer sets in membership_values than nodes that test for membership");
    next.begin = static_cast<uint32_t>(forest.members.size());
    for (; at < values.size() && !std::isnan(values[at]); ++at) forest.members.push_back(values[at]);
    next.end = static_cast<uint32_t>(forest.members.size());
    ++at;  // the NaN
  }
  if (at < values.size())
    return node_error(node, "has more sets in membership_values than nodes that test for membership");
  return {};
}

Status add_inner_nodes(const Node& node, const NodeLists& lists, size_t leaves, Forest& forest) {
  const size_t inner = lists.modes.size();
  for (size_t i = 0; i < inner; ++i) {
    ForestNode next;
    if (lists.modes[i] < 0 || lists.modes[i] > static_cast<int64_t>(Branch::member))
      return node_error(node, "has the unknown mode " + std::to_string(lists.modes[i]) + " in nodes_modes");
    if (lists.features[i] < 0 || lists.features[i] >= std::numeric_limits<int32_t>::max())
      return node_error(node, "has feature " + std::to_string(lists.features[i]) + " in nodes_featureids");
    next.mode = static_cast<Branch>(lists.modes[i]);
    next.missing_is_true = lists.missing[i] != 0;
    next.feature = static_cast<uint32_t>(lists.features[i]);
    next.split = lists.splits[i];
    LATHE_ASSIGN(next.if_true, branch_target(node, lists.if_true[i], lists.true_leaf[i] != 0, inner, leaves));
    LATHE_ASSIGN(next.if_false,
                 branch_target(node, lists.if_false[i], lists.false_leaf[i] != 0, inner, leaves));
    forest.features = std::max(forest.features, next.feature + 1);
    forest.nodes.push_back(next);
  }
  return {};
}

Status add_leaves(const Node& node, const std::vector<int64_t>& targets, const std::vector<double>& weights,
                  Forest& forest) {
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] < 0 || targets[i] >= forest.targets)
      return node_error(node, "has target " + std::to_string(targets[i]) + " in leaf_targetids, but " +
                                  std::to_string(forest.targets) + " targets");
    ForestNode leaf;
    leaf.begin = static_cast<uint32_t>(i);
    leaf.end = leaf.begin + 1;
    forest.nodes.push_back(leaf);
    forest.votes.push_back({static_cast<uint32_t>(targets[i]), weights[i]});
  }
  return {};
}

Result<TreeEnsemble> read_ensemble(const Node& node) {
  TreeEnsemble ensemble;
  Forest& forest = ensemble.forest;
  const int64_t aggregate = node.attributes.get_int("aggregate_function", 1);
  const int64_t transform = node.attributes.get_int("post_transform", 0);
  const int64_t targets = node.attributes.get_int("n_targets", 1);
  if (aggregate < 0 || aggregate > 3)
    return node_error(node, "has an unknown aggregate_function " + std::to_string(aggregate));
  if (transform < 0 || transform > 4)
    return node_error(node, "has an unknown post_transform " + std::to_string(transform));
  if (targets < 1 || targets > max_targets)
    return node_error(node, "has n_targets = " + std::to_string(targets));
  ensemble.aggregate = static_cast<Aggregate>(aggregate);
  ensemble.transform = static_cast<PostTransform>(transform);
  forest.targets = static_cast<uint32_t>(targets);

  LATHE_ASSIGN(const NodeLists lists, read_lists(node));
  LATHE_ASSIGN(const Tensor* weights, tensor_attribute(node, "leaf_weights", true));
  const std::vector<int64_t> leaf_targets = node.attributes.get_ints("leaf_targetids");
  if (leaf_targets.size() != static_cast<size_t>(weights->count()))
    return length_error(node, "leaf_targetids", leaf_targets.size(), static_cast<size_t>(weights->count()));
  if (leaf_targets.size() > std::numeric_limits<uint32_t>::max() / 2)
    return node_error(node, "has too many leaves");
  forest.nodes.reserve(lists.modes.size() + leaf_targets.size());
  LATHE_TRY(add_inner_nodes(node, lists, leaf_targets.size(), forest));
  LATHE_TRY(add_leaves(node, leaf_targets, weights->to_double(), forest));
  LATHE_TRY(read_members(node, forest));
  for (const int64_t root : node.attributes.get_ints("tree_roots")) {
    if (root < 0 || static_cast<uint64_t>(root) >= lists.modes.size())
      return node_error(node, "has root " + std::to_string(root) + " in tree_roots, but " +
                                  std::to_string(lists.modes.size()) + " nodes");
    forest.roots.push_back(static_cast<uint32_t>(root));
  }
  if (forest.roots.empty()) return node_error(node, "needs attribute tree_roots");
  LATHE_TRY(forest.check_for_cycles(node));
  return ensemble;
}

Status infer_ensemble(InferContext& context) {
  LATHE_ASSIGN(const TreeEnsemble ensemble, read_ensemble(context.node()));
  LATHE_TRY(infer_forest_features(context, ensemble.forest));
  LATHE_ASSIGN(const Dim rows, infer_rows(context));
  context.set_tensor(0, context.element(0), Dims{rows, Dim(int64_t{ensemble.forest.targets})});
  return {};
}

Status run_ensemble(RunContext& context) {
  LATHE_ASSIGN(const TreeEnsemble ensemble, read_ensemble(context.node()));
  LATHE_ASSIGN(const Rows rows, forest_rows(context, ensemble.forest, true));
  const ElementType type = context.tensor(0).type();
  if (!is_float(type)) return context.type_error(type);
  const int64_t targets = ensemble.forest.targets;
  if (!checked_mul(rows.count, targets)) return context.error("has a result that is too large");
  return give_scores(
      context, 0, type, rows.count, targets,
      regress(ensemble.forest, rows, type == ElementType::f64, ensemble.aggregate, ensemble.transform, {}));
}

int64_t ensemble_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  return forest_flops(inputs, node.attributes.get_ints("tree_roots").size());
}

}  // namespace

void register_ml_tree_ensemble(OperatorRegistry& registry) {
  registry.add({ml::domain,
                "TreeEnsemble",
                {5},
                1,
                1,
                1,
                1,
                trait_none,
                infer_ensemble,
                run_ensemble,
                ensemble_flops});
}

}  // namespace lathe
