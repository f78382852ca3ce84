// SPDX-License-Identifier: Apache-2.0
// QLinearConv and QLinearMatMul outside of fusing engines (where the pass `lower_qlinear` writes them
// otherwise): the kernels of lathe.QuantizedConv and lathe.QuantizedMatMul with constant parameters.
#include <algorithm>

#include "engine/kernels/onednn/quantized.h"
#include "engine/kernels/onednn/reordered.h"

namespace lathe {
namespace {

using namespace onednn;

/// Positions of the inputs, the same for both operators.
constexpr size_t x_scale = 1, x_zero = 2, weights = 3, w_scale = 4, w_zero = 5, y_scale = 6, y_zero = 7,
                 bias = 8;

/// The inner kernel reads x only: all else is constant and packed.
class QLinearKernel final : public Kernel {
 public:
  QLinearKernel(std::unique_ptr<Kernel> inner, size_t inputs) : inner_(std::move(inner)) {
    name_ = inner_->name();
    input_layouts_ = inner_->input_layouts();
    input_layouts_.resize(1);
    input_layouts_.resize(inputs);
    output_layouts_ = inner_->output_layouts();
    consumed_.assign(inputs, true);
    consumed_[0] = false;
    scratch_bytes_ = inner_->scratch_bytes();
    packed_bytes_ = inner_->packed_bytes();
  }
  Status run(const KernelArguments& arguments) override {
    const std::byte* inputs[] = {arguments.inputs[0], nullptr, nullptr};
    return inner_->run({inputs, arguments.outputs, arguments.scratch});
  }

 private:
  std::unique_ptr<Kernel> inner_;
};

std::optional<Quantization> quantization(const KernelRequest& request, size_t scale, size_t zero,
                                         ElementType type) {
  const Tensor *step = request.constants[scale], *offset = request.constants[zero];
  if (step == nullptr || offset == nullptr || step->type() != ElementType::f32 || step->count() != 1 ||
      offset->type() != type || offset->count() != 1 || !(step->data<float>()[0] > 0))
    return std::nullopt;
  return Quantization{step->data<float>()[0], static_cast<int32_t>(offset->to_int64()[0])};
}

/// One number, or one for each of `channels`.
bool fits(const Tensor* given, ElementType type, int64_t channels) {
  return given != nullptr && given->type() == type &&
         (given->count() == 1 || (given->count() == channels && given->shape().back() == channels));
}

/// Centred weights as i8, where they fit.
std::optional<Tensor> symmetric_weights(const KernelRequest& request, size_t axis) {
  const Tensor& stored = *request.constants[weights];
  const std::vector<int32_t> elements = centred(stored, request.constants[w_zero], axis);
  auto made = Tensor::allocate(ElementType::i8, stored.shape());
  if (!made.ok()) return std::nullopt;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] < -128 || elements[i] > 127) return std::nullopt;
    made->mutable_data<int8_t>()[i] = static_cast<int8_t>(elements[i]);
  }
  return std::move(*made);
}

std::optional<Tensor> real_bias(const Tensor& given, const QuantizedOperation& operation) {
  auto made = Tensor::allocate(ElementType::f32, given.shape());
  if (!made.ok()) return std::nullopt;
  const auto from = given.data<int32_t>();
  const auto step = static_cast<double>(operation.input.scale);
  for (size_t i = 0; i < from.size(); ++i)
    made->mutable_data<float>()[i] =
        static_cast<float>(from[i] * step * static_cast<double>(operation.weight_scale(i)));
  return std::move(*made);
}

/// The node that does the same, for weights that are centred already.
Node internal_node(const Node& node, const QuantizedOperation& operation) {
  const bool conv = node.op_type == "QLinearConv";
  Node made = node;
  made.op_type = conv ? "QuantizedConv" : "QuantizedMatMul";
  made.domain = "lathe";
  made.version = 1;
  set_quantization(made.attributes, "x", operation.input);
  set_quantization(made.attributes, "y", operation.output);
  made.attributes.set("y_type", std::string(to_string(operation.output_type)));
  made.attributes.set("w_scales", operation.weight_scales);
  made.attributes.set("integer_sums", int64_t{1});
  return made;
}

Prepared prepare_inner(const KernelRequest& request) {
  Prepared prepared = decline(DeclineReason::provider_error, "no kernel");
  for (const KernelCandidate& candidate : kernels().find(request.node->qualified_type())) {
    prepared = candidate.prepare(request);
    auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared);
    if (kernel == nullptr) continue;
    if (!request.plain_layouts) return prepared;
    auto plain = in_plain_layouts(std::move(*kernel), request);
    if (!plain.ok()) return decline(DeclineReason::layout, plain.error().text());
    return std::move(*plain);
  }
  return prepared;
}

Prepared prepare(const KernelRequest& request) {
  const bool conv = request.node->op_type == "QLinearConv";
  const Shape& shape = request.inputs[weights].shape;
  if (!is_8bit(request.inputs[0].type) || !is_8bit(request.inputs[weights].type) ||
      !is_8bit(request.outputs[0].type))
    return decline(DeclineReason::element_type, to_string(request.inputs[0].type));
  if (request.constants[weights] == nullptr) return decline(DeclineReason::not_constant, "weights");
  if (conv ? shape.size() < 3 : shape.size() != 2) return decline(DeclineReason::rank, to_string(shape));
  const size_t axis = conv ? 0 : 1;
  const auto x = quantization(request, x_scale, x_zero, request.inputs[0].type),
             y = quantization(request, y_scale, y_zero, request.outputs[0].type);
  if (!x || !y || !fits(request.constants[w_scale], ElementType::f32, shape[axis]) ||
      !fits(request.constants[w_zero], request.inputs[weights].type, shape[axis]))
    return decline(DeclineReason::not_constant, "scales and zero points");
  const auto symmetric = symmetric_weights(request, axis);
  if (!symmetric) return decline(DeclineReason::element_type, "weights that 8 bit do not hold centred");
  QuantizedOperation operation;
  operation.input = *x;
  operation.output = *y;
  operation.output_type = request.outputs[0].type;
  const auto scales = request.constants[w_scale]->data<float>();
  operation.weight_scales.assign(scales.begin(), scales.end());

  const Node node = internal_node(*request.node, operation);
  KernelRequest inner = request;
  inner.node = &node;
  inner.inputs = {request.inputs[0], {ElementType::i8, shape, {}}};
  inner.constants = {nullptr, &*symmetric};
  std::optional<Tensor> real;
  if (conv && present(request, bias)) {
    if (request.constants[bias] == nullptr || request.constants[bias]->type() != ElementType::i32 ||
        request.constants[bias]->shape() != Shape{shape[0]})
      return decline(DeclineReason::not_constant, "bias");
    real = real_bias(*request.constants[bias], operation);
    if (!real) return decline(DeclineReason::provider_error, "out of memory");
    inner.inputs.push_back({ElementType::f32, real->shape(), {}});
    inner.constants.push_back(&*real);
  }
  Prepared prepared = prepare_inner(inner);
  if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared))
    return std::make_unique<QLinearKernel>(std::move(*kernel), request.inputs.size());
  return prepared;
}

}  // namespace

void register_qlinear(KernelRegistry& registry) {
  registry.add({"onednn:qlinear", {"QLinearConv", "QLinearMatMul"}, prepare});
}

}  // namespace lathe
