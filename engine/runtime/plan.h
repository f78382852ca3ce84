// SPDX-License-Identifier: Apache-2.0
// What compiling makes and the engine executes: steps over slots of memory. Internal to runtime.
#pragma once

#include <memory>
#include <vector>

#include "engine/kernels/kernel.h"
#include "engine/ops/operator.h"
#include "engine/runtime/observer.h"

namespace lathe {

/// A piece of memory that steps read and write.
struct Slot {
  enum class Kind : uint8_t { arena, constant, input, output };
  Kind kind = Kind::arena;
  size_t bytes = 0;
  size_t offset = 0;  ///< in the arena
  size_t index = 0;   ///< of the graph's input or output
  Tensor constant;    ///< plain or in a kernel's layout (then only raw() counts)
  int first = 0, last = 0;
};

struct PlanStep {
  StepInfo info;
  std::unique_ptr<Kernel> kernel;  ///< null: reference, or a plain copy when `node` is null too
  const Operator* op = nullptr;
  std::unique_ptr<Node> node;        ///< of a reference step
  std::vector<int> inputs, outputs;  ///< slots; -1: absent or consumed
  std::vector<TensorDesc> input_descs, output_descs;
  int copy_from = -1;  ///< slot copied to outputs[0] first: accumulation that could not be in place
};

struct Plan {
  std::vector<PlanStep> steps;
  std::vector<Slot> slots;
  std::vector<TensorDesc> inputs, outputs;
  size_t arena_bytes = 0;  ///< scratch included
  size_t scratch_offset = 0;
  size_t weight_bytes = 0;
};

}  // namespace lathe
