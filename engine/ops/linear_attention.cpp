// SPDX-License-Identifier: Apache-2.0
// LinearAttention: attention as a recurrence over a state of fixed size, one matrix per key/value head.
#include <algorithm>
#include <cmath>

#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

/// How the state changes with each token: it decays (gated), and what it already knows of a key is taken off
/// the key's new value (corrects).
struct UpdateRule {
  bool gated = false, corrects = false;
  int64_t heads = 0, groups = 0;  ///< of queries and of keys and values
};

Result<UpdateRule> update_rule(const Node& node, bool has_decay, bool has_beta) {
  const std::string name = node.attributes.get_string("update_rule", "gated_delta");
  UpdateRule rule;
  rule.gated = name == "gated" || name == "gated_delta";
  rule.corrects = name == "delta" || name == "gated_delta";
  if (!rule.gated && !rule.corrects && name != "linear")
    return node_error(node, "has an unknown update_rule '" + name + "'");
  if (rule.gated != has_decay)
    return node_error(node, (has_decay ? "takes no decay" : "needs a decay") + (" with update_rule " + name));
  if (rule.corrects != has_beta)
    return node_error(node, (has_beta ? "takes no beta" : "needs a beta") + (" with update_rule " + name));
  rule.heads = node.attributes.get_int("q_num_heads", 0);
  rule.groups = node.attributes.get_int("kv_num_heads", 0);
  if (rule.heads < 1 || rule.groups < 1 || rule.heads % rule.groups != 0)
    return node_error(node, "needs a q_num_heads that is a multiple of kv_num_heads, not " +
                                std::to_string(rule.heads) + " and " + std::to_string(rule.groups));
  return rule;
}

Status infer_linear_attention(InferContext& context) {
  LATHE_ASSIGN(const UpdateRule rule,
               update_rule(context.node(), context.has_input(4), context.has_input(5)));
  const Dims *q = context.dims(0), *v = context.dims(2), *past = context.dims(3);
  for (const Dims* dims : {q, context.dims(1), v})
    if (dims != nullptr && dims->size() != 3)
      return node_error(context.node(), "needs a query, key and value of rank 3");
  const ElementType type = context.element(0), state = context.has_input(3) ? context.element(3) : type;
  if (q == nullptr || v == nullptr) {
    context.set_tensor(0, type, unknown_dims(context, 3));
    context.set_tensor(1, state, past != nullptr ? *past : unknown_dims(context, 4));
    return {};
  }
  const Dim size = dim_floor_div((*q)[2], Dim(rule.heads)), v_size = dim_floor_div((*v)[2], Dim(rule.groups));
  context.set_tensor(0, type, Dims{(*q)[0], (*q)[1], Dim(rule.heads) * v_size});
  context.set_tensor(1, state, Dims{(*q)[0], Dim(rule.groups), size, v_size});
  return {};
}

struct LinearProblem {
  UpdateRule rule;
  int64_t batch = 0, length = 0, size = 0, v_size = 0;
  int64_t decays = 0;  ///< per head: 1 or `size`
  int64_t betas = 0;   ///< per token: 1 or one per head
  double scale = 1;
};

Result<LinearProblem> resolve_problem(const RunContext& context) {
  LinearProblem p;
  LATHE_ASSIGN(p.rule, update_rule(context.node(), context.has_input(4), context.has_input(5)));
  const Shape &q = context.tensor(0).shape(), &k = context.tensor(1).shape(), &v = context.tensor(2).shape();
  const int64_t heads = p.rule.heads, groups = p.rule.groups;
  const bool whole = q.size() == 3 && v.size() == 3 && q[2] % heads == 0 && v[2] % groups == 0;
  if (!whole || q[2] == 0 || k != Shape{q[0], q[1], q[2] / heads * groups} || v != Shape{q[0], q[1], v[2]})
    return context.error("has a query of shape " + to_string(q) + ", a key of " + to_string(k) +
                         " and a value of " + to_string(v) + " for " + std::to_string(heads) + " and " +
                         std::to_string(groups) + " heads");
  p.batch = q[0];
  p.length = q[1];
  p.size = q[2] / heads;
  p.v_size = v[2] / groups;
  if (p.rule.gated) {
    const Shape& decay = context.tensor(4).shape();
    p.decays = decay == Shape{q[0], q[1], groups} ? 1 : p.size;
    if (decay != Shape{q[0], q[1], groups * p.decays})
      return context.error("has a decay of shape " + to_string(decay));
  }
  if (p.rule.corrects) {
    const Shape& beta = context.tensor(5).shape();
    p.betas = beta == Shape{q[0], q[1], 1} ? 1 : groups;
    if (beta != Shape{q[0], q[1], p.betas}) return context.error("has a beta of shape " + to_string(beta));
  }
  if (context.has_input(3) && context.tensor(3).shape() != Shape{p.batch, groups, p.size, p.v_size})
    return context.error("has a state of shape " + to_string(context.tensor(3).shape()));
  p.scale = context.attributes().get_float("scale", 0);
  if (p.scale == 0) p.scale = 1 / std::sqrt(static_cast<double>(p.size));
  return p;
}

template <class A>
struct LinearOperands {
  Operand<A> q, k, v, decay, beta;
};

