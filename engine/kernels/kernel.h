// SPDX-License-Identifier: Apache-2.0
// Optimised implementations of operators. Kernels are asked: each accepts a request or declines with a
// reason.
//
// Adding one: a file engine/kernels/<provider>/<name>.cpp with `void register_<name>(KernelRegistry&)` and
// its name in engine/kernels/CMakeLists.txt. Registration order is preference order; the reference kernel
// comes last by itself.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/base/result.h"
#include "engine/graph/graph.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// How a tensor's elements lie in memory. Plain = row-major. Blocked layouts are opaque to everything but
/// their provider: two layouts are the same exactly when they compare equal.
struct Layout {
  std::string descriptor;  ///< provider's encoding; empty = plain
  size_t bytes = 0;        ///< memory needed; 0 for plain (take the tensor's size)
  bool plain() const { return descriptor.empty(); }
  friend bool operator==(const Layout& a, const Layout& b) { return a.descriptor == b.descriptor; }
};

struct TensorDesc {
  ElementType type = ElementType::undefined;  ///< undefined: absent optional
  Shape shape;
  Layout layout;
  bool present() const { return type != ElementType::undefined; }
  size_t bytes() const {
    return layout.plain() ? static_cast<size_t>(element_count(shape)) * element_size(type) : layout.bytes;
  }
};

/// One node to implement, with concrete shapes.
struct KernelRequest {
  const Node* node = nullptr;
  std::vector<TensorDesc> inputs;
  std::vector<const Tensor*> constants;  ///< parallel to inputs: data known at compile time, or null
  std::vector<TensorDesc> outputs;       ///< type and shape; the kernel chooses the layout
  bool plain_layouts = false;            ///< inputs are plain and outputs must be (eager run)
  bool blocked_channels = false;         ///< of two good image layouts, blocks of channels
  /// Whoever asks will measure: take the request also where rules of thumb say that another kernel wins.
  bool measured = false;
  bool prepack = true;  ///< constants may be copied into a layout of the kernel's own (engine)
};

enum class DeclineReason {
  element_type,
  rank,
  attribute,
  shape,
  layout,
  instruction_set,
  not_constant,
  not_profitable,
  provider_error
};
const char* to_string(DeclineReason reason);

struct Decline {
  DeclineReason reason;
  std::string detail;  ///< the offending values: "group 3 with f64"
};

/// Pointers for one execution, in the order of the node's inputs and outputs; null for absent ones and for
/// constants the kernel has consumed.
struct KernelArguments {
  std::span<const std::byte* const> inputs;
  std::span<std::byte* const> outputs;
  std::byte* scratch = nullptr;  ///< scratch_bytes() of memory, 64-byte aligned
};

/// A prepared implementation for fixed shapes, layouts and threads. run() is re-entrant only with distinct
/// scratch; it is called on the executor thread.
class Kernel {
 public:
  virtual ~Kernel() = default;
  /// "onednn:conv:jit_avx512", shown in the inspector and in traces.
  const std::string& name() const { return name_; }
  /// Layouts run() expects; may differ from the request's (the compiler inserts reorders). One per input.
  const std::vector<Layout>& input_layouts() const { return input_layouts_; }
  const std::vector<Layout>& output_layouts() const { return output_layouts_; }
  /// Constant inputs that the kernel holds a copy of: run() ignores their pointers.
  bool consumed(size_t input) const { return input < consumed_.size() && consumed_[input]; }
  size_t scratch_bytes() const { return scratch_bytes_; }
  /// Bytes of prepacked weights it owns.
  size_t packed_bytes() const { return packed_bytes_; }
  /// Input whose memory output 0 may overwrite, or -1. `must`: the output has to be that memory
  /// (accumulation).
  int in_place_input() const { return in_place_input_; }
  bool in_place_required() const { return in_place_required_; }
  virtual Status run(const KernelArguments& arguments) = 0;

 protected:
  std::string name_;
  std::vector<Layout> input_layouts_;
  std::vector<Layout> output_layouts_;
  std::vector<bool> consumed_;
  size_t scratch_bytes_ = 0;
  size_t packed_bytes_ = 0;
  int in_place_input_ = -1;
  bool in_place_required_ = false;
};

using Prepared = std::variant<std::unique_ptr<Kernel>, Decline>;

struct KernelCandidate {
  std::string_view name;                    ///< "onednn:conv"
  std::vector<std::string_view> operators;  ///< qualified types it may implement: "Conv", "lathe.FusedConv"
  Prepared (*prepare)(const KernelRequest&) = nullptr;
};

class KernelRegistry {
 public:
  void add(KernelCandidate candidate);
  /// In order of preference. `qualified_type` as of Node::qualified_type().
  std::span<const KernelCandidate> find(const std::string& qualified_type) const;

 private:
  std::unordered_map<std::string, std::vector<KernelCandidate>> by_operator_;
};

/// Every optimised kernel of this build. Thread-safe, immutable after first use.
const KernelRegistry& kernels();

/// A kernel that moves a tensor from one layout to another (either may be plain).
Result<std::unique_ptr<Kernel>> make_reorder(ElementType type, const Shape& shape, const Layout& from,
                                             const Layout& to);

/// Sets the thread count of everything prepared and run from now on. Call on the executor thread only.
void set_kernel_threads(int threads);
int kernel_threads();
/// What was set last, from any thread; the CPUs there are as long as nothing was.
int threads_in_use();

/// Instruction set the kernels use on this machine ("avx512_vnni", "avx2"), after LATHE_ISA's cap.
std::string instruction_set();

}  // namespace lathe
