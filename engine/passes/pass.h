// SPDX-License-Identifier: Apache-2.0
// Graph rewrites applied to the compiled copy of a graph.
//
// Adding one: a file engine/passes/<name>.cpp with `void register_<name>(PassRegistry&)`, and its name in the
// place it belongs in LATHE_PASSES of engine/passes/CMakeLists.txt: the list is the pipeline.
#pragma once

#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

/// Metadata keys of nodes that passes made: names of the original nodes of a fused one, separated by
/// newlines; the narrow float type that a result computed in f32 is rounded to ("f16").
inline constexpr const char* fused_nodes_key = "lathe.nodes";
inline constexpr const char* rounding_key = "lathe.rounding";

struct PassOptions {
  const ModuleTree* modules = nullptr;  ///< null: modules of fused nodes are not looked up
  bool fuse = true;                     ///< false: only passes that keep nodes one to one (folding, removal)
};

/// What a pass works on. Types are of the graph at the start of the pass; after changes call refresh().
class PassContext {
 public:
  PassContext(Graph& graph, const PassOptions& options) : graph(graph), editor(graph), options(options) {
    refresh();
  }
  void refresh() { types = infer(graph); }
  /// A new node that stands for `originals`: takes over their names (fused_nodes_key) and their deepest
  /// common module.
  Node fused_node(std::string op_type, std::vector<NodeId> originals) const;

  Graph& graph;
  GraphEditor editor;
  const PassOptions& options;
  InferenceResult types;
};

struct Pass {
  std::string_view name;
  bool fuses = false;  ///< skipped when PassOptions::fuse is off
  /// Returns how many changes were made.
  Result<size_t> (*run)(PassContext&) = nullptr;
};

class PassRegistry {
 public:
  void add(Pass pass) { passes_.push_back(pass); }
  const std::vector<Pass>& all() const { return passes_; }

 private:
  std::vector<Pass> passes_;
};

/// The pipeline in order. Thread-safe, immutable.
const PassRegistry& passes();

/// Runs the pipeline, repeating it while anything changes (bounded). Graph values end up with inferred types.
Status optimize(Graph& graph, const PassOptions& options);

}  // namespace lathe
