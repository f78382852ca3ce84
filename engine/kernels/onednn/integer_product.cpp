// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/onednn/integer_product.h"

#include <algorithm>

#include "engine/kernels/narrow.h"

namespace lathe::onednn {
namespace {

using dnnl::memory;

/// Weights as i8; those that are u8 less 128.
Tensor signed_weights(const Tensor& b) {
  auto made = Tensor::allocate(ElementType::i8, b.shape());
  if (!made.ok()) throw std::bad_alloc();
  // The same bits but for the first: subtracting 128 flips it.
  const auto flip = static_cast<uint8_t>(b.type() == ElementType::u8 ? 0x80 : 0);
  const auto* from = reinterpret_cast<const uint8_t*>(b.buffer().data());
  auto* to = reinterpret_cast<uint8_t*>(made->mutable_raw());
  for (int64_t i = 0; i < b.count(); ++i) to[i] = from[i] ^ flip;
  return std::move(*made);
}

std::vector<uint32_t> column_sums(const Tensor& b) {
  const auto columns = static_cast<size_t>(b.dim(1));
  const auto elements = b.data<int8_t>();
  std::vector<uint32_t> sums(columns);
  for (size_t i = 0; i < elements.size(); i += columns)
    for (size_t n = 0; n < columns; ++n) sums[n] += static_cast<uint32_t>(int32_t{elements[i + n]});
  return sums;
}

std::unique_ptr<Kernel> narrow_product(int64_t rows, const Tensor& b) {
  const memory::desc x = plain_desc(ElementType::u8, {rows, b.dim(0)}),
                     y = plain_desc(ElementType::i32, {rows, b.dim(1)});
  const dnnl::matmul::primitive_desc description({x, any_desc(ElementType::i8, b.shape()), y},
                                                 scratch_attributes(), cpu_engine());
  auto kernel =
      std::make_unique<PrimitiveKernel>("onednn:matmul_integer:" + std::string(description.impl_info_str()),
                                        dnnl::matmul(description), description.scratchpad_desc());
  kernel->bind_input(DNNL_ARG_SRC, 0, x);
  kernel->bind_owned(DNNL_ARG_WEIGHTS,
                     pack(b, plain_desc(ElementType::i8, b.shape()), description.weights_desc()), 1);
  kernel->bind_output(DNNL_ARG_DST, 0, y);
  return kernel;
}

/// Sums of f32 products of integers are exact below 2^24: 255 * 128 * 512 is.
constexpr int64_t exact_depth = 512;

/// Slices of the depth, multiplied in f32 and added up as integers.
class SlicedProduct final : public Kernel {
 public:
  SlicedProduct(int64_t rows, const Tensor& b) : rows_(rows), depth_(b.dim(0)), columns_(b.dim(1)) {
    auto widened = Tensor::allocate(ElementType::f32, b.shape());
    if (!widened.ok()) throw std::bad_alloc();
    const auto from = b.data<int8_t>();
    std::copy(from.begin(), from.end(), widened->mutable_data<float>().begin());
    for (int64_t begin = 0; begin < depth_; begin += exact_depth) add_slice(*widened, begin);
    name_ = "onednn:matmul_integer:sliced:" + slices_.front()->name();
    sums_at_ = static_cast<size_t>(rows_ * depth_) * sizeof(float);
    sums_at_ = (sums_at_ + 63) / 64 * 64;
    inner_at_ = sums_at_ + static_cast<size_t>(rows_ * columns_) * sizeof(float);
    inner_at_ = (inner_at_ + 63) / 64 * 64;
    scratch_bytes_ += inner_at_;
  }

  Status run(const KernelArguments& arguments) override {
    auto* wide = reinterpret_cast<float*>(arguments.scratch);
    widen(arguments.inputs[0], wide);
    auto* sums = reinterpret_cast<const float*>(arguments.scratch + sums_at_);
    auto* to = reinterpret_cast<uint32_t*>(arguments.outputs[0]);
    const int64_t count = rows_ * columns_;
    for (size_t slice = 0; slice < slices_.size(); ++slice) {
      const auto* from = reinterpret_cast<const std::byte*>(wide + static_cast<int64_t>(slice) * exact_depth);
      std::byte* target = arguments.scratch + sums_at_;
      LATHE_TRY(slices_[slice]->run({{&from, 1}, {&target, 1}, arguments.scratch + inner_at_}));
      const bool first = slice == 0;
#pragma omp parallel for schedule(static) if (count > 16384)
      for (int64_t i = 0; i < count; ++i)
        to[i] = (first ? 0 : to[i]) + static_cast<uint32_t>(static_cast<int32_t>(sums[i]));
    }
    return {};
  }

 private:
  void add_slice(const Tensor& b, int64_t begin) {
    const int64_t depth = std::min(exact_depth, depth_ - begin);
    const auto f32 = memory::data_type::f32;
    const memory::desc x({rows_, depth}, f32, memory::dims{depth_, 1}),
        y = plain_desc(ElementType::f32, {rows_, columns_});
    const dnnl::matmul::primitive_desc description({x, any_desc(ElementType::f32, {depth, columns_}), y},
                                                   scratch_attributes(), cpu_engine());
    auto kernel = std::make_unique<PrimitiveKernel>(std::string(description.impl_info_str()),
                                                    dnnl::matmul(description), description.scratchpad_desc());
    dnnl::memory source(plain_desc(ElementType::f32, {depth, columns_}), cpu_engine(),
                        const_cast<float*>(b.data<float>().data() + begin * columns_));
    PackedConstant packed = allocate_packed(description.weights_desc());
    dnnl::reorder(source, packed.memory).execute(cpu_stream(), source, packed.memory);
    cpu_stream().wait();
    kernel->bind_input(DNNL_ARG_SRC, 0, x);
    kernel->bind_owned(DNNL_ARG_WEIGHTS, std::move(packed), 1);
    kernel->bind_output(DNNL_ARG_DST, 0, y);
    packed_bytes_ += kernel->packed_bytes();
    scratch_bytes_ = std::max(scratch_bytes_, kernel->scratch_bytes());
    slices_.push_back(std::move(kernel));
  }

  void widen(const std::byte* from, float* to) const {
    const int64_t count = rows_ * depth_;
    const auto* bytes = reinterpret_cast<const uint8_t*>(from);
#pragma omp parallel for simd schedule(static) if (count > 16384)
    for (int64_t i = 0; i < count; ++i) to[i] = bytes[i];
  }

  int64_t rows_, depth_, columns_;
  std::vector<std::unique_ptr<PrimitiveKernel>> slices_;
  size_t sums_at_ = 0, inner_at_ = 0;
};

}  // namespace

IntegerProduct make_integer_product(int64_t rows, const Tensor& b) {
  const Tensor weights = signed_weights(b);
  IntegerProduct made;
  made.shift = b.type() == ElementType::u8 ? 128 : 0;
  made.column_sums = column_sums(weights);
  if (multiplies_8bit())
    made.kernel = narrow_product(rows, weights);
  else
    made.kernel = std::make_unique<SlicedProduct>(rows, weights);
  return made;
}

}  // namespace lathe::onednn
