// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/narrow_form.h"

#include <algorithm>
#include <array>

namespace lathe {
namespace {

using enum NarrowForm::Role;

constexpr uint32_t input_1 = 1U << 1, inputs_1_to_4 = 0x1eU, outputs_1_and_2 = 0x6U;

// Sorted by name. The opsets are those of the operators' type constraints.
constexpr std::array forms = {
    NarrowForm{"Abs", computes, 1, 13},
    NarrowForm{"Add", computes, 1, 13},
    NarrowForm{"Attention", product, 23, 23},
    NarrowForm{"AveragePool", computes, 1, 22},
    NarrowForm{"BatchNormalization", computes, 1, 14},
    NarrowForm{"Cast", moves, 6, 13},
    NarrowForm{"Celu", computes, 28, 28},
    NarrowForm{"CenterCropPad", moves, 18, 18},
    NarrowForm{"Clip", computes, 1, 13},
    NarrowForm{"Compress", moves, 9, 28},
    NarrowForm{"Concat", moves, 1, 13},
    NarrowForm{"ConstantOfShape", moves, 9, 20},
    NarrowForm{"Conv", product, 1, 22},
    NarrowForm{"ConvTranspose", product, 1, 22},
    NarrowForm{"DepthToSpace", moves, 1, 13},
    NarrowForm{"Div", computes, 1, 13},
    NarrowForm{"Dropout", moves, 1, 13, input_1},
    NarrowForm{"Einsum", product, 12, 28},
    NarrowForm{"Elu", computes, 1, 22},
    NarrowForm{"Erf", computes, 9, 13},
    NarrowForm{"Expand", moves, 8, 13},
    NarrowForm{"Flatten", moves, 1, 13},
    NarrowForm{"Gather", moves, 1, 13},
    NarrowForm{"GatherElements", moves, 11, 13},
    NarrowForm{"GatherND", moves, 11, 13},
    NarrowForm{"Gelu", computes, 20, 20},
    NarrowForm{"Gemm", product, 1, 13},
    NarrowForm{"GlobalAveragePool", computes, 1, 22},
    NarrowForm{"GlobalMaxPool", moves, 1, 22},
    NarrowForm{"GroupNormalization", computes, 18, 18},
    NarrowForm{"HardSigmoid", computes, 1, 22},
    NarrowForm{"HardSwish", computes, 14, 22},
    NarrowForm{"Identity", moves, 1, 13},
    NarrowForm{"InstanceNormalization", computes, 1, 22},
    NarrowForm{"LayerNormalization", computes, 17, 17, 0, outputs_1_and_2},
    NarrowForm{"LeakyRelu", computes, 1, 16},
    NarrowForm{"MatMul", product, 1, 13},
    NarrowForm{"Max", computes, 1, 13},
    NarrowForm{"MaxPool", moves, 1, 22},
    NarrowForm{"Mean", computes, 1, 13},
    NarrowForm{"Min", computes, 1, 13},
    NarrowForm{"Mish", computes, 18, 22},
    NarrowForm{"Mul", computes, 1, 13},
    NarrowForm{"Neg", computes, 1, 13},
    NarrowForm{"PRelu", computes, 1, 16},
    NarrowForm{"Pad", moves, 1, 13},
    NarrowForm{"RMSNormalization", computes, 23, 23},
    NarrowForm{"Reciprocal", computes, 1, 13},
    NarrowForm{"ReduceMax", moves, 1, 13},
    NarrowForm{"ReduceMean", computes, 1, 13},
    NarrowForm{"ReduceMin", moves, 1, 13},
    NarrowForm{"ReduceSum", computes, 1, 13},
    NarrowForm{"Relu", computes, 1, 13},
    NarrowForm{"Reshape", moves, 1, 13},
    NarrowForm{"Resize", moves, 10, 13, inputs_1_to_4},
    NarrowForm{"ReverseSequence", moves, 10, 28},
    NarrowForm{"RotaryEmbedding", computes, 23, 23},
    NarrowForm{"ScatterElements", moves, 11, 13},
    NarrowForm{"ScatterND", moves, 11, 13},
    NarrowForm{"Selu", computes, 1, 22},
    NarrowForm{"Sigmoid", computes, 1, 13},
    NarrowForm{"Slice", moves, 1, 13},
    NarrowForm{"Softmax", computes, 1, 13},
    NarrowForm{"Softplus", computes, 1, 22},
    NarrowForm{"Softsign", computes, 1, 22},
    NarrowForm{"SpaceToDepth", moves, 1, 13},
    NarrowForm{"Split", moves, 1, 13},
    NarrowForm{"Sqrt", computes, 1, 13},
    NarrowForm{"Squeeze", moves, 1, 13},
    NarrowForm{"Sub", computes, 1, 13},
    NarrowForm{"Sum", computes, 1, 13},
    NarrowForm{"Swish", computes, 24, 24},
    NarrowForm{"Tanh", computes, 1, 13},
    NarrowForm{"ThresholdedRelu", computes, 10, 22},
    NarrowForm{"Tile", moves, 1, 13},
    NarrowForm{"Transpose", moves, 1, 13},
    NarrowForm{"Trilu", moves, 14, 14},
    NarrowForm{"Unsqueeze", moves, 1, 13},
    NarrowForm{"Where", moves, 9, 16},
};

}  // namespace

const NarrowForm* narrow_form(const Node& node) {
  if (!node.domain.empty()) return nullptr;
  const auto found = std::lower_bound(
      forms.begin(), forms.end(), node.op_type,
      [](const NarrowForm& form, const std::string& name) { return form.op_type < std::string_view(name); });
  return found != forms.end() && found->op_type == node.op_type ? &*found : nullptr;
}

bool takes_any_type(const Node& node) {
  return node.domain.empty() && (node.op_type == "Shape" || node.op_type == "Size" || node.op_type == "Cast");
}

bool type_is_attribute(const Node& node) {
  return node.domain.empty() && (node.op_type == "Cast" || node.op_type == "ConstantOfShape");
}

bool is_narrowed_input(const Node& node, const NarrowForm& form, size_t i) {
  if (type_is_attribute(node)) return false;
  // From opset 15 the statistics and the scale have types of their own.
  if (form.op_type == "BatchNormalization" && node.version >= 15) return i == 0;
  return i >= 32 || (form.fixed_inputs >> i & 1U) == 0;
}

bool is_narrowed_output(const NarrowForm& form, size_t i) {
  return i >= 32 || (form.fixed_outputs >> i & 1U) == 0;
}

}  // namespace lathe
