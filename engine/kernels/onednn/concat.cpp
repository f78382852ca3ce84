// SPDX-License-Identifier: Apache-2.0
// Concatenation of images along their channels in the layout that most of them have: reordering each to plain
// and the whole back would cost more than the copy.
#include <cstring>

#include "engine/kernels/onednn/common.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

bool whole_blocks(const KernelRequest& request) {
  for (const TensorDesc& input : request.inputs)
    if (input.shape[1] % channel_block() != 0) return false;
  return true;
}

/// What describes an image in the layout of most bytes; null where that is plain, or none that all can have.
using Describe = memory::desc (*)(ElementType, const Shape&);
Describe common_layout(const KernelRequest& request) {
  size_t last = 0, blocked = 0, all = 0;
  for (const TensorDesc& input : request.inputs) {
    const size_t bytes = static_cast<size_t>(element_count(input.shape));
    all += bytes;
    if (input.layout.plain()) continue;
    if (input.layout == layout_of(channels_last_desc(input.type, input.shape))) last += bytes;
    if (element_size(input.type) == 4 &&
        input.layout == layout_of(blocked_channels_desc(input.type, input.shape)))
      blocked += bytes;
  }
  if (2 * blocked > all && whole_blocks(request)) return blocked_channels_desc;
  return 2 * last > all ? channels_last_desc : nullptr;
}

std::optional<Decline> unfit(const KernelRequest& request) {
  const ElementType type = request.inputs[0].type;
  if (!data_type(type)) return decline(DeclineReason::element_type, to_string(type));
  const Shape& y = request.outputs[0].shape;
  if (y.size() != 4 || element_count(y) == 0) return decline(DeclineReason::shape, to_string(y));
  const auto axis = normalize_axis(request.node->attributes.get_int("axis", 1), y.size());
  if (!axis || *axis != 1) return decline(DeclineReason::attribute, "not along the channels");
  for (const TensorDesc& input : request.inputs)
    if (element_count(input.shape) == 0) return decline(DeclineReason::shape, "an input without elements");
  return std::nullopt;
}

/// In these layouts the result is rows, each of one piece from every input: the channels of a position, or
/// the blocks of an image.
class ConcatKernel final : public Kernel {
 public:
  ConcatKernel(const KernelRequest& request, Describe describe) {
    const bool blocked = describe == blocked_channels_desc;
    name_ = blocked ? "copy:concat:blocks" : "copy:concat:channels_last";
    const Shape& y = request.outputs[0].shape;
    const int64_t positions = y[2] * y[3];
    rows_ = blocked ? y[0] : y[0] * positions;
    for (const TensorDesc& input : request.inputs) {
      input_layouts_.push_back(layout_of(describe(input.type, input.shape)));
      pieces_.push_back(static_cast<size_t>(input.shape[1] * (blocked ? positions : 1)) *
                        element_size(input.type));
      row_ += pieces_.back();
    }
    output_layouts_ = {layout_of(describe(request.inputs[0].type, y))};
  }

  Status run(const KernelArguments& arguments) override {
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows_; ++row) copy_row(arguments, row);
    return {};
  }

 private:
  void copy_row(const KernelArguments& arguments, int64_t row) const {
    const auto at = static_cast<size_t>(row);
    std::byte* to = arguments.outputs[0] + at * row_;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      std::memcpy(to, arguments.inputs[i] + at * pieces_[i], pieces_[i]);
      to += pieces_[i];
    }
  }

  int64_t rows_ = 0;
  size_t row_ = 0;              ///< bytes
  std::vector<size_t> pieces_;  ///< bytes of each input in a row
};

Prepared prepare(const KernelRequest& request) {
  if (auto reason = unfit(request)) return *reason;
  return guarded([&]() -> Prepared {
    const Describe describe = common_layout(request);
    if (describe == nullptr) return decline(DeclineReason::layout, "plain, or of several kinds");
    return std::make_unique<ConcatKernel>(request, describe);
  });
}

}  // namespace

void register_concat(KernelRegistry& registry) {
  registry.add({"copy:concat", {"Concat"}, prepare});
}

}  // namespace lathe
