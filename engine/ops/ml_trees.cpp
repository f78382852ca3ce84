// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's TreeEnsembleClassifier and TreeEnsembleRegressor.
#include <tuple>

#include "engine/base/checked.h"
#include "engine/ops/ml_forest.h"

namespace lathe {
namespace {

using namespace ml;

/// Finds nodes by the ids of their tree and of themselves.
class NodeIndex {
 public:
  static Result<NodeIndex> make(const Node& node, const std::vector<int64_t>& trees,
                                const std::vector<int64_t>& ids) {
    NodeIndex index;
    index.entries_.reserve(ids.size());
    for (size_t i = 0; i < ids.size(); ++i)
      index.entries_.push_back({{trees[i], ids[i]}, static_cast<uint32_t>(i)});
    if (!std::is_sorted(index.entries_.begin(), index.entries_.end()))
      std::sort(index.entries_.begin(), index.entries_.end());
    for (size_t i = 1; i < index.entries_.size(); ++i)
      if (index.entries_[i].first == index.entries_[i - 1].first)
        return node_error(node, "has " + name(index.entries_[i].first) + " twice");
    return index;
  }
  static std::string name(std::pair<int64_t, int64_t> key) {
    return "node " + std::to_string(key.second) + " of tree " + std::to_string(key.first);
  }

  std::optional<uint32_t> find(std::pair<int64_t, int64_t> key) const {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), std::pair(key, uint32_t{0}));
    if (found == entries_.end() || found->first != key) return std::nullopt;
    return found->second;
  }

 private:
  std::vector<std::pair<std::pair<int64_t, int64_t>, uint32_t>> entries_;
};

Result<Branch> read_mode(const Node& node, const std::string& mode) {
  constexpr const char* names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                   "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
  for (size_t i = 0; i < std::size(names); ++i)
    if (mode == names[i] && static_cast<Branch>(i) != Branch::member) return static_cast<Branch>(i);
  return node_error(node, "has the unknown mode '" + mode + "' in nodes_modes");
}

/// The attributes of the nodes, all of one length.
struct NodeLists {
  std::vector<int64_t> trees, ids, features, if_true, if_false, missing;
  std::vector<double> values;
  const std::vector<std::string>* modes = nullptr;
};

Result<NodeLists> read_lists(const Node& node) {
  NodeLists lists;
  LATHE_ASSIGN(lists.modes, list_attribute<std::vector<std::string>>(node, "nodes_modes"));
  if (lists.modes == nullptr || lists.modes->empty()) return node_error(node, "needs attribute nodes_modes");
  const size_t count = lists.modes->size();
  if (count > std::numeric_limits<uint32_t>::max() / 2) return node_error(node, "has too many nodes");
  const std::pair<const char*, std::vector<int64_t>*> fields[] = {
      {"nodes_treeids", &lists.trees},         {"nodes_nodeids", &lists.ids},
      {"nodes_featureids", &lists.features},   {"nodes_truenodeids", &lists.if_true},
      {"nodes_falsenodeids", &lists.if_false}, {"nodes_missing_value_tracks_true", &lists.missing}};
  for (const auto& [name, field] : fields) {
    *field = node.attributes.get_ints(name);
    if (field == &lists.missing && field->empty()) field->resize(count);
    if (field->size() != count) return length_error(node, name, field->size(), count);
  }
  LATHE_ASSIGN(lists.values, number_attribute(node, "nodes_values"));
  if (lists.values.size() != count) return length_error(node, "nodes_values", lists.values.size(), count);
  return lists;
}

