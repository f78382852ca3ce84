// SPDX-License-Identifier: Apache-2.0
// FlexAttention of ai.onnx.preview: attention whose scores and probabilities sub-graphs may change.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/matrix_product.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/subgraph_state.h"

namespace lathe {
namespace {

/// The element type of scores and probabilities.
Result<ElementType> softmax_type(const Node& node, ElementType input) {
  const bool given = node.attributes.has("softmax_precision");
  if (!given) return input == ElementType::f64 ? ElementType::f64 : ElementType::f32;
  const int64_t number = node.attributes.get_int("softmax_precision", 0);
  const auto type =
      number < 0 || number > 100 ? std::nullopt : element_type_from_onnx(static_cast<int>(number));
  for (const ElementType allowed : {ElementType::f16, ElementType::bf16, ElementType::f32, ElementType::f64})
    if (type == allowed) return allowed;
  return node_error(node, "has a softmax_precision of " + std::to_string(number));
}

/// The modifier of that name, or null where there is none.
Result<const Graph*> modifier(const Node& node, const char* name) {
  if (!node.attributes.has(name)) return nullptr;
  LATHE_ASSIGN(const Graph* body, subgraph(node, name));
  if (body->inputs().size() != 1 || body->outputs().size() != 1)
    return node_error(node, std::string("needs a ") + name + " of one input and one output");
  return body;
}

Status infer_flex_attention(InferContext& context) {
  const Dims *q = context.dims(0), *k = context.dims(1), *v = context.dims(2);
  for (const Dims* dims : {q, k, v})
    if (dims != nullptr && dims->size() != 4) return node_error(context.node(), "needs inputs of rank 4");
  const auto at = [&](const Dims* dims, size_t axis) {
    return dims != nullptr ? (*dims)[axis] : context.unknown_dim();
  };
  const Dim batch = at(q, 0), heads = at(q, 1), queries = at(q, 2);
  context.set_tensor(0, context.element(0), Dims{batch, heads, queries, at(v, 3)});
  LATHE_ASSIGN(const ElementType type, softmax_type(context.node(), context.element(0)));
  const TypeInfo scores = TypeInfo::tensor(type, Dims{batch, heads, queries, at(k, 2)});
  for (const char* name : {"score_mod", "prob_mod"}) {
    LATHE_ASSIGN(const Graph* body, modifier(context.node(), name));
    if (body != nullptr) LATHE_TRY(context.infer_subgraph(*body, std::span(&scores, 1)));
  }
  return {};
}

struct FlexProblem {
  int64_t batch = 0, heads = 0, kv_heads = 0, queries = 0, keys = 0, size = 0, v_size = 0;
  int64_t score_count = 0;

