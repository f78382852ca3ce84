// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/weights_writer.h"

#include "engine/precision/block_quantization.h"
#include "engine/precision/quantized_constant.h"

namespace lathe {

Status WeightWriter::write(const WeightDecision& decision) {
  if (decision.form == WeightForm::full) return {};
  ++nodes_;
  if (decision.form == WeightForm::int4) return write_blocks(decision);
  return decision.table ? write_table(decision) : write_channels(decision);
}

void WeightWriter::account(const Tensor& weights, size_t stored) {
  weights.buffer().release_pages();
  before_ += weights.bytes();
  after_ += stored;
}

Result<WeightWriter::Stored*> WeightWriter::channels_of(const WeightDecision& decision) {
  Stored& made = stored_[decision.weights];
  if (made.numbers.valid()) return &made;
  const Tensor weights = *graph_.constant(decision.weights);
  const std::string name = graph_.value(decision.weights).name;
  const std::vector<float> scales = channel_scales(weights, decision.axis);
  LATHE_ASSIGN(Tensor numbers, rounded_weights(weights, decision.axis, scales));
  const auto count = static_cast<int64_t>(scales.size());
  const std::vector<int8_t> zeros(scales.size(), 0);
  account(weights, numbers.bytes() + scales.size() * (sizeof(float) + sizeof(int8_t)));
  made.numbers = editor_.add_constant(name + "/quantized", std::move(numbers));
  made.scales =
      editor_.add_constant(name + "/scale", Tensor::from<float>({count}, std::span<const float>(scales)));
  made.zeros = editor_.add_constant(name + "/zero_point",
                                    Tensor::from<int8_t>({count}, std::span<const int8_t>(zeros)));
  return &made;
}

Result<WeightWriter::Stored*> WeightWriter::blocks_of(const WeightDecision& decision) {
  Stored& made = stored_[decision.weights];
  if (made.numbers.valid()) return &made;
  const Tensor weights = *graph_.constant(decision.weights);
  const std::string name = graph_.value(decision.weights).name;
  LATHE_ASSIGN(BlockWeights packed, quantize_blocks(weights, decision.axis == 0, decision.block_size));
  account(weights, packed.stored.bytes() + packed.scales.bytes() + packed.zero_points.bytes());
  made.numbers = editor_.add_constant(name + "/quantized", std::move(packed.stored));
  made.scales = editor_.add_constant(name + "/scale", std::move(packed.scales));
  made.zeros = editor_.add_constant(name + "/zero_point", std::move(packed.zero_points));
  return &made;
}

void WeightWriter::add_dequantize(const Node& beside, std::vector<ValueId> inputs, ValueId output,
                                  int64_t axis, std::string why) {
  Node node;
  // Beside `beside`: same module, and named so that other readers find that module, too.
  node.name = beside.name + "_dequantize";
  node.op_type = "DequantizeLinear";
  node.version = opset_;
  node.module = beside.module;
  node.attributes.set("axis", axis);
  node.inputs = std::move(inputs);
  node.outputs = {output};
  inserted_[graph_.node(editor_.add_node(std::move(node))).name] = std::move(why);
}

Status WeightWriter::write_channels(const WeightDecision& decision) {
  LATHE_ASSIGN(Stored * made, channels_of(decision));
  const Node node = graph_.node(decision.node);
  if (!made->dequantized.valid()) {
    const Dims dims = to_dims(graph_.constant(decision.weights)->shape());
    made->dequantized = editor_.add_value(graph_.value(decision.weights).name + "/dequantize",
                                          TypeInfo::tensor(ElementType::f32, dims));
    add_dequantize(node, {made->numbers, made->scales, made->zeros}, made->dequantized,
                   static_cast<int64_t>(decision.axis), "says what the 8-bit weights stand for");
  }
  std::vector<ValueId> inputs = node.inputs;
  inputs[1] = made->dequantized;
  editor_.set_node_inputs(decision.node, std::move(inputs));
  return {};
}

Status WeightWriter::write_table(const WeightDecision& decision) {
  LATHE_ASSIGN(const Stored* made, channels_of(decision));
  const Node node = graph_.node(decision.node);
  const ValueId output = node.outputs[0];
  const ValueId picked = editor_.add_value(graph_.value(output).name + "/quantized",
                                           TypeInfo::tensor(ElementType::i8, graph_.value(output).type.dims));
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = made->numbers;
  editor_.set_node_inputs(decision.node, std::move(inputs));
  editor_.set_node_outputs(decision.node, {picked});
  add_dequantize(node, {picked, made->scales, made->zeros}, output, -1,
                 "says what was picked from the 8-bit table");
  return {};
}

Status WeightWriter::write_blocks(const WeightDecision& decision) {
  LATHE_ASSIGN(const Stored* blocks, blocks_of(decision));
  const Tensor& weights = *graph_.constant(decision.weights);
  Node node = graph_.node(decision.node);
  const std::vector<ValueId> inputs = std::move(node.inputs);
  node.op_type = "MatMulNBits";
  node.domain = "com.microsoft";
  node.version = 1;
  node.attributes = {};
  node.attributes.set("K", weights.dim(1 - decision.axis));
  node.attributes.set("N", weights.dim(decision.axis));
  node.attributes.set("bits", int64_t{4});
  node.attributes.set("block_size", decision.block_size);
  node.inputs = {inputs[0], blocks->numbers, blocks->scales, blocks->zeros};
  if (inputs.size() > 2 && inputs[2].valid())  // a Gemm's bias, behind the g_idx that is not there
    node.inputs.insert(node.inputs.end(), {ValueId(), inputs[2]});
  editor_.remove_node(decision.node);
  editor_.add_node(std::move(node));
  return {};
}

}  // namespace lathe