Status add_nodes(const Node& node, const NodeLists& lists, const NodeIndex& index, Forest& forest) {
  const size_t count = lists.ids.size();
  forest.nodes.resize(count);
  for (size_t i = 0; i < count; ++i) {
    ForestNode& next = forest.nodes[i];
    // The first node of a tree is its root.
    if (i == 0 || lists.trees[i] != lists.trees[i - 1]) forest.roots.push_back(static_cast<uint32_t>(i));
    LATHE_ASSIGN(next.mode, read_mode(node, (*lists.modes)[i]));
    if (next.mode == Branch::leaf) continue;
    if (lists.features[i] < 0 || lists.features[i] >= std::numeric_limits<int32_t>::max())
      return node_error(node, "has feature " + std::to_string(lists.features[i]) + " in nodes_featureids");
    next.feature = static_cast<uint32_t>(lists.features[i]);
    next.missing_is_true = lists.missing[i] != 0;
    next.split = lists.values[i];
    forest.features = std::max(forest.features, next.feature + 1);
    for (const auto& [id, to] :
         {std::pair(lists.if_true[i], &next.if_true), std::pair(lists.if_false[i], &next.if_false)}) {
      const auto found = index.find({lists.trees[i], id});
      if (!found)
        return node_error(
            node, "has a branch to " + NodeIndex::name({lists.trees[i], id}) + ", which is not there");
      *to = *found;
    }
  }
  return {};
}

/// Roots of trees whose nodes are not next to each other were seen more than once.
void keep_first_roots(const NodeLists& lists, Forest& forest) {
  std::vector<int64_t> seen;
  for (const uint32_t root : forest.roots) seen.push_back(lists.trees[root]);
  std::sort(seen.begin(), seen.end());
  if (std::adjacent_find(seen.begin(), seen.end()) == seen.end()) return;
  std::stable_sort(forest.roots.begin(), forest.roots.end(),
                   [&](uint32_t a, uint32_t b) { return lists.trees[a] < lists.trees[b]; });
  forest.roots.erase(std::unique(forest.roots.begin(), forest.roots.end(),
                                 [&](uint32_t a, uint32_t b) { return lists.trees[a] == lists.trees[b]; }),
                     forest.roots.end());
  std::sort(forest.roots.begin(), forest.roots.end());
}

/// Adds the votes in the attributes `prefix`_treeids, _nodeids, _ids and _weights.
Status add_votes(const Node& node, const std::string& prefix, const NodeIndex& index, Forest& forest) {
  const std::vector<int64_t> trees = node.attributes.get_ints(prefix + "_treeids"),
                             nodes = node.attributes.get_ints(prefix + "_nodeids"),
                             targets = node.attributes.get_ints(prefix + "_ids");
  LATHE_ASSIGN(const std::vector<double> weights, number_attribute(node, prefix + "_weights"));
  const size_t count = targets.size();
  for (const auto& [name, length] : {std::pair("_treeids", trees.size()), std::pair("_nodeids", nodes.size()),
                                     std::pair("_weights", weights.size())})
    if (length != count) return length_error(node, prefix + name, length, count);
  if (count > std::numeric_limits<uint32_t>::max()) return node_error(node, "has too many votes");
  std::vector<uint32_t> leaves(count);
  for (size_t i = 0; i < count; ++i) {
    if (targets[i] < 0 || targets[i] >= forest.targets)
      return node_error(node, "has " + std::to_string(targets[i]) + " in attribute " + prefix + "_ids, but " +
                                  std::to_string(forest.targets) + " targets");
    const auto found = index.find({trees[i], nodes[i]});
    if (!found)
      return node_error(node,
                        "has a vote of " + NodeIndex::name({trees[i], nodes[i]}) + ", which is not there");
    leaves[i] = *found;
  }
  // Leaf by leaf, and in order within each.
  for (const uint32_t leaf : leaves) ++forest.nodes[leaf].end;
  uint32_t total = 0;
  for (ForestNode& next : forest.nodes) {
    next.begin = total;
    total += next.end;
    next.end = next.begin;
  }
  forest.votes.resize(count);
  for (size_t i = 0; i < count; ++i)
    forest.votes[forest.nodes[leaves[i]].end++] = {static_cast<uint32_t>(targets[i]), weights[i]};
  return {};
}

