// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/onednn/common.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <omp.h>

#include "engine/kernels/blocked_layout.h"

namespace lathe {
namespace {

std::atomic<int> threads_set{0};

}  // namespace

namespace onednn {
namespace {

/// LATHE_ISA caps what oneDNN may use; it has to be said before its first primitive.
void cap_instruction_set() {
  static std::once_flag once;
  std::call_once(once, [] {
    const char* cap = std::getenv("LATHE_ISA");
    if (cap == nullptr) return;
    const std::string name = cap;
    if (name == "sse41") dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
    if (name == "avx2") dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
    if (name == "avx512") dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core);
    if (name == "avx512_vnni") dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core_vnni);
  });
}

}  // namespace

dnnl::engine& cpu_engine() {
  cap_instruction_set();
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& cpu_stream() {
  static dnnl::stream stream(cpu_engine());
  return stream;
}

std::optional<dnnl::memory::data_type> data_type(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return dnnl::memory::data_type::f32;
    case ElementType::bf16:
      return dnnl::memory::data_type::bf16;
    case ElementType::f16:
      return dnnl::memory::data_type::f16;
    case ElementType::i8:
      return dnnl::memory::data_type::s8;
    case ElementType::u8:
      return dnnl::memory::data_type::u8;
    case ElementType::i32:
      return dnnl::memory::data_type::s32;
    default:
      return std::nullopt;
  }
}

dnnl::memory::dims to_dims(const Shape& shape) {
  return shape.empty() ? dnnl::memory::dims{1} : dnnl::memory::dims(shape.begin(), shape.end());
}

dnnl::memory::desc plain_desc(ElementType type, const Shape& shape) {
  const Shape known = shape.empty() ? Shape{1} : shape;
  return {to_dims(known), *data_type(type), row_major_strides(known)};
}

dnnl::memory::desc channels_last_desc(ElementType type, const Shape& shape) {
  dnnl::memory::dims strides(shape.size());
  strides[1] = 1;
  int64_t stride = shape[1];
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (axis == 1) continue;
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return {to_dims(shape), *data_type(type), strides};
}

int64_t channel_block() {
  static const bool wide = (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) &
                            static_cast<unsigned>(dnnl::cpu_isa::avx512_core)) ==
                           static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  return wide ? 16 : 8;
}

dnnl::memory::desc blocked_channels_desc(ElementType type, const Shape& shape) {
  using tag = dnnl::memory::format_tag;
  return {to_dims(shape), *data_type(type), channel_block() == 16 ? tag::nChw16c : tag::nChw8c};
}

dnnl::memory::desc any_desc(ElementType type, const Shape& shape) {
  return {to_dims(shape), *data_type(type), dnnl::memory::format_tag::any};
}

dnnl::memory::desc desc_of(const TensorDesc& tensor) {
  if (tensor.layout.plain()) return plain_desc(tensor.type, tensor.shape);
  dnnl_memory_desc_t raw;
  std::memcpy(&raw, tensor.layout.descriptor.data(), sizeof raw);
  return dnnl::memory::desc(raw);
}

bool is_reference(const char* implementation) {
  return std::string_view(implementation).find("ref") != std::string_view::npos;
}

namespace {

/// Elements lie row by row: strides of axes with one position say nothing.
bool is_row_major(const dnnl::memory::desc& desc) {
  const dnnl_memory_desc_t& raw = desc.data;
  const dnnl_blocking_desc_t& blocking = raw.format_desc.blocking;
  if (raw.format_kind != dnnl_blocked || blocking.inner_nblks != 0 || raw.offset0 != 0) return false;
  int64_t stride = 1;
  for (int axis = raw.ndims; axis-- > 0;) {
    if (raw.dims[axis] != raw.padded_dims[axis]) return false;
    if (raw.dims[axis] > 1 && blocking.strides[axis] != stride) return false;
    stride *= raw.dims[axis];
  }
  return true;
}

}  // namespace

Layout layout_of(const dnnl::memory::desc& desc) {
  if (is_row_major(desc)) return {};
  Layout layout;
  layout.descriptor.assign(reinterpret_cast<const char*>(&desc.data), sizeof desc.data);
  layout.bytes = desc.get_size();
  return layout;
}

dnnl::primitive_attr scratch_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

bool append_activation(dnnl::post_ops& ops, const Activation& activation, float scale) {
  using dnnl::algorithm;
  const auto add = [&](algorithm kind, float alpha, float beta) {
    ops.append_eltwise(scale, kind, alpha, beta);
    return true;
  };
  switch (activation.kind) {
    case ActivationKind::none:
      return scale == 1.0F || add(algorithm::eltwise_linear, 1, 0);
    case ActivationKind::relu:
      return add(algorithm::eltwise_relu, 0, 0);
    case ActivationKind::leaky_relu:
      return add(algorithm::eltwise_relu, activation.alpha, 0);
    case ActivationKind::sigmoid:
      return add(algorithm::eltwise_logistic, 0, 0);
    case ActivationKind::tanh:
      return add(algorithm::eltwise_tanh, 0, 0);
    case ActivationKind::gelu:
      return add(algorithm::eltwise_gelu_erf, 0, 0);
    case ActivationKind::gelu_tanh:
      return add(algorithm::eltwise_gelu_tanh, 0, 0);
    case ActivationKind::clip:
      return add(algorithm::eltwise_clip_v2, activation.alpha, activation.beta);
    case ActivationKind::elu:
      return add(algorithm::eltwise_elu, activation.alpha, 0);
    case ActivationKind::hard_swish:
      return add(algorithm::eltwise_hardswish, 0, 0);
    case ActivationKind::hard_sigmoid:
      ops.append_eltwise(1.0F, algorithm::eltwise_linear, activation.alpha, activation.beta);
      return add(algorithm::eltwise_clip_v2, 0, 1);
    case ActivationKind::swish:
      return add(algorithm::eltwise_swish, activation.alpha, 0);
    default:
      return false;
  }
}

