// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear and DequantizeLinear between f32 and 8 bit with one scale, in whatever layout the input
// lies.
#include <algorithm>

#include "engine/kernels/onednn/common.h"
#include "engine/kernels/simd/convert_loops.h"
#include "engine/kernels/simd/targets.h"
#include "engine/ops/fused_quantization.h"

namespace lathe {
namespace {

using namespace onednn;

constexpr int64_t elements_a_task = 1 << 15;

/// Converts `count` elements that lie densely, in the same order on both sides.
class ConvertKernel final : public Kernel {
 public:
  using Loop = void (*)(const std::byte*, Quantization, std::byte*, size_t);

  ConvertKernel(const char* name, Loop loop, Quantization quantization, int64_t count, size_t from_bytes,
                size_t to_bytes, Layout from, Layout to)
      : loop_(loop),
        quantization_(quantization),
        count_(count),
        from_bytes_(from_bytes),
        to_bytes_(to_bytes) {
    name_ = name;
    input_layouts_ = {std::move(from), {}, {}};
    output_layouts_ = {std::move(to)};
  }

  Status run(const KernelArguments& arguments) override {
    const std::byte* from = arguments.inputs[0];
    std::byte* to = arguments.outputs[0];
    const int64_t tasks = (count_ + elements_a_task - 1) / elements_a_task;
#pragma omp parallel for schedule(static) if (tasks > 1)
    for (int64_t task = 0; task < tasks; ++task) {
      const int64_t begin = task * elements_a_task;
      loop_(from + static_cast<size_t>(begin) * from_bytes_, quantization_,
            to + static_cast<size_t>(begin) * to_bytes_,
            static_cast<size_t>(std::min(elements_a_task, count_ - begin)));
    }
    return {};
  }

 private:
  Loop loop_;
  Quantization quantization_;
  int64_t count_;
  size_t from_bytes_, to_bytes_;
};

template <class T>
void quantize_loop(const std::byte* from, Quantization by, std::byte* to, size_t count) {
  simd::quantize(reinterpret_cast<const float*>(from), by.scale, by.zero_point, reinterpret_cast<T*>(to),
                 count);
}
template <class T>
void dequantize_loop(const std::byte* from, Quantization by, std::byte* to, size_t count) {
  simd::dequantize(reinterpret_cast<const T*>(from), by.scale, by.zero_point, reinterpret_cast<float*>(to),
                   count);
}

std::optional<Quantization> quantization_of(const KernelRequest& request) {
  const auto one = [&](size_t i) {
    return request.constants[i] != nullptr && request.constants[i]->count() == 1;
  };
  if (request.inputs.size() < 2 || !one(1) || request.constants[1]->type() != ElementType::f32)
    return std::nullopt;
  Quantization made{request.constants[1]->data<float>()[0], 0};
  if (request.inputs.size() < 3 || !request.inputs[2].present()) return made;
  if (!one(2) || !is_8bit(request.constants[2]->type())) return std::nullopt;
  made.zero_point = static_cast<int32_t>(request.constants[2]->to_int64()[0]);
  return made;
}

/// The same order of elements for another type; plain where blocks are padded.
struct Order {
  Layout from, to;
};
Order order_of(const TensorDesc& x, ElementType to) {
  // oneDNN cannot reorder f16.
  if (x.layout.plain() || x.type == ElementType::f16 || to == ElementType::f16) return {};
  dnnl::memory::desc desc = desc_of(x);
  if (desc.get_size() != static_cast<size_t>(element_count(x.shape)) * element_size(x.type)) return {};
  desc.data.data_type = static_cast<dnnl_data_type_t>(*data_type(to));
  return {x.layout, layout_of(desc)};
}

template <void (*convert)(const float*, uint16_t*, size_t)>
void narrow_loop(const std::byte* from, Quantization, std::byte* to, size_t count) {
  convert(reinterpret_cast<const float*>(from), reinterpret_cast<uint16_t*>(to), count);
}
template <void (*convert)(const uint16_t*, float*, size_t)>
void widen_loop(const std::byte* from, Quantization, std::byte* to, size_t count) {
  convert(reinterpret_cast<const uint16_t*>(from), reinterpret_cast<float*>(to), count);
}

ConvertKernel::Loop cast_loop(ElementType from, ElementType to) {
  if (from == ElementType::f32 && to == ElementType::f16) return narrow_loop<simd::narrow_to_f16>;
  if (from == ElementType::f32 && to == ElementType::bf16) return narrow_loop<simd::narrow_to_bf16>;
  if (from == ElementType::f16 && to == ElementType::f32) return widen_loop<simd::widen_f16>;
  if (from == ElementType::bf16 && to == ElementType::f32) return widen_loop<simd::widen_bf16>;
  return nullptr;
}

Prepared prepare_cast(const KernelRequest& request) {
  const ElementType from = request.inputs[0].type, to = request.outputs[0].type;
  const ConvertKernel::Loop loop = cast_loop(from, to);
  if (loop == nullptr)
    return decline(DeclineReason::element_type, std::string(to_string(from)) + " to " + to_string(to));
  simd::cap_targets();
  Order order = order_of(request.inputs[0], to);
  return std::make_unique<ConvertKernel>("simd:cast", loop, Quantization(),
                                         element_count(request.inputs[0].shape), element_size(from),
                                         element_size(to), std::move(order.from), std::move(order.to));
}

Prepared prepare_quantization(const KernelRequest& request) {
  const bool quantizes = request.node->op_type == "QuantizeLinear";
  const ElementType from = request.inputs[0].type, to = request.outputs[0].type;
  if (!is_8bit(quantizes ? to : from) || (quantizes ? from : to) != ElementType::f32)
    return decline(DeclineReason::element_type, std::string(to_string(from)) + " to " + to_string(to));
  const auto quantization = quantization_of(request);
  if (!quantization) return decline(DeclineReason::not_constant, "one scale and zero point");
  simd::cap_targets();
  const bool is_unsigned = (quantizes ? to : from) == ElementType::u8;
  const ConvertKernel::Loop loop = quantizes
                                       ? (is_unsigned ? quantize_loop<uint8_t> : quantize_loop<int8_t>)
                                       : (is_unsigned ? dequantize_loop<uint8_t> : dequantize_loop<int8_t>);
  Order order = order_of(request.inputs[0], to);
  return std::make_unique<ConvertKernel>(quantizes ? "simd:quantize" : "simd:dequantize", loop, *quantization,
                                         element_count(request.inputs[0].shape), element_size(from),
                                         element_size(to), std::move(order.from), std::move(order.to));
}

}  // namespace

void register_convert(KernelRegistry& registry) {
  registry.add({"simd:quantize", {"QuantizeLinear", "DequantizeLinear"}, prepare_quantization});
  registry.add({"simd:cast", {"Cast"}, prepare_cast});
}

}  // namespace lathe