Result<Forest> read_forest(const Node& node, int64_t targets, const std::string& prefix) {
  Forest forest;
  if (targets < 1 || targets > max_targets)
    return node_error(node, "has " + std::to_string(targets) + " targets");
  forest.targets = static_cast<uint32_t>(targets);
  LATHE_ASSIGN(const NodeLists lists, read_lists(node));
  LATHE_ASSIGN(const NodeIndex index, NodeIndex::make(node, lists.trees, lists.ids));
  LATHE_TRY(add_nodes(node, lists, index, forest));
  keep_first_roots(lists, forest);
  LATHE_TRY(forest.check_for_cycles(node));
  LATHE_TRY(add_votes(node, prefix, index, forest));
  return forest;
}

// ---- TreeEnsembleRegressor

struct Regressor {
  Forest forest;
  Aggregate aggregate = Aggregate::sum;
  PostTransform transform = PostTransform::none;
  std::vector<double> base;
};

Result<Regressor> read_regressor(const Node& node) {
  Regressor regressor;
  constexpr const char* names[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const std::string name = node.attributes.get_string("aggregate_function", "SUM");
  const auto* const found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) return node_error(node, "has an unknown aggregate_function '" + name + "'");
  regressor.aggregate = static_cast<Aggregate>(found - std::begin(names));
  LATHE_ASSIGN(regressor.transform, read_post_transform(node));
  LATHE_ASSIGN(regressor.forest, read_forest(node, node.attributes.get_int("n_targets", 1), "target"));
  LATHE_ASSIGN(regressor.base, number_attribute(node, "base_values"));
  if (!regressor.base.empty() && regressor.base.size() != regressor.forest.targets)
    return length_error(node, "base_values", regressor.base.size(), regressor.forest.targets);
  return regressor;
}

Status infer_regressor(InferContext& context) {
  LATHE_ASSIGN(const Regressor regressor, read_regressor(context.node()));
  LATHE_TRY(infer_forest_features(context, regressor.forest));
  LATHE_ASSIGN(const Dim rows, infer_rows(context));
  context.set_tensor(0, ElementType::f32, Dims{rows, Dim(int64_t{regressor.forest.targets})});
  return {};
}

Status run_regressor(RunContext& context) {
  LATHE_ASSIGN(const Regressor regressor, read_regressor(context.node()));
  LATHE_ASSIGN(const Rows rows, forest_rows(context, regressor.forest));
  const int64_t targets = regressor.forest.targets;
  if (!checked_mul(rows.count, targets)) return context.error("has a result that is too large");
  return give_scores(context, 0, ElementType::f32, rows.count, targets,
                     regress(regressor.forest, rows, context.tensor(0).type() == ElementType::f64,
                             regressor.aggregate, regressor.transform, regressor.base));
}

// ---- TreeEnsembleClassifier

struct Classifier {
  ClassLabels labels;
  Forest forest;
  PostTransform transform = PostTransform::none;
  std::vector<double> base;
  bool negative_weights = false;
  /// Of two classes only this one gets votes; -1 otherwise.
  int only = -1;
};

Result<Classifier> read_classifier(const Node& node) {
  Classifier classifier;
  LATHE_ASSIGN(classifier.labels, ClassLabels::read(node, "classlabels_int64s", "classlabels_strings"));
  LATHE_ASSIGN(classifier.transform, read_post_transform(node));
  const size_t classes = classifier.labels.size();
  LATHE_ASSIGN(classifier.forest, read_forest(node, static_cast<int64_t>(classes), "class"));
  const std::vector<Vote>& votes = classifier.forest.votes;
  classifier.negative_weights =
      std::any_of(votes.begin(), votes.end(), [](const Vote& vote) { return vote.weight < 0; });
  if (classes == 2 && !votes.empty()) {
    const uint32_t first = votes.front().target;
    if (std::all_of(votes.begin(), votes.end(), [first](const Vote& vote) { return vote.target == first; }))
      classifier.only = static_cast<int>(first);
  }
  LATHE_ASSIGN(classifier.base, number_attribute(node, "base_values"));
  const size_t length = classifier.base.size();
  if (length != 0 && length != classes && !(length == 1 && classifier.only >= 0))
    return length_error(node, "base_values", length, classes);
  return classifier;
}

