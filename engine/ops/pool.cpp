// SPDX-License-Identifier: Apache-2.0
// MaxPool, AveragePool, LpPool and their global forms.
#include <cmath>
#include <limits>

#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/pooling.h"

namespace lathe {
namespace {

Status infer_pool(InferContext& context) {
  const Dims* x = context.dims(0);
  std::optional<Dims> output;
  if (x != nullptr) {
    if (x->size() < 3)
      return node_error(context.node(), "needs an input with spatial axes, not " + to_string(*x));
    LATHE_ASSIGN(const Dims spatial, window_output(context.node(), std::span(*x).subspan(2)));
    output = Dims{(*x)[0], (*x)[1]};
    output->insert(output->end(), spatial.begin(), spatial.end());
  }
  context.set_tensor(0, context.element(0), output);
  context.set_tensor(1, ElementType::i64, output);
  return {};
}

Status infer_global_pool(InferContext& context) {
  const Dims* x = context.dims(0);
  std::optional<Dims> output;
  if (x != nullptr) {
    if (x->size() < 2)
      return node_error(context.node(), "needs an input with channels, not " + to_string(*x));
    output = Dims(x->size(), Dim(1));
    (*output)[0] = (*x)[0];
    (*output)[1] = (*x)[1];
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

/// What a pooling run works on: planes = batch * channels.
struct PoolShape {
  Window window;
  Shape input, output;
  int64_t planes = 0, in_plane = 0, out_plane = 0;
};

Result<PoolShape> resolve_pool(const RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Shape& x = context.tensor(0).shape();
  if (x.size() < 3) return context.error("needs an input with spatial axes, not " + to_string(x));
  PoolShape pool;
  pool.input.assign(x.begin() + 2, x.end());
  LATHE_ASSIGN(pool.window, resolve_window(context.node(), pool.input));
  pool.output = {x[0], x[1]};
  pool.output.insert(pool.output.end(), pool.window.output.begin(), pool.window.output.end());
  pool.planes = x[0] * x[1];
  pool.in_plane = element_count(pool.input);
  return pool;
}

/// Flat index of a position in one plane when the first spatial axis varies fastest.
int64_t column_major(int64_t offset, const Shape& spatial) {
  int64_t index = 0, total = element_count(spatial);
  for (size_t axis = spatial.size(); axis-- > 0; offset /= spatial[axis]) {
    total /= spatial[axis];
    index += offset % spatial[axis] * total;
  }
  return index;
}

template <class T>
T least() {
  return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                              : std::numeric_limits<T>::lowest();
}

template <class T>
bool greater(T a, T b) {
  return a > b || a != a;  // NaN wins, as in PyTorch
}

/// `y` and `indices` (may be null) by output position; A is what elements of x are compared as.
template <class A>
void max_pool(const PoolShape& pool, const A* x, A* y, int64_t* indices, bool column_major_indices) {
  const int64_t out_plane = element_count(pool.window.output);
  for_each_window(pool.window, pool.input, [&](const PoolWindow& window) {
    for (int64_t plane = 0; plane < pool.planes; ++plane) {
      const A* source = x + plane * pool.in_plane;
      A best = least<A>();
      int64_t where = -1;
      for (const int64_t offset : window.offsets)
        if (where < 0 || greater(source[offset], best)) {
          best = source[offset];
          where = offset;
        }
      const int64_t target = plane * out_plane + window.position;
      y[target] = best;
      if (indices == nullptr) continue;
      if (where >= 0 && column_major_indices) where = column_major(where, pool.input);
      indices[target] = where < 0 ? -1 : plane * pool.in_plane + where;
    }
  });
}

Status run_max_pool(RunContext& context) {
  LATHE_ASSIGN(const PoolShape pool, resolve_pool(context));
  const Tensor& x = context.tensor(0);
  int64_t* indices = nullptr;
  if (context.has_output(1)) {
    LATHE_ASSIGN(Tensor * tensor, context.output(1, ElementType::i64, pool.output));
    indices = tensor->mutable_data<int64_t>().data();
  }
  const bool column_major_indices = context.attributes().get_int("storage_order", 0) == 1;
  if (x.type() == ElementType::i8 || x.type() == ElementType::u8) {
    LATHE_ASSIGN(Tensor * y, context.output(0, x.type(), pool.output));
    visit_type<int8_t, uint8_t>(x.type(), [&](auto tag) {
      using T = decltype(tag);
      max_pool(pool, x.data<T>().data(), y->mutable_data<T>().data(), indices, column_major_indices);
    });
    return {};
  }
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> source(x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), pool.output));
    max_pool(pool, source.data(), y.data(), indices, column_major_indices);
    y.finish();
    return {};
  });
}

/// Runs reduce(source plane, window) -> value for every window of every plane.
template <class Reduce>
Status pool_by(RunContext& context, Reduce&& reduce) {
  LATHE_ASSIGN(const PoolShape pool, resolve_pool(context));
  const ElementType type = context.tensor(0).type();
  return compute_float(context, type, [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> x(context.tensor(0));
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, type, pool.output));
    const int64_t out_plane = element_count(pool.window.output);
    for_each_window(pool.window, pool.input, [&](const PoolWindow& window) {
      for (int64_t plane = 0; plane < pool.planes; ++plane)
        y[plane * out_plane + window.position] = reduce(x.data() + plane * pool.in_plane, window);
    });
    y.finish();
    return {};
  });
}

