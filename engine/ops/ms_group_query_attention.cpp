// SPDX-License-Identifier: Apache-2.0
// com.microsoft.GroupQueryAttention.
#include "engine/ops/attention_heads.h"

namespace lathe {
namespace {

/// Each new element divided by its root mean square, times the weights of input i (of head size), if there.
template <class A>
Status normalize(const RunContext& context, Heads<A>& heads, size_t i) {
  if (!context.has_input(i)) return {};
  if (context.tensor(i).shape() != Shape{heads.size})
    return context.error("has norm weights of shape " + to_string(context.tensor(i).shape()) +
                         " for heads of " + std::to_string(heads.size));
  const Operand<A> weights(context.tensor(i));
  const A epsilon = static_cast<A>(context.attributes().get_float("qk_norm_epsilon", 1e-6F));
  for (int64_t row = 0; row < heads.rows() * heads.length; ++row) {
    A* x = heads.data.data() + row * heads.size;
    A sum = 0;
    for (int64_t j = 0; j < heads.size; ++j) sum += x[j] * x[j];
    const A factor = 1 / std::sqrt(sum / static_cast<A>(heads.size) + epsilon);
    for (int64_t j = 0; j < heads.size; ++j) x[j] *= factor * weights[j];
  }
  return {};
}

/// Rotates every new element in place by its position: `first` onwards per batch item, or input position_ids,
/// of which the first run of a sequence reads the first one only.
template <class A>
Status rotate(const RunContext& context, Heads<A>& heads, const std::vector<int64_t>& first, bool first_run) {
  LATHE_TRY(check_rank(context, 7, 2, "cos_cache"));
  LATHE_TRY(check_rank(context, 8, 2, "sin_cache"));
  const Operand<A> cosine(context.tensor(7)), sine(context.tensor(8));
  const int64_t half = context.tensor(7).dim(1), rows = context.tensor(7).dim(0);
  const bool interleaved = context.attributes().get_int("rotary_interleaved", 0) != 0;
  if (2 * half > heads.size || context.tensor(8).shape() != context.tensor(7).shape())
    return context.error("has caches that do not fit");
  std::vector<int64_t> given;
  if (context.has_input(9)) given = context.tensor(9).to_int64();
  if (!given.empty() && static_cast<int64_t>(given.size()) != heads.batch * heads.length)
    return context.error("has position_ids of shape " + to_string(context.tensor(9).shape()));
  for (int64_t i = 0; i < heads.rows() * heads.length; ++i) {
    const int64_t item = i / heads.length / heads.heads, at = i % heads.length;
    const int64_t position = given.empty() ? first[static_cast<size_t>(item)] + at
                             : first_run   ? given[0] + at
                                           : given[static_cast<size_t>(item * heads.length + at)];
    if (position < 0 || position >= rows)
      return context.error("has position " + std::to_string(position) + " beyond its caches");
    A* x = heads.data.data() + i * heads.size;
    for (int64_t j = 0; j < half; ++j) {
      A &a = x[interleaved ? 2 * j : j], &b = x[interleaved ? 2 * j + 1 : j + half];
      const A c = cosine[position * half + j], s = sine[position * half + j], old = a;
      a = c * old - s * b;
      b = s * old + c * b;
    }
  }
  return {};
}

/// The cache of past keys or values with the new ones written behind those of each batch item.
template <class A>
Result<Heads<A>> update_cache(const RunContext& context, size_t input, const Heads<A>& fresh, int64_t length,
                              const std::vector<int64_t>& first) {
  Heads<A> out{fresh.batch, fresh.heads, length, fresh.size, {}};
  out.data.assign(static_cast<size_t>(element_count(out.shape())), A(0));
  if (context.has_input(input)) {
    const Tensor& past = context.tensor(input);
    if (past.rank() != 4 || past.dim(2) > length ||
        past.shape() != Shape{out.batch, out.heads, past.dim(2), out.size})
      return context.error("has a past of shape " + to_string(past.shape()));
    const Operand<A> data(past);
    for (int64_t row = 0; row < out.rows(); ++row)  // what lies behind the valid positions is not kept
      std::copy_n(data.data() + row * past.dim(2) * out.size,
                  std::min(past.dim(2), first[static_cast<size_t>(row / out.heads)]) * out.size,
                  out.data.begin() + row * length * out.size);
  }
  for (int64_t row = 0; row < out.rows(); ++row) {
    const int64_t start = first[static_cast<size_t>(row / out.heads)];
    const int64_t count = std::min(fresh.length, length - start);
    std::copy_n(fresh.data.begin() + row * fresh.length * out.size, count * out.size,
                out.data.begin() + (row * length + start) * out.size);
  }
  return out;
}

struct GroupSettings {
  int64_t heads = 0, kv_heads = 0, window = -1, length = 0, total = 0;
  std::vector<int64_t> totals, first;  ///< per batch item: valid keys, position of the first new one
};

Result<GroupSettings> read_group(const RunContext& context) {
  GroupSettings s;
  LATHE_TRY(check_rank(context, 0, 3, "query"));
  LATHE_TRY(check_rank(context, 5, -1, "seqlens_k"));
  LATHE_TRY(check_rank(context, 6, -1, "total_sequence_length"));
  s.heads = context.attributes().get_int("num_heads", 0);
  s.kv_heads = context.attributes().get_int("kv_num_heads", 0);
  s.window = context.attributes().get_int("local_window_size", -1);
  s.length = context.tensor(0).dim(1);
  if (s.heads < 1 || s.kv_heads < 1 || s.heads % s.kv_heads != 0)
    return context.error("needs num_heads that kv_num_heads divides");
  if (context.tensor(6).count() != 1) return context.error("needs a single total_sequence_length");
  s.total = context.tensor(6).to_int64()[0];
  s.totals = context.tensor(5).to_int64();
  if (static_cast<int64_t>(s.totals.size()) != context.tensor(0).dim(0))
    return context.error("needs one seqlens_k per batch item");
  const int64_t past = context.has_input(3) && context.tensor(3).rank() == 4 ? context.tensor(3).dim(2) : 0;
  if (s.total < s.length || s.total > past + s.length)
    return context.error("has a total_sequence_length out of range");
  for (int64_t& total : s.totals) {
    ++total;  // seqlens_k is one less
    if (total < 1 || total > s.total) return context.error("has a seqlens_k out of range");
    // The first run of a sequence may be padded at the end; later ones follow what is there.
    s.first.push_back(s.length == s.total ? 0 : total - s.length);
    if (s.first.back() < 0) return context.error("has a seqlens_k shorter than its new positions");
  }
  return s;
}

/// What this build does not have of the operator.
Status check_supported(const RunContext& context) {
  const char* what = nullptr;
  if (context.has_input(12) || context.has_input(13) ||
      context.attributes().get_int("kv_cache_bit_width", 0) != 0)
    what = "a quantised cache";
  else if (context.attributes().get_int("sliding_window_cache", 0) != 0)
    what = "a cache of the size of its window";
  else if (context.has_output(3))
    what = "the product of query and key as an output";
  return what == nullptr
             ? Status()
             : Status(unsupported(context.error("").where, std::string(what) + " is not supported"));
}

Status run_group_query(RunContext& context) {
  LATHE_TRY(check_supported(context));
  LATHE_ASSIGN(const GroupSettings s, read_group(context));
  return compute_float(context, context.tensor(0).type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    Heads<A> q, k, v;
    if (context.has_input(1) && context.has_input(2)) {
      LATHE_ASSIGN(q, load_heads<A>(context, 0, s.heads, nullptr));
      LATHE_ASSIGN(k, load_heads<A>(context, 1, s.kv_heads, nullptr));
      LATHE_ASSIGN(v, load_heads<A>(context, 2, s.kv_heads, nullptr));
    } else {
      const Tensor& packed = context.tensor(0);
      const int64_t row = packed.dim(2), size = row / (s.heads + 2 * s.kv_heads), batch = packed.dim(0);
      if (size * (s.heads + 2 * s.kv_heads) != row)
        return context.error("has a packed query of shape " + to_string(packed.shape()));
      const Operand<A> data(packed);
      q = split_heads(data.data(), batch, s.length, s.heads, size, {row, 0, size});
      k = split_heads(data.data(), batch, s.length, s.kv_heads, size, {row, s.heads * size, size});
      v = split_heads(data.data(), batch, s.length, s.kv_heads, size,
                      {row, (s.heads + s.kv_heads) * size, size});
    }
    if (!consistent(q, k, v) || k.length != q.length)
      return context.error("has a query, key and value that do not fit");
    LATHE_TRY(normalize(context, q, 14));
    LATHE_TRY(normalize(context, k, 15));
    if (context.attributes().get_int("do_rotary", 0) != 0) {
      LATHE_TRY(rotate(context, q, s.first, s.length == s.total));
      LATHE_TRY(rotate(context, k, s.first, s.length == s.total));
    }
    const int64_t past = context.has_input(3) && context.tensor(3).rank() == 4 ? context.tensor(3).dim(2) : 0;
    const int64_t present = std::max(past, s.total);
    LATHE_ASSIGN(const Heads<A> keys, update_cache(context, 3, k, present, s.first));
    LATHE_ASSIGN(const Heads<A> values, update_cache(context, 4, v, present, s.first));
    AttentionProblem problem;
    problem.softcap = context.attributes().get_float("softcap", 0);
    if (context.has_input(11))
      problem.sinks = context.tensor(11).to_double();
    else if (context.attributes().get_int("smooth_softmax", 0) > 0)
      problem.sinks.assign(static_cast<size_t>(s.heads), 0.0);
    if (!problem.sinks.empty() && static_cast<int64_t>(problem.sinks.size()) != s.heads)
      return context.error("has a head_sink of shape " + to_string(context.tensor(11).shape()));
    LATHE_ASSIGN(const BroadcastBias bias,
                 broadcast_bias(context, 10, {q.batch, q.heads, q.length, s.total}));
    const bool causal = context.attributes().get_int("causal", 1) != 0;
    problem.bias = [&](int64_t b, int64_t head, int64_t i, int64_t j) {
      const int64_t position = s.first[static_cast<size_t>(b)] + i;
      // Of a first run padded at its end, the padding sees what is there, too.
      if ((causal && j > position) || j >= s.totals[static_cast<size_t>(b)] ||
          (s.window > 0 && j <= position - s.window))
        return masked;
      return bias.at(b, head, i, j);
    };
    LATHE_TRY(attend_and_store(context, problem, q, keys, values));
    LATHE_TRY(store_heads(context, 1, keys));
    return store_heads(context, 2, values);
  });
}

Status infer_group_query(InferContext& context) {
  const Dims *q = context.dims(0), *past = context.dims(3);
  const ElementType element = context.element(0);
  const int64_t heads = context.attributes().get_int("num_heads", 1),
                kv_heads = context.attributes().get_int("kv_num_heads", 1);
  if (q == nullptr || q->size() != 3 || heads < 1 || kv_heads < 1) {
    for (size_t i = 0; i < 3; ++i) context.set_tensor(i, element, std::nullopt);
    return {};
  }
  const bool packed = !context.has_input(1);
  const Dim size = dim_floor_div((*q)[2], Dim(packed ? heads + 2 * kv_heads : heads));
  const auto total = context.known_ints(6);
  const Dim length = total && total->size() == 1 && past != nullptr && past->size() == 4
                         ? dim_max((*past)[2], Dim((*total)[0]))
                         : context.unknown_dim();
  context.set_tensor(0, element, Dims{(*q)[0], (*q)[1], size * Dim(heads)});
  for (size_t i = 1; i < 3; ++i) context.set_tensor(i, element, Dims{(*q)[0], kv_heads, length, size});
  return {};
}

}  // namespace

void register_ms_group_query_attention(OperatorRegistry& registry) {
  constexpr std::string_view domain = "com.microsoft";
  registry.add({domain,
                "GroupQueryAttention",
                {1},
                7,
                16,
                1,
                4,
                trait_none,
                infer_group_query,
                run_group_query,
                multi_head_flops});
}

}  // namespace lathe