Status infer_tree_classifier(InferContext& context) {
  LATHE_ASSIGN(const Classifier classifier, read_classifier(context.node()));
  LATHE_TRY(infer_forest_features(context, classifier.forest));
  return infer_classifier(context, classifier.labels, classifier.labels.size());
}

/// Two classes, votes for one: above the threshold it is the second class, whichever the votes are for.
size_t decide_binary(const Classifier& classifier, double score, std::span<double> out) {
  if (classifier.only == 0) {
    std::tie(out[0], out[1]) = both_classes(classifier.transform, score, classifier.negative_weights);
  } else {
    out[0] = classifier.base.size() == 2 ? classifier.base[0] : 0;
    out[1] = score;
    apply_transform(classifier.transform, out);
  }
  return score > (classifier.negative_weights ? 0.0 : 0.5) ? 1 : 0;
}

/// Fills `out`, a score for each class, and gives the top class: of those that got votes or have a base
/// value.
template <class A>
size_t classify(const Classifier& classifier, std::vector<Score<A>>& scores, std::span<double> out) {
  if (classifier.only >= 0) {
    const auto only = static_cast<size_t>(classifier.only);
    A score = scores[only].value;
    if (!classifier.base.empty())
      score += static_cast<A>(classifier.base.size() == 1 ? classifier.base[0] : classifier.base[only]);
    return decide_binary(classifier, static_cast<double>(score), out);
  }
  std::optional<size_t> top;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!classifier.base.empty()) scores[i].add(Aggregate::sum, static_cast<A>(classifier.base[i]));
    if (scores[i].voted && (!top || scores[i].value > scores[*top].value)) top = i;
    out[i] = static_cast<double>(scores[i].value);
  }
  apply_transform(classifier.transform, out);
  return top.value_or(0);
}

Status run_tree_classifier(RunContext& context) {
  LATHE_ASSIGN(const Classifier classifier, read_classifier(context.node()));
  LATHE_ASSIGN(const Rows rows, forest_rows(context, classifier.forest));
  const size_t classes = classifier.labels.size();
  const auto count = checked_mul(rows.count, static_cast<int64_t>(classes));
  if (!count) return context.error("has a result that is too large");
  std::vector<double> out(static_cast<size_t>(*count));
  std::vector<size_t> chosen(static_cast<size_t>(rows.count));
  const auto fill = [&]<class A>(A) {
    std::vector<Score<A>> scores(classes);
    for (size_t r = 0; r < chosen.size(); ++r) {
      collect_votes<A>(classifier.forest, Aggregate::sum, rows.row(static_cast<int64_t>(r)), scores);
      chosen[r] = classify(classifier, scores, std::span(out).subspan(r * classes, classes));
    }
  };
  context.tensor(0).type() == ElementType::f64 ? fill(double{}) : fill(float{});
  LATHE_TRY(classifier.labels.give(context, chosen));
  return give_scores(context, 1, ElementType::f32, rows.count, static_cast<int64_t>(classes), out);
}

int64_t tree_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const std::vector<int64_t> trees = node.attributes.get_ints("nodes_treeids");
  size_t count = trees.empty() ? 0 : 1;
  for (size_t i = 1; i < trees.size(); ++i) count += trees[i] != trees[i - 1];
  return forest_flops(inputs, count);
}

}  // namespace

void register_ml_trees(OperatorRegistry& registry) {
  registry.add({ml::domain,
                "TreeEnsembleClassifier",
                {1, 3, 5},
                1,
                1,
                1,
                2,
                trait_none,
                infer_tree_classifier,
                run_tree_classifier,
                tree_flops});
  registry.add({ml::domain,
                "TreeEnsembleRegressor",
                {1, 3, 5},
                1,
                1,
                1,
                1,
                trait_none,
                infer_regressor,
                run_regressor,
                tree_flops});
}

}  // namespace lathe