Decline decline(DeclineReason reason, std::string detail) {
  return {reason, std::move(detail)};
}

Prepared guarded(const std::function<Prepared()>& make) {
  try {
    return make();
  } catch (const dnnl::error& error) {
    return decline(DeclineReason::provider_error, error.what());
  } catch (const std::bad_alloc&) {
    return decline(DeclineReason::provider_error, "out of memory");
  }
}

PrimitiveKernel::PrimitiveKernel(std::string name, dnnl::primitive primitive,
                                 const dnnl::memory::desc& scratchpad)
    : primitive_(std::move(primitive)) {
  name_ = std::move(name);
  scratch_bytes_ = scratchpad.get_size();
  scratch_ = dnnl::memory(scratchpad, cpu_engine(), nullptr);
  arguments_[DNNL_ARG_SCRATCHPAD] = scratch_;
}

void PrimitiveKernel::set_input_layout(size_t input, const dnnl::memory::desc& desc) {
  if (input_layouts_.size() <= input) input_layouts_.resize(input + 1);
  input_layouts_[input] = layout_of(desc);
}

void PrimitiveKernel::bind_input(int argument, size_t input, const dnnl::memory::desc& desc) {
  set_input_layout(input, desc);
  bindings_.push_back({dnnl::memory(desc, cpu_engine(), nullptr), true, input});
  arguments_[argument] = bindings_.back().memory;
}

void PrimitiveKernel::bind_output(int argument, size_t output, const dnnl::memory::desc& desc) {
  if (output_layouts_.size() <= output) output_layouts_.resize(output + 1);
  output_layouts_[output] = layout_of(desc);
  bindings_.push_back({dnnl::memory(desc, cpu_engine(), nullptr), false, output});
  arguments_[argument] = bindings_.back().memory;
}

void PrimitiveKernel::bind_owned(int argument, PackedConstant packed, size_t input) {
  if (consumed_.size() <= input) consumed_.resize(input + 1, false);
  if (input_layouts_.size() <= input) input_layouts_.resize(input + 1);
  consumed_[input] = true;
  packed_bytes_ += packed.memory.get_desc().get_size();
  arguments_[argument] = std::move(packed.memory);
  owned_.push_back(std::move(packed.buffer));
}

Status PrimitiveKernel::run(const KernelArguments& arguments) {
  try {
    for (Binding& binding : bindings_) {
      void* data = binding.input ? const_cast<std::byte*>(arguments.inputs[binding.index])
                                 : arguments.outputs[binding.index];
      binding.memory.set_data_handle(data);
    }
    scratch_.set_data_handle(arguments.scratch);
    primitive_.execute(cpu_stream(), arguments_);
    cpu_stream().wait();
    return {};
  } catch (const dnnl::error& error) {
    return internal_error(name_, error.what());
  }
}

PackedConstant allocate_packed(const dnnl::memory::desc& desc) {
  auto buffer = Buffer::allocate_lasting(desc.get_size());
  if (!buffer.ok()) throw std::bad_alloc();
  dnnl::memory memory(desc, cpu_engine(), buffer->mutable_data());
  return {std::move(*buffer), std::move(memory)};
}

PackedConstant pack(const Tensor& constant, const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
  // As they lie in the file: aligning them first would only cost memory.
  dnnl::memory source(from, cpu_engine(), const_cast<std::byte*>(constant.buffer().data()));
  PackedConstant target = allocate_packed(to);
  dnnl::reorder(source, target.memory).execute(cpu_stream(), source, target.memory);
  cpu_stream().wait();
  return target;
}

}  // namespace onednn

Result<std::unique_ptr<Kernel>> make_reorder(ElementType type, const Shape& shape, const Layout& from,
                                             const Layout& to) {
  // Reorders move bits: types that oneDNN lacks but that are as wide do as well.
  const ElementType moved = onednn::data_type(type) && type != ElementType::f16 ? type
                            : element_size(type) == 4                           ? ElementType::f32
                            : element_size(type) == 2                           ? ElementType::bf16
                                                                                : ElementType::u8;
  Prepared prepared = onednn::guarded([&]() -> Prepared {
    const dnnl::memory::desc source = onednn::desc_of({moved, shape, from}),
                             target = onednn::desc_of({moved, shape, to});
    const dnnl::reorder::primitive_desc description(onednn::cpu_engine(), source, onednn::cpu_engine(),
                                                    target, onednn::scratch_attributes());
    auto kernel = std::make_unique<onednn::PrimitiveKernel>(
        "onednn:reorder:" + std::string(description.impl_info_str()), dnnl::reorder(description),
        description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_FROM, 0, source);
    kernel->bind_output(DNNL_ARG_TO, 0, target);
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
  if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) return std::move(*kernel);
  return internal_error("reorder", std::get<Decline>(prepared).detail);
}

Layout blocked_channels_layout(ElementType type, const Shape& shape) {
  return onednn::layout_of(onednn::blocked_channels_desc(type, shape));
}

Layout channels_last_layout(ElementType type, const Shape& shape) {
  return onednn::layout_of(onednn::channels_last_desc(type, shape));
}

void set_kernel_threads(int threads) {
  omp_set_num_threads(threads);
  threads_set = threads;
}
int kernel_threads() {
  return omp_get_max_threads();
}
int threads_in_use() {
  const int set = threads_set;
  return set > 0 ? set : omp_get_num_procs();
}

std::string instruction_set() {
  (void)onednn::cpu_engine();
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_amx";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_bf16";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx:
      return "avx";
    default:
      return "sse41";
  }
}

}  // namespace lathe
