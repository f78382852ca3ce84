// SPDX-License-Identifier: Apache-2.0
// Rounding of f32 elements to f16 or bf16 values, to nearest even, compiled per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/narrow.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <hwy/highway.h>

#include "engine/kernels/narrow.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
void round_f16_at(D d, float* data) {
  const hn::Rebind<hwy::float16_t, D> half;
  hn::StoreU(hn::PromoteTo(d, hn::DemoteTo(half, hn::LoadU(d, data))), d, data);
}

template <class D>
void round_bf16_at(D d, float* data) {
  const hn::Rebind<uint32_t, D> bits;
  const auto x = hn::LoadU(d, data);
  const auto raw = hn::BitCast(bits, x);
  const auto odd = hn::And(hn::ShiftRight<16>(raw), hn::Set(bits, 1));
  const auto rounded = hn::And(hn::Add(raw, hn::Add(hn::Set(bits, 0x7FFF), odd)), hn::Set(bits, 0xFFFF0000));
  // Rounding up a NaN's mantissa could make an infinity of it.
  hn::StoreU(hn::IfThenElse(hn::Eq(x, x), hn::BitCast(d, rounded), x), d, data);
}

void round_f16(float* data, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) round_f16_at(d, data + i);
  for (; i < count; ++i) round_f16_at(hn::CappedTag<float, 1>(), data + i);
}

void round_bf16(float* data, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) round_bf16_at(d, data + i);
  for (; i < count; ++i) round_bf16_at(hn::CappedTag<float, 1>(), data + i);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(round_f16);
HWY_EXPORT(round_bf16);

constexpr size_t elements_a_task = size_t{1} << 15;

class RoundingKernel final : public Kernel {
 public:
  RoundingKernel(ElementType precision, size_t count) : half_(precision == ElementType::f16), count_(count) {
    name_ = half_ ? "simd:round_f16" : "simd:round_bf16";
  }

  Status run(const KernelArguments& arguments) override {
    auto* data = reinterpret_cast<float*>(arguments.outputs[0]);
    const auto tasks = static_cast<int64_t>((count_ + elements_a_task - 1) / elements_a_task);
#pragma omp parallel for schedule(static) if (tasks > 1)
    for (int64_t task = 0; task < tasks; ++task) {
      const size_t begin = static_cast<size_t>(task) * elements_a_task;
      const size_t count = std::min(elements_a_task, count_ - begin);
      if (half_)
        HWY_DYNAMIC_DISPATCH(round_f16)(data + begin, count);
      else
        HWY_DYNAMIC_DISPATCH(round_bf16)(data + begin, count);
    }
    return {};
  }

 private:
  bool half_;
  size_t count_;
};

}  // namespace
}  // namespace simd

std::unique_ptr<Kernel> make_rounding(ElementType precision, size_t count) {
  simd::cap_targets();
  return std::make_unique<simd::RoundingKernel>(precision, count);
}

bool multiplies_8bit() {
  const std::string isa = instruction_set();
  return isa.find("vnni") != std::string::npos || isa == "avx512_bf16" || isa == "avx512_amx";
}

bool computes_wide(ElementType type) {
  if (type == ElementType::f16) return true;
  const std::string isa = instruction_set();
  return type == ElementType::bf16 && isa != "avx512_bf16" && isa != "avx512_amx";
}

}  // namespace lathe
#endif
