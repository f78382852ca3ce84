// SPDX-License-Identifier: Apache-2.0
// Remedies that Lathe takes by itself: named rewrites of a copy of the loaded graph.
//
// Adding one: a file engine/convert/remedies/<name>.cpp with `void register_<name>(RemedyRegistry&)`, its
// name in LATHE_REMEDIES of engine/convert/CMakeLists.txt, and a line in diagnose.cpp that offers it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/convert/settings.h"
#include "engine/convert/suggest_shapes.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

/// What a remedy works on.
struct RemedyContext {
  Model& model;                  ///< a copy, changed through a GraphEditor; dead nodes are removed afterwards
  Configuration& configuration;  ///< a copy, for remedies that are settings
  RemedyStep& step;              ///< settings left open are filled in, so that the step can be repeated
  const InferenceResult& types;  ///< of `model` as given, with the shapes asked for
  const std::map<std::string, SuggestedShape>& shapes;  ///< for inputs with open sizes
};

struct RemedyAction {
  Remedy::Kind kind = Remedy::Kind::keep_eager;
  /// Outputs keep names, shapes and values, so that --apply-remedies may take it unasked.
  bool automatic = true;
  /// The model gives the same numbers before and after, which is checked; false where it could not run before
  /// or where outputs change shape.
  bool comparable = true;
  /// What it can be taken to, for "did you mean"; null: nothing that can be listed.
  std::vector<std::string> (*subjects)(const RemedyContext&) = nullptr;
  /// Changes the model. One line that says what was done, or an error that says why it cannot be done here.
  Result<std::string> (*apply)(RemedyContext&) = nullptr;
  /// Outputs change a little: how much is measured, and it is refused beyond the step's tolerance.
  bool approximate = false;
  /// Only the configuration changes, the model stays as it is.
  bool setting = false;
};

class RemedyRegistry {
 public:
  void add(RemedyAction action) { actions_.push_back(action); }
  const RemedyAction* find(Remedy::Kind kind) const;

 private:
  std::vector<RemedyAction> actions_;
};
/// Every remedy of this build. Thread-safe, immutable.
const RemedyRegistry& remedies();

// --- shared by remedies

std::vector<std::string> input_subjects(const RemedyContext& context);
std::vector<std::string> module_subjects(const RemedyContext& context);
std::vector<std::string> node_subjects(const RemedyContext& context);
/// The node that the step names. Errors: there is none of this type.
Result<NodeId> node_of(const RemedyContext& context, std::string_view op_type);
/// Copies the nodes of `body` into the editor's graph, in the place of `owner`: its name before theirs, its
/// module for those without. `inputs` stand for the body's inputs. Gives the values of the body's outputs.
/// Constants are shared.
std::vector<ValueId> inline_body(GraphEditor& editor, const Graph& body, const std::vector<ValueId>& inputs,
                                 const Node& owner, const std::string& prefix);
/// Takes the node away; who read its outputs reads `values`. An output of the graph keeps its name.
void replace_node(GraphEditor& editor, NodeId node, const std::vector<ValueId>& values);

/// A composition of ai.onnx operators is known for this operator ("com.microsoft.QuickGelu").
bool has_decomposition(const std::string& qualified_type);
/// Something that computes nearly the same is known for the node.
bool has_approximation(const Node& node);
/// The input that marks which parts of `input` are padding (its sizes are the last ones of `input`); empty
/// where there is none.
std::string mask_of(const Graph& graph, const std::string& input);

}  // namespace lathe
