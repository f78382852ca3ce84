// SPDX-License-Identifier: Apache-2.0
// com.microsoft's operators that another one of the registry computes: TransposeMatMul, the old name of
// FusedMatMul, and QEmbedLayerNormalization, which dequantises its tables for EmbedLayerNormalization.
#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/quantized.h"

namespace lathe {
namespace {

// Inputs 2 to 6 of QEmbedLayerNormalization, and their scales and zero points, in the same order from 8
// and 13.
constexpr size_t first_table = 2, tables = 5, first_scale = 8, first_zero_point = 13;

/// A run of EmbedLayerNormalization with other inputs, to the outputs of the node at hand.
class DequantizedRun final : public RunContext {
 public:
  DequantizedRun(RunContext& outer, const std::vector<RuntimeValue>& values) : outer_(outer) {
    node_ = &outer.node();
    for (const RuntimeValue& value : values) inputs_.push_back(&value);
  }
  Result<Tensor*> output(size_t i, ElementType type, Shape shape) override {
    return outer_.output(i, type, std::move(shape));
  }
  void set_output(size_t i, RuntimeValue value) override { outer_.set_output(i, std::move(value)); }
  Result<std::vector<RuntimeValue>> run_subgraph(const Graph& body,
                                                 std::vector<RuntimeValue> inputs) override {
    return outer_.run_subgraph(body, std::move(inputs));
  }
  uint64_t seed() const override { return outer_.seed(); }

 private:
  RunContext& outer_;
};

/// Table `k` as real numbers; no value when it is absent.
Result<RuntimeValue> dequantized_table(const RunContext& context, size_t k) {
  const Tensor* table = optional_tensor(context, first_table + k);
  if (table == nullptr) return RuntimeValue();
  LATHE_ASSIGN(const float scale, scalar_input(context, first_scale + k, "a scale"));
  const Tensor* zero = optional_tensor(context, first_zero_point + k);
  if (zero != nullptr && zero->count() != 1)
    return context.error("has a zero point of shape " + to_string(zero->shape()) +
                         ", but needs a single number");
  LATHE_ASSIGN(const auto centered, centered_integers(context, *table, zero));
  LATHE_ASSIGN(Tensor real, Tensor::allocate(ElementType::f32, table->shape()));
  const auto to = real.mutable_data<float>();
  for (size_t i = 0; i < to.size(); ++i)
    to[i] = static_cast<float>(static_cast<int32_t>(centered[i])) * scale;
  return RuntimeValue(std::move(real));
}

Status run_q_embed(RunContext& context) {
  const Operator* embed = operators().find("com.microsoft", "EmbedLayerNormalization", 1);
  if (embed == nullptr) return context.error("needs EmbedLayerNormalization, which this build does not have");
  std::vector<RuntimeValue> values(first_scale);
  for (const size_t i : {0, 1, 7})
    if (context.has_input(i)) values[i] = context.value(i);
  for (size_t k = 0; k < tables; ++k) {
    LATHE_ASSIGN(values[first_table + k], dequantized_table(context, k));
  }
  DequantizedRun run(context, values);
  return embed->run(run);
}

Status infer_q_embed(InferContext& context) {
  const Dims *ids = context.dims(0), *words = context.dims(first_table);
  for (const Dims* dims : {ids, words})
    if (dims != nullptr && dims->size() != 2)
      return node_error(context.node(),
                        "needs input_ids and word_embedding of rank 2, not " + to_string(*dims));
  std::optional<Dims> out, counts;
  if (ids != nullptr) counts = Dims{ids->front()};
  if (ids != nullptr && words != nullptr) out = Dims{(*ids)[0], (*ids)[1], (*words)[1]};
  context.set_tensor(0, ElementType::f32, std::move(out));
  context.set_tensor(1, ElementType::i32, std::move(counts));
  return {};
}

}  // namespace

void register_ms_composed(OperatorRegistry& registry) {
  if (const Operator* fused = registry.find("com.microsoft", "FusedMatMul", 1)) {
    Operator transposing = *fused;
    transposing.name = "TransposeMatMul";
    registry.add(std::move(transposing));
  }
  registry.add({"com.microsoft",
                "QEmbedLayerNormalization",
                {1},
                18,
                18,
                1,
                2,
                trait_none,
                infer_q_embed,
                run_q_embed,
                nullptr});
}

}  // namespace lathe
