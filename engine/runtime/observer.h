// SPDX-License-Identifier: Apache-2.0
// How a run tells what it does. The recorder of the profiler is one observer; no observer costs one branch a
// step.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// Monotonic nanoseconds.
inline int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// What one step is; fixed when the plan is made, or per shape for eager nodes. Lives as long as the
/// runnable.
struct StepInfo {
  enum class Kind : uint8_t {
    engine_step,    ///< kernel inside an engine
    eager_node,     ///< operator run by the eager executor
    reorder,        ///< layout change inside an engine (named part of its engine)
    boundary_copy,  ///< into or out of an engine
    engine,         ///< one execution of an engine: encloses its steps
    runtime,        ///< allocation, plan lookup, whole run
  };
  Kind kind = Kind::eager_node;
  std::string name;                ///< shown: node name or "fused: a + b"
  std::string op_type;             ///< "Conv", "lathe.FusedConv", "Reorder", "Copy"
  std::string node;                ///< main original node
  std::vector<std::string> nodes;  ///< all original nodes
  ModuleId module;                 ///< deepest module common to the nodes; for engine: the converted module
  std::string kernel;              ///< "onednn:conv:brgconv:avx512_core"
  std::string precision;           ///< "f32", "bf16", "int8"
  std::vector<Shape> input_dims;
  std::vector<ElementType> input_types;
  int64_t flops = 0;
  int64_t bytes = 0;  ///< read and written, in theory
};

/// Called on the executor thread, in order; slices of enclosing kinds (engine, runtime) come after those
/// inside.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void slice(const StepInfo& step, int64_t begin_ns, int64_t end_ns) = 0;
  /// Bytes held by tensors and arenas right now.
  virtual void memory(int64_t at_ns, int64_t bytes) = 0;
};

}  // namespace lathe
