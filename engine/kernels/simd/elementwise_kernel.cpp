// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/elementwise_kernel.h"

#include <algorithm>

#include "engine/kernels/simd/targets.h"

namespace lathe::simd {
namespace {

constexpr int64_t elements_a_task = 1 << 14;  // below that, waking a thread costs more than it saves

class ElementwiseKernel final : public Kernel {
 public:
  ElementwiseKernel(std::string name, ElementwiseLoop loop, int64_t count, const Layout& layout)
      : loop_(std::move(loop)), count_(count) {
    name_ = std::move(name);
    input_layouts_ = {layout};
    output_layouts_ = {layout};
    in_place_input_ = 0;
  }

  Status run(const KernelArguments& arguments) override {
    const auto* from = reinterpret_cast<const float*>(arguments.inputs[0]);
    auto* to = reinterpret_cast<float*>(arguments.outputs[0]);
    const int64_t tasks = (count_ + elements_a_task - 1) / elements_a_task;
#pragma omp parallel for schedule(static) if (tasks > 1)
    for (int64_t task = 0; task < tasks; ++task) {
      const int64_t begin = task * elements_a_task;
      loop_(from + begin, to + begin, static_cast<size_t>(std::min(elements_a_task, count_ - begin)));
    }
    return {};
  }

 private:
  ElementwiseLoop loop_;
  int64_t count_;
};

}  // namespace

Prepared prepare_elementwise(const KernelRequest& request, std::string name, ElementwiseLoop loop) {
  const TensorDesc& x = request.inputs[0];
  if (x.type != ElementType::f32) return Decline{DeclineReason::element_type, to_string(x.type)};
  const int64_t count = element_count(x.shape);
  if (element_count(request.outputs[0].shape) != count)
    return Decline{DeclineReason::shape, to_string(request.outputs[0].shape)};
  // In what order the elements lie does not matter, as long as there is nothing between them.
  const bool dense = x.layout.plain() || x.layout.bytes == static_cast<size_t>(count) * sizeof(float);
  const bool keeps = dense && x.shape == request.outputs[0].shape;
  cap_targets();
  return std::make_unique<ElementwiseKernel>(std::move(name), std::move(loop), count,
                                             keeps ? x.layout : Layout{});
}

}  // namespace lathe::simd
