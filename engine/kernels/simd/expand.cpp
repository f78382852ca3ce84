// SPDX-License-Identifier: Apache-2.0
// Expand of plain tensors with elements of 1, 2, 4 or 8 bytes, run by run: each is filled or copied.
#include <algorithm>
#include <array>

#include "engine/kernels/kernel.h"
#include "engine/ops/elementwise.h"

namespace lathe {
namespace {

template <class T>
class ExpandKernel final : public Kernel {
 public:
  explicit ExpandKernel(BroadcastLoop loop) : loop_(std::move(loop)) { name_ = "simd:expand"; }

  Status run(const KernelArguments& arguments) override {
    const auto* from = reinterpret_cast<const T*>(arguments.inputs[0]);
    auto* to = reinterpret_cast<T*>(arguments.outputs[0]);
    loop_.for_each_run([&](int64_t out, const BroadcastLoop::Offsets& at, int64_t count) {
      if (loop_.steps(0))
        std::copy_n(from + at[0], count, to + out);
      else
        std::fill_n(to + out, count, from[at[0]]);
    });
    return {};
  }

 private:
  BroadcastLoop loop_;
};

Prepared prepare(const KernelRequest& request) {
  const TensorDesc &x = request.inputs[0], &y = request.outputs[0];
  if (x.type != y.type) return Decline{DeclineReason::element_type, to_string(x.type)};
  if (element_count(y.shape) == 0 || broadcast(x.shape, y.shape) != y.shape)
    return Decline{DeclineReason::shape, to_string(y.shape)};
  BroadcastLoop loop(y.shape, std::array{x.shape});
  switch (element_size(x.type)) {
    case 1:
      return std::make_unique<ExpandKernel<uint8_t>>(std::move(loop));
    case 2:
      return std::make_unique<ExpandKernel<uint16_t>>(std::move(loop));
    case 4:
      return std::make_unique<ExpandKernel<uint32_t>>(std::move(loop));
    case 8:
      return std::make_unique<ExpandKernel<uint64_t>>(std::move(loop));
    default:
      return Decline{DeclineReason::element_type, to_string(x.type)};
  }
}

}  // namespace

void register_expand(KernelRegistry& registry) {
  registry.add({"simd:expand", {"Expand"}, prepare});
}

}  // namespace lathe
