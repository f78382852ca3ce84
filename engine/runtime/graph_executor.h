// SPDX-License-Identifier: Apache-2.0
// Runs a graph step by step: single nodes by the best kernel for the shapes at hand, pieces by their engines.
// Internal to runtime: eager runs, converted models and sub-graphs of control flow are all made of it.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/kernels/kernel.h"
#include "engine/ops/operator.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// A piece of the graph that runs as one step. Values are given and taken in the order of inputs() and
/// outputs().
class PieceRunner {
 public:
  virtual ~PieceRunner() = default;
  virtual const std::vector<ValueId>& inputs() const = 0;
  virtual const std::vector<ValueId>& outputs() const = 0;
  virtual Result<std::vector<Tensor>> run(std::span<const Tensor> inputs, const RunOptions& options) = 0;
};

/// Executor thread only.
class GraphExecutor {
 public:
  /// `covered[node]` is the piece that runs the node, or -1. The graph must outlive the executor.
  static Result<std::unique_ptr<GraphExecutor>> make(const Graph& graph, std::vector<int> covered = {});
  ~GraphExecutor();

  /// `inputs` and `captures` in the graph's order. `pieces` by the numbers of `covered`.
  Result<std::vector<RuntimeValue>> run(std::vector<RuntimeValue> inputs, std::vector<RuntimeValue> captures,
                                        std::span<const std::unique_ptr<PieceRunner>> pieces,
                                        const RunOptions& options);

 private:
  struct Step;
  struct Variant;
  struct Frame;
  explicit GraphExecutor(const Graph& graph);
  Status plan(const std::vector<int>& covered);
  void add_lifetimes();
  Status run_node(Step& step, Frame& frame);
  Status run_piece(Step& step, Frame& frame);
  Result<Variant*> variant_for(Step& step, std::span<const RuntimeValue* const> inputs);
  Tensor take_over_input(const Step& step, const Variant& variant, const Node& node, Frame& frame) const;
  Status run_kernel(const Step& step, Variant& variant, std::span<const RuntimeValue* const> inputs,
                    const Node& node, Frame& frame);
  Status run_reference_kernel(Step& step, std::span<const RuntimeValue* const> inputs, const Node& node,
                              Frame& frame);
  Result<std::vector<RuntimeValue>> run_body(const Graph& body, std::vector<RuntimeValue> inputs,
                                             Frame& frame);

  const Graph& graph_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<RuntimeValue> constants_;  ///< by value index: initializers, shared into every frame
  std::unordered_map<const Graph*, std::unique_ptr<GraphExecutor>> bodies_;
  Buffer scratch_;
};

}  // namespace lathe
