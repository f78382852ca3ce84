// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/elementwise_kernel.h"

#include <algorithm>

#include "engine/kernels/simd/targets.h"

namespace lathe::simd {
namespace {

constexpr int64_t elements_a_task = 1 << 14;  // below that, waking a thread costs more than it saves

class ElementwiseKernel final : public Kernel {
 public:
  ElementwiseKernel(const char* name, ElementwiseLoop loop, int64_t count) : loop_(loop), count_(count) {
    name_ = name;
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

Prepared prepare_elementwise(const KernelRequest& request, const char* name, ElementwiseLoop loop) {
  const TensorDesc& x = request.inputs[0];
  if (x.type != ElementType::f32) return Decline{DeclineReason::element_type, to_string(x.type)};
  cap_targets();
  return std::make_unique<ElementwiseKernel>(name, loop, element_count(x.shape));
}

}  // namespace lathe::simd
