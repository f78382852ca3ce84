// SPDX-License-Identifier: Apache-2.0
// An engine: a graph compiled ahead of time for concrete shapes: folded, fused, laid out, memory-planned,
// prepacked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "engine/graph/graph.h"
#include "engine/runtime/observer.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// Memory for the values of engines that never run at the same time. Grows to the largest need.
class Arena {
 public:
  /// Contents do not survive growth.
  Result<std::byte*> reserve(size_t bytes);
  std::byte* base() { return buffer_.mutable_data(); }

 private:
  Buffer buffer_;
};

struct CompileOptions {
  const JobContext* job = nullptr;
  bool fuse = true;  ///< off: one kernel per node, for tests that compare both ways
  /// Name shown and module that owns it.
  std::string name = "engine";
  ModuleId module = ModuleTree::root();
  std::shared_ptr<Arena> arena;         ///< shared with other engines; null: its own
  const ModuleTree* modules = nullptr;  ///< to find the deepest common module of fused nodes
};

/// Compiled for one set of input shapes. Runs on the executor thread.
class Engine {
 public:
  virtual ~Engine() = default;
  /// Inputs in the order of the graph's inputs(), plain layout, shapes as compiled. Outputs likewise.
  virtual Result<std::vector<Tensor>> run(std::span<const Tensor> inputs, const RunOptions& options) = 0;
  virtual const std::vector<StepInfo>& steps() const = 0;
  virtual size_t arena_bytes() const = 0;
  virtual size_t weight_bytes() const = 0;  ///< prepacked and plain weights it keeps
};

/// Compiles `graph`, whose values all have static types already (infer + apply_types). The graph is copied.
/// Errors: a dynamic shape, an unsupported operator, out of memory; located at the node.
Result<std::unique_ptr<Engine>> compile(const Graph& graph, const CompileOptions& options);

}  // namespace lathe