/// One token of one key/value head, whose matrix [size, v_size] is `state`. `value` is scratch of v_size.
template <class A>
void update_state(const LinearProblem& p, const LinearOperands<A>& in, int64_t token, int64_t group, A* state,
                  A* value) {
  const int64_t groups = p.rule.groups;
  const A* key = in.k.data() + (token * groups + group) * p.size;
  std::copy_n(in.v.data() + (token * groups + group) * p.v_size, p.v_size, value);
  if (p.rule.gated)
    for (int64_t i = 0; i < p.size; ++i) {
      const A kept = std::exp(in.decay[(token * groups + group) * p.decays + (p.decays == 1 ? 0 : i)]);
      for (int64_t j = 0; j < p.v_size; ++j) state[i * p.v_size + j] *= kept;
    }
  if (p.rule.corrects) {
    const A rate = in.beta[token * p.betas + (p.betas == 1 ? 0 : group)];
    for (int64_t j = 0; j < p.v_size; ++j) {
      A known = 0;
      for (int64_t i = 0; i < p.size; ++i) known += state[i * p.v_size + j] * key[i];
      value[j] = rate * (value[j] - known);
    }
  }
  for (int64_t i = 0; i < p.size; ++i)
    for (int64_t j = 0; j < p.v_size; ++j) state[i * p.v_size + j] += key[i] * value[j];
}

template <class A>
void read_state(const LinearProblem& p, const A* query, const A* state, A* y) {
  std::fill_n(y, p.v_size, A(0));
  for (int64_t i = 0; i < p.size; ++i)
    for (int64_t j = 0; j < p.v_size; ++j) y[j] += query[i] * state[i * p.v_size + j];
  for (int64_t j = 0; j < p.v_size; ++j) y[j] *= static_cast<A>(p.scale);
}

template <class A>
Status run_typed(RunContext& context, const LinearProblem& p) {
  const ElementType type = context.tensor(0).type();
  const int64_t heads = p.rule.heads, groups = p.rule.groups;
  const LinearOperands<A> in{Operand<A>(context.tensor(0)), Operand<A>(context.tensor(1)),
                             Operand<A>(context.tensor(2)), optional_operand<A>(context, 4),
                             optional_operand<A>(context, 5)};
  LATHE_ASSIGN(OutputBuffer<A> y,
               OutputBuffer<A>::make(context, 0, type, {p.batch, p.length, heads * p.v_size}));
  const Shape state_shape{p.batch, groups, p.size, p.v_size};
  const auto count = checked_element_count(state_shape);
  if (!count) return context.error("has a state of shape " + to_string(state_shape) + ", which is too large");
  std::vector<A> states(static_cast<size_t>(*count), A(0)), value(static_cast<size_t>(p.v_size));
  if (context.has_input(3)) std::copy_n(Operand<A>(context.tensor(3)).data(), *count, states.begin());
  for (int64_t b = 0; b < p.batch; ++b)
    for (int64_t t = 0; t < p.length; ++t) {
      const int64_t token = b * p.length + t;
      for (int64_t group = 0; group < groups; ++group)
        update_state(p, in, token, group, states.data() + (b * groups + group) * p.size * p.v_size,
                     value.data());
      for (int64_t head = 0; head < heads; ++head) {
        const int64_t group = head / (heads / groups);
        read_state(p, in.q.data() + (token * heads + head) * p.size,
                   states.data() + (b * groups + group) * p.size * p.v_size,
                   y.data() + (token * heads + head) * p.v_size);
      }
    }
  y.finish();
  if (!context.has_output(1)) return {};
  const ElementType state_type = context.has_input(3) ? context.tensor(3).type() : type;
  LATHE_ASSIGN(OutputBuffer<A> present, OutputBuffer<A>::make(context, 1, state_type, state_shape));
  std::copy(states.begin(), states.end(), present.data());
  present.finish();
  return {};
}

Status run_linear_attention(RunContext& context) {
  LATHE_ASSIGN(const Tensor* query, tensor_input(context, 0, "query"));
  LATHE_TRY(tensor_input(context, 1, "key"));
  LATHE_TRY(tensor_input(context, 2, "value"));
  for (size_t i = 0; i < 6; ++i)
    if (context.has_input(i) && !is_float(context.tensor(i).type()))
      return context.type_error(context.tensor(i).type());
  LATHE_ASSIGN(const LinearProblem problem, resolve_problem(context));
  return compute_float(context, query->type(),
                       [&](auto tag) -> Status { return run_typed<decltype(tag)>(context, problem); });
}

/// Writing and reading the state, each a multiply and an add per element; the correction reads it once more.
int64_t linear_attention_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto rule =
      update_rule(node, inputs.size() > 4 && !inputs[4].empty(), inputs.size() > 5 && !inputs[5].empty());
  if (!rule.ok() || inputs[0].size() != 3 || inputs[2].size() != 3) return 0;
  const int64_t size = inputs[0][2] / rule->heads, v_size = inputs[2][2] / rule->groups;
  const int64_t passes = rule->heads + rule->groups * (rule->corrects ? 2 : 1);
  return 2 * inputs[0][0] * inputs[0][1] * passes * size * v_size;
}

}  // namespace

void register_linear_attention(OperatorRegistry& registry) {
  registry.add({"",
                "LinearAttention",
                {27},
                3,
                6,
                1,
                2,
                trait_none,
                infer_linear_attention,
                run_linear_attention,
                linear_attention_flops});
}

}  // namespace lathe