Status run_average_pool(RunContext& context) {
  const bool include_padding = context.attributes().get_int("count_include_pad", 0) != 0;
  return pool_by(context, [&]<class A>(const A* plane, const PoolWindow& window) {
    A sum = 0;
    for (const int64_t offset : window.offsets) sum += plane[offset];
    const auto count = include_padding ? window.padded_count : static_cast<int64_t>(window.offsets.size());
    return count == 0 ? A(0) : sum / static_cast<A>(count);
  });
}

/// Version 1 has a float attribute, later ones an integer.
double norm_order(const RunContext& context) {
  const float* p = context.attributes().get<float>("p");
  return p != nullptr ? *p : static_cast<double>(context.attributes().get_int("p", 2));
}

/// Accumulates |x|^p; `root` turns the sum into the norm.
template <class A>
struct Norm {
  A p;
  A power(A x) const { return p == 1 ? std::abs(x) : p == 2 ? x * x : std::pow(std::abs(x), p); }
  A root(A sum) const { return p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, A(1) / p); }
};

Status run_lp_pool(RunContext& context) {
  const double p = norm_order(context);
  return pool_by(context, [&]<class A>(const A* plane, const PoolWindow& window) {
    const Norm<A> norm{static_cast<A>(p)};
    A sum = 0;
    for (const int64_t offset : window.offsets) sum += norm.power(plane[offset]);
    return norm.root(sum);
  });
}

/// Runs reduce(span of one channel's elements) -> value.
template <class Reduce>
Status global_pool_by(RunContext& context, Reduce&& reduce) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  const Tensor& tensor = context.tensor(0);
  if (tensor.rank() < 2)
    return context.error("needs an input with channels, not " + to_string(tensor.shape()));
  Shape output(tensor.rank(), 1);
  output[0] = tensor.dim(0);
  output[1] = tensor.dim(1);
  const int64_t plane = element_count(std::span(tensor.shape()).subspan(2));
  return compute_float(context, tensor.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> x(tensor);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, tensor.type(), output));
    for (int64_t i = 0; i < y.count(); ++i)
      y[i] = reduce(std::span<const A>(x.data() + i * plane, static_cast<size_t>(plane)));
    y.finish();
    return {};
  });
}

Status run_global_average_pool(RunContext& context) {
  return global_pool_by(context, []<class A>(std::span<const A> plane) {
    double sum = 0;  // large planes lose digits in f32
    for (const A element : plane) sum += element;
    return static_cast<A>(sum / static_cast<double>(plane.size()));
  });
}

Status run_global_max_pool(RunContext& context) {
  return global_pool_by(context, []<class A>(std::span<const A> plane) {
    A best = least<A>();
    for (const A element : plane)
      if (greater(element, best)) best = element;
    return best;
  });
}

Status run_global_lp_pool(RunContext& context) {
  const double p = norm_order(context);
  return global_pool_by(context, [p]<class A>(std::span<const A> plane) {
    const Norm<double> norm{p};
    double sum = 0;
    for (const A element : plane) sum += norm.power(element);
    return static_cast<A>(norm.root(sum));
  });
}

int64_t pool_flops(const Node& node, std::span<const Shape>, std::span<const Shape> outputs) {
  const auto kernel = node.attributes.get_ints("kernel_shape");
  return element_count(outputs[0]) * element_count(kernel);
}

int64_t global_pool_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return element_count(inputs[0]);
}

}  // namespace

void register_pool(OperatorRegistry& registry) {
  registry.add(
      {"", "MaxPool", {1, 8, 10, 11, 12, 22}, 1, 1, 1, 2, trait_none, infer_pool, run_max_pool, pool_flops});
  registry.add({"",
                "AveragePool",
                {1, 7, 10, 11, 19, 22},
                1,
                1,
                1,
                1,
                trait_none,
                infer_pool,
                run_average_pool,
                pool_flops});
  registry.add(
      {"", "LpPool", {1, 2, 11, 18, 22}, 1, 1, 1, 1, trait_none, infer_pool, run_lp_pool, pool_flops});
  registry.add({"",
                "GlobalAveragePool",
                {1, 22},
                1,
                1,
                1,
                1,
                trait_none,
                infer_global_pool,
                run_global_average_pool,
                global_pool_flops});
  registry.add({"",
                "GlobalMaxPool",
                {1, 22},
                1,
                1,
                1,
                1,
                trait_none,
                infer_global_pool,
                run_global_max_pool,
                global_pool_flops});
  registry.add({"",
                "GlobalLpPool",
                {1, 2, 22},
                1,
                1,
                1,
                1,
                trait_none,
                infer_global_pool,
                run_global_lp_pool,
                global_pool_flops});
}

}  // namespace lathe