  Shape score_shape() const { return {batch, heads, queries, keys}; }
  /// The key and value head of query head `item` of batch * heads.
  int64_t kv(int64_t item) const { return item / heads * kv_heads + item % heads / (heads / kv_heads); }
};

Result<FlexProblem> resolve_problem(const RunContext& context) {
  const Shape &q = context.tensor(0).shape(), &k = context.tensor(1).shape(), &v = context.tensor(2).shape();
  const bool fits = q.size() == 4 && k.size() == 4 && v.size() == 4 && k == Shape{q[0], k[1], k[2], q[3]} &&
                    v == Shape{q[0], k[1], k[2], v[3]} && k[1] > 0 && q[1] % k[1] == 0;
  if (!fits)
    return context.error("has Q " + to_string(q) + ", K " + to_string(k) + " and V " + to_string(v) +
                         ", which do not fit");
  FlexProblem p{q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
  const auto count = checked_element_count(p.score_shape());
  if (!count) return context.error("has scores of shape " + to_string(p.score_shape()));
  p.score_count = *count;
  return p;
}

/// Scores or probabilities as elements of `type`, changed by the modifier where there is one.
template <class A>
Status pass_through(RunContext& context, const FlexProblem& p, ElementType type, const char* name,
                    std::vector<A>& values) {
  LATHE_ASSIGN(const Graph* body, modifier(context.node(), name));
  if (body == nullptr && type == element_type_of<A>) return {};
  LATHE_ASSIGN(Tensor tensor, Tensor::allocate(type, p.score_shape()));
  store_elements(values.data(), tensor);
  if (body != nullptr) {
    LATHE_ASSIGN(std::vector<RuntimeValue> outputs, context.run_subgraph(*body, {RuntimeValue(tensor)}));
    const bool fits = outputs.size() == 1 && outputs[0].is_tensor() && outputs[0].tensor.type() == type &&
                      outputs[0].tensor.shape() == p.score_shape();
    if (!fits) return context.error(std::string("has a ") + name + " that changes the type or shape");
    tensor = std::move(outputs[0].tensor);
  }
  load_elements(tensor, values.data());
  return {};
}

/// Rows of `keys` scores to probabilities. A row of -inf only is NaN, as Softmax makes it.
template <class A>
void normalise_rows(std::vector<A>& scores, int64_t keys) {
  for (auto row = scores.begin(); row != scores.end(); row += keys) {
    A highest = -std::numeric_limits<A>::infinity(), sum = 0;
    for (int64_t j = 0; j < keys; ++j) highest = std::max(highest, row[j]);
    for (int64_t j = 0; j < keys; ++j) {
      row[j] = std::exp(row[j] - highest);
      sum += row[j];
    }
    for (int64_t j = 0; j < keys; ++j) row[j] /= sum;
  }
}

template <class A>
Status run_typed(RunContext& context, const FlexProblem& p, ElementType precision) {
  const Operand<A> q(context.tensor(0)), k(context.tensor(1)), v(context.tensor(2));
  const double fallback = 1 / std::sqrt(static_cast<double>(p.size));
  const double scale =
      context.attributes().has("scale") ? context.attributes().get_float("scale", 1) : fallback;
  std::vector<A> scores(static_cast<size_t>(p.score_count));
  for (int64_t item = 0; item < p.batch * p.heads; ++item)
    multiply<A>(p.queries, p.keys, p.size, q.data() + item * p.queries * p.size, false,
                k.data() + p.kv(item) * p.keys * p.size, true, scores.data() + item * p.queries * p.keys);
  for (A& score : scores) score *= static_cast<A>(scale);
  LATHE_TRY(pass_through(context, p, precision, "score_mod", scores));
  normalise_rows(scores, p.keys);
  LATHE_TRY(pass_through(context, p, precision, "prob_mod", scores));
  LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, context.tensor(0).type(),
                                                        {p.batch, p.heads, p.queries, p.v_size}));
  for (int64_t item = 0; item < p.batch * p.heads; ++item)
    multiply<A>(p.queries, p.v_size, p.keys, scores.data() + item * p.queries * p.keys, false,
                v.data() + p.kv(item) * p.keys * p.v_size, false, y.data() + item * p.queries * p.v_size);
  y.finish();
  return {};
}

Status run_flex_attention(RunContext& context) {
  LATHE_ASSIGN(const Tensor* q, tensor_input(context, 0, "Q"));
  for (const size_t i : {1, 2}) {
    LATHE_ASSIGN(const Tensor* other, tensor_input(context, i, i == 1 ? "K" : "V"));
    if (other->type() != q->type()) return context.error("has inputs of different element types");
  }
  LATHE_ASSIGN(const FlexProblem problem, resolve_problem(context));
  LATHE_ASSIGN(const ElementType precision, softmax_type(context.node(), q->type()));
  if (!is_float(q->type())) return context.type_error(q->type());
  const bool wide = q->type() == ElementType::f64 || precision == ElementType::f64;
  return compute_float(context, wide ? ElementType::f64 : q->type(), [&](auto tag) -> Status {
    return run_typed<decltype(tag)>(context, problem, precision);
  });
}

int64_t flex_attention_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  if (inputs[0].size() != 4 || inputs[1].size() != 4 || inputs[2].size() != 4) return 0;
  const Shape& q = inputs[0];
  return 2 * q[0] * q[1] * q[2] * inputs[1][2] * (q[3] + inputs[2][3]);
}

}  // namespace

void register_flex_attention(OperatorRegistry& registry) {
  registry.add({"ai.onnx.preview",
                "FlexAttention",
                {1},
                3,
                3,
                1,
                1,
                trait_control_flow,
                infer_flex_attention,
                run_flex_attention,
                flex_attention_flops});
}

}  // namespace lathe
