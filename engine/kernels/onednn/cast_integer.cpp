// SPDX-License-Identifier: Apache-2.0
// Cast of integers to f32, in whatever layout they lie: what follows products with integer sums.
#include "engine/kernels/onednn/common.h"

namespace lathe {
namespace {

using namespace onednn;

Prepared prepare(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  const bool widens = x.type == ElementType::i32 || x.type == ElementType::i8 || x.type == ElementType::u8;
  if (!widens || request.outputs[0].type != ElementType::f32)
    return decline(DeclineReason::element_type,
                   std::string(to_string(x.type)) + " to " + to_string(request.outputs[0].type));
  if (element_count(x.shape) == 0) return decline(DeclineReason::shape, "no elements");
  return guarded([&]() -> Prepared {
    // Row-major elements need no axes, of which oneDNN has twelve at most.
    const dnnl::memory::desc from =
        x.layout.plain() ? plain_desc(x.type, {element_count(x.shape)}) : desc_of(x);
    dnnl::memory::desc to = from;
    to.data.data_type = static_cast<dnnl_data_type_t>(*data_type(ElementType::f32));
    const dnnl::reorder::primitive_desc description(cpu_engine(), from, cpu_engine(), to,
                                                    scratch_attributes());
    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:cast:" + std::string(description.impl_info_str()),
                                          dnnl::reorder(description), description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_FROM, 0, from);
    kernel->bind_output(DNNL_ARG_TO, 0, to);
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_cast_integer(KernelRegistry& registry) {
  registry.add({"onednn:cast", {"Cast"}, prepare});
}

}  // namespace lathe
