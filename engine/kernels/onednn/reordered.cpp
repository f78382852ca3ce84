// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/onednn/reordered.h"

#include <algorithm>

namespace lathe::onednn {
namespace {

constexpr size_t alignment = 64;
size_t aligned(size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// One tensor's way into or out of the inner kernel's layout, through a piece of the scratch.
struct Detour {
  std::unique_ptr<Kernel> reorder;
  size_t index = 0;   ///< of the input or output
  size_t offset = 0;  ///< in the scratch
};

class ReorderedKernel final : public Kernel {
 public:
  static Result<std::unique_ptr<Kernel>> make(std::unique_ptr<Kernel> inner, const KernelRequest& request) {
    auto kernel = std::make_unique<ReorderedKernel>();
    size_t buffers = 0, scratch = inner->scratch_bytes();
    const auto add = [&](std::vector<Detour>& list, size_t index, const TensorDesc& tensor,
                         const Layout& from, const Layout& to) -> Status {
      if (from == to) return {};
      LATHE_ASSIGN(std::unique_ptr<Kernel> reorder, make_reorder(tensor.type, tensor.shape, from, to));
      scratch = std::max(scratch, reorder->scratch_bytes());
      list.push_back({std::move(reorder), index, buffers});
      // Vectors may read past the end.
      buffers += aligned((from.plain() ? to : from).bytes + alignment);
      return {};
    };
    for (size_t i = 0; i < inner->input_layouts().size(); ++i)
      if (!inner->consumed(i))
        LATHE_TRY(add(kernel->before_, i, request.inputs[i], {}, inner->input_layouts()[i]));
    LATHE_TRY(add(kernel->after_, 0, request.outputs[0], inner->output_layouts()[0], {}));
    kernel->name_ = inner->name();
    kernel->scratch_bytes_ = buffers + scratch;
    kernel->packed_bytes_ = inner->packed_bytes();
    kernel->inner_scratch_ = buffers;
    for (size_t i = 0; i < request.inputs.size(); ++i) kernel->consumed_.push_back(inner->consumed(i));
    kernel->inner_ = std::move(inner);
    return std::unique_ptr<Kernel>(std::move(kernel));
  }

  Status run(const KernelArguments& arguments) override {
    std::byte* scratch = arguments.scratch + inner_scratch_;
    inputs_.assign(arguments.inputs.begin(), arguments.inputs.end());
    outputs_.assign(arguments.outputs.begin(), arguments.outputs.end());
    for (Detour& detour : before_) {
      const std::byte* from = inputs_[detour.index];
      std::byte* to = arguments.scratch + detour.offset;
      LATHE_TRY(detour.reorder->run({{&from, 1}, {&to, 1}, scratch}));
      inputs_[detour.index] = to;
    }
    for (const Detour& detour : after_) outputs_[detour.index] = arguments.scratch + detour.offset;
    LATHE_TRY(inner_->run({inputs_, outputs_, scratch}));
    for (Detour& detour : after_) {
      const std::byte* from = arguments.scratch + detour.offset;
      std::byte* to = arguments.outputs[detour.index];
      LATHE_TRY(detour.reorder->run({{&from, 1}, {&to, 1}, scratch}));
    }
    return {};
  }

 private:
  std::unique_ptr<Kernel> inner_;
  std::vector<Detour> before_, after_;
  size_t inner_scratch_ = 0;  ///< where the scratch of the inner kernel and the reorders begins
  std::vector<const std::byte*> inputs_;
  std::vector<std::byte*> outputs_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> in_plain_layouts(std::unique_ptr<Kernel> inner,
                                                 const KernelRequest& request) {
  if (inner->in_place_required())
    return unsupported(inner->name(), "accumulates into an input, which a detour would leave behind");
  return ReorderedKernel::make(std::move(inner), request);
}

}  // namespace lathe::onednn
