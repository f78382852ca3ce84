// SPDX-License-Identifier: Apache-2.0
// Reductions over any axes: ReduceSum, ReduceMean, ReduceMax.. and ArgMax, ArgMin.
#include <array>
#include <cmath>
#include <limits>

#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

template <class T>
constexpr bool is_real = !std::is_integral_v<T>;

/// What elements of T are computed in: floats in double; integers modulo 2^64, which truncates to the right
/// result.
template <class T>
using Wide = std::conditional_t<is_real<T>, double, uint64_t>;

/// Nearest T towards zero, saturated: logarithms and roots of integers are truncated.
template <class T>
T narrow(double value) {
  if constexpr (is_real<T>) {
    return static_cast<T>(value);
  } else {
    if (std::isnan(value)) return T(0);
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  }
}

// A reducer: its accumulator starts as `start`, takes elements by `add`, is joined with another by `join` and
// gives its result by `finish(accumulator, number of elements)`.
template <class T>
struct Sum {
  using Accumulator = Wide<T>;
  static constexpr Accumulator start = 0;
  static void add(Accumulator& sum, T x) { sum += static_cast<Accumulator>(x); }
  static void join(Accumulator& sum, Accumulator other) { sum += other; }
  static T finish(Accumulator sum, int64_t) { return static_cast<T>(sum); }
};
template <class T>
struct Mean : Sum<T> {
  static T finish(Wide<T> sum, int64_t count) {
    if constexpr (is_real<T>)
      return static_cast<T>(sum / static_cast<double>(count));
    else if constexpr (std::is_signed_v<T>)
      return count == 0 ? T(0) : static_cast<T>(static_cast<int64_t>(sum) / count);
    else
      return count == 0 ? T(0) : static_cast<T>(sum / static_cast<uint64_t>(count));
  }
};
template <class T>
struct SumSquare : Sum<T> {
  static void add(Wide<T>& sum, T x) { sum += static_cast<Wide<T>>(x) * static_cast<Wide<T>>(x); }
};
template <class T>
struct L1 : Sum<T> {
  static void add(Wide<T>& sum, T x) {
    if constexpr (is_real<T>)
      sum += std::abs(static_cast<double>(x));
    else
      sum += x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  }
};
template <class T>
struct L2 {
  using Accumulator = double;
  static constexpr double start = 0;
  static void add(double& sum, T x) { sum += static_cast<double>(x) * static_cast<double>(x); }
  static void join(double& sum, double other) { sum += other; }
  static T finish(double sum, int64_t) { return narrow<T>(std::sqrt(sum)); }
};
template <class T>
struct LogSum : L2<T> {
  static void add(double& sum, T x) { sum += static_cast<double>(x); }
  static T finish(double sum, int64_t) { return narrow<T>(std::log(sum)); }
};
template <class T>
struct Prod {
  using Accumulator = Wide<T>;
  static constexpr Accumulator start = 1;
  static void add(Accumulator& product, T x) { product *= static_cast<Accumulator>(x); }
  static void join(Accumulator& product, Accumulator other) { product *= other; }
  static T finish(Accumulator product, int64_t) { return static_cast<T>(product); }
};

/// The sum of exponentials as sum * exp(largest), so that none overflows.
struct ScaledSum {
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0;
};
template <class T>
struct LogSumExp {
  using Accumulator = ScaledSum;
  static constexpr ScaledSum start{};
  static void add(ScaledSum& to, T x) { join(to, {static_cast<double>(x), 1}); }
  static void join(ScaledSum& to, const ScaledSum& other) {
    if (other.largest == to.largest || other.largest == start.largest) {  // differences of infinities are NaN
      to.sum += other.largest == to.largest ? other.sum : 0;
    } else if (other.largest < to.largest) {
      to.sum += other.sum * std::exp(other.largest - to.largest);
    } else {
      to.sum = to.sum * std::exp(to.largest - other.largest) + other.sum;
      to.largest = other.largest;
    }
  }
  static T finish(const ScaledSum& s, int64_t) { return narrow<T>(s.largest + std::log(s.sum)); }
};

/// Largest (smallest for sign -1); NaN wins.
template <class T, int sign>
struct Extreme {
  using Accumulator = std::conditional_t<is_real<T>, std::conditional_t<sizeof(T) == 2, float, T>, T>;
  static constexpr Accumulator start = [] {
    using Limits = std::numeric_limits<Accumulator>;
    if constexpr (is_real<T>)
      return sign > 0 ? -Limits::infinity() : Limits::infinity();
    else
      return sign > 0 ? Limits::min() : Limits::max();
  }();
  static void add(Accumulator& best, T x) { join(best, static_cast<Accumulator>(x)); }
  static void join(Accumulator& best, Accumulator other) {
    const bool better = sign > 0 ? other > best : other < best;
    if constexpr (is_real<T>)
      best = better || other != other ? other : best;
    else
      best = better ? other : best;
  }
  static T finish(Accumulator best, int64_t) { return static_cast<T>(best); }
};
template <class T>
using Max = Extreme<T, 1>;
template <class T>
using Min = Extreme<T, -1>;

/// The input as rows: neighbouring axes of one kind joined, axes of size 1 gone.
class Rows {
 public:
  Rows(const Shape& shape, const std::vector<bool>& reduced) {
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1) continue;
      if (!axes_.empty() && axes_.back().reduced == reduced[i])
        axes_.back().size *= shape[i];
      else
        axes_.push_back({shape[i], reduced[i], 0});
    }
    if (!axes_.empty()) {
      length_ = axes_.back().size;
      inner_reduced_ = axes_.back().reduced;
      axes_.pop_back();
    }
    int64_t stride = inner_reduced_ ? 1 : length_;
    for (size_t i = axes_.size(); i-- > 0;) {
      if (axes_[i].reduced) continue;
      axes_[i].stride = stride;
      stride *= axes_[i].size;
    }
  }

  int64_t length() const { return length_; }
  /// True: a row gives one output. False: a row adds to as many outputs as it is long.
  bool inner_reduced() const { return inner_reduced_; }
  /// Calls body(offset of the row in the input, offset of its first output).
  template <class Body>
  void for_each(Body&& body) const {
    int64_t rows = 1;
    for (const Axis& axis : axes_) rows *= axis.size;
    std::vector<int64_t> position(axes_.size(), 0);
    int64_t to = 0;
    for (int64_t row = 0; row < rows; ++row) {
      body(row * length_, to);
      for (size_t i = axes_.size(); i-- > 0;) {
        to += axes_[i].stride;
        if (++position[i] < axes_[i].size) break;
        position[i] = 0;
        to -= axes_[i].stride * axes_[i].size;
      }
    }
  }

 private:
  struct Axis {
    int64_t size = 1;
    bool reduced = false;
    int64_t stride = 0;  ///< in the output
  };
  std::vector<Axis> axes_;  ///< without the innermost
  int64_t length_ = 1;
  bool inner_reduced_ = false;
};

/// Several accumulators at once, which the compiler makes a vector of.
template <class Reducer, class T>
typename Reducer::Accumulator reduce_row(const T* x, int64_t count) {
  constexpr int64_t lanes = 8;
  std::array<typename Reducer::Accumulator, lanes> partial;
  partial.fill(Reducer::start);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      Reducer::add(partial[static_cast<size_t>(lane)], x[i + lane]);
  for (; i < count; ++i) Reducer::add(partial[0], x[i]);
  for (size_t lane = 1; lane < lanes; ++lane) Reducer::join(partial[0], partial[lane]);
  return partial[0];
}

template <class Reducer, class T>
void reduce_rows(const Rows& rows, const T* x, typename Reducer::Accumulator* to) {
  const int64_t length = rows.length();
  rows.for_each([&](int64_t from, int64_t at) {
    const T* row = x + from;
    if (rows.inner_reduced())
      Reducer::join(to[at], reduce_row<Reducer>(row, length));
    else
      for (int64_t i = 0; i < length; ++i) Reducer::add(to[at + i], row[i]);
  });
}

Result<ReducedAxes> axes_of(RunContext& context, const Tensor& x) {
  std::vector<int64_t> axes = context.attributes().get_ints("axes");
  if (context.has_input(1)) {
    LATHE_ASSIGN(axes, int_input(context, 1, "axes"));
  }
  return resolve_reduced_axes(context.node(), axes, x.rank());
}

/// Booleans under Max and Min are 0 and 1.
Tensor numeric_view(const Tensor& x) {
  return x.type() == ElementType::boolean ? Tensor::wrap(ElementType::u8, x.shape(), x.buffer()) : x;
}

template <template <class> class Reducer>
Status run_reduce(RunContext& context) {
  constexpr bool takes_bool =
      std::is_same_v<Reducer<float>, Max<float>> || std::is_same_v<Reducer<float>, Min<float>>;
  LATHE_ASSIGN(const Tensor* input, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const ReducedAxes axes, axes_of(context, *input));
  const Tensor x = takes_bool ? numeric_view(*input) : *input;
  LATHE_ASSIGN(Tensor * out, context.output(0, input->type(), reduced_shape(x.shape(), axes)));
  int64_t count = 1;
  for (size_t i = 0; i < x.rank(); ++i) count *= axes.reduced[i] ? x.dim(i) : 1;
  const bool known = visit_numeric(x.type(), [&](auto tag) {
    using T = decltype(tag);
    using R = Reducer<T>;
    std::vector<typename R::Accumulator> sums(static_cast<size_t>(out->count()), R::start);
    reduce_rows<R>(Rows(x.shape(), axes.reduced), x.data<T>().data(), sums.data());
    T* to = reinterpret_cast<T*>(out->mutable_raw());
    for (const auto& sum : sums) *to++ = R::finish(sum, count);
    // The start of Min is no boolean.
    if (input->type() == ElementType::boolean)
      for (bool* b = out->mutable_data<bool>().data(); T & e : std::span(to - out->count(), to))
        *b++ = e != T(0);
  });
  if (!known) return context.type_error(input->type());
  return {};
}

/// Reductions of a list whose elements are known, such as the product of a shape.
template <auto join>
Status infer_with_contents(InferContext& context) {
  LATHE_TRY(infer_reduced(context, context.element(0)));
  const Dims* dims = context.dims(0);
  const std::vector<Dim>* elements = context.contents(0);
  if (dims == nullptr || dims->size() != 1 || elements == nullptr || elements->empty()) return {};
  std::vector<int64_t> axes = context.attributes().get_ints("axes");
  if (context.has_input(1)) {
    const auto known = context.known_ints(1);
    if (!known) return {};
    axes = *known;
  }
  LATHE_ASSIGN(const ReducedAxes reduced, resolve_reduced_axes(context.node(), axes, 1));
  if (!reduced.reduced[0]) {
    context.set_contents(0, *elements);
    return {};
  }
  Dim all = elements->front();
  for (size_t i = 1; i < elements->size(); ++i) all = join(all, (*elements)[i]);
  context.set_contents(0, {all});
  return {};
}
Status infer_reduce(InferContext& context) {
  return infer_reduced(context, context.element(0));
}

Shape arg_shape(Shape shape, size_t axis, bool keep) {
  if (keep)
    shape[axis] = 1;
  else
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return shape;
}

Status infer_arg(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    context.set_tensor(0, ElementType::i64, std::nullopt);
    return {};
  }
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), dims->size()));
  Dims out = *dims;
  if (out[axis].is(0))
    return node_error(context.node(), "looks for an extreme along an axis without elements");
  if (context.attributes().get_int("keepdims", 1) != 0)
    out[axis] = Dim(1);
  else
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  context.set_tensor(0, ElementType::i64, std::move(out));
  return {};
}

template <bool largest>
Status run_arg(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), x->rank()));
  const bool last = context.attributes().get_int("select_last_index", 0) != 0;
  const bool keep = context.attributes().get_int("keepdims", 1) != 0;
  if (x->dim(axis) == 0) return context.error("looks for an extreme along an axis without elements");
  LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::i64, arg_shape(x->shape(), axis, keep)));
  const AxisSplit split = split_at(x->shape(), axis);
  const bool known = visit_numeric(x->type(), [&](auto tag) {
    using T = decltype(tag);
    // NaN counts as the extreme, as in NumPy.
    const auto beats = [last](T a, T b) {
      if (last && a == b) return true;
      if constexpr (is_real<T>) {
        if (b != b) return last && a != a;
        if (a != a) return true;
      }
      return largest ? a > b : a < b;
    };
    const T* from = x->data<T>().data();
    int64_t* to = out->mutable_data<int64_t>().data();
    for (int64_t outer = 0; outer < split.outer; ++outer, from += split.size * split.inner)
      for (int64_t inner = 0; inner < split.inner; ++inner) {
        int64_t best = 0;
        for (int64_t i = 1; i < split.size; ++i)
          if (beats(from[i * split.inner + inner], from[best * split.inner + inner])) best = i;
        *to++ = best;
      }
  });
  if (!known) return context.type_error(x->type());
  return {};
}

int64_t reduce_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return element_count(inputs[0]);
}

}  // namespace

void register_reduce(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, Status (*run)(RunContext&),
                       Status (*infer)(InferContext&) = infer_reduce) {
    registry.add({"", name, std::move(versions), 1, 2, 1, 1, trait_none, infer, run, reduce_flops});
  };
  const std::vector<int> usual{1, 11, 13, 18}, extreme{1, 11, 12, 13, 18, 20}, logarithmic{1, 11, 13, 18, 28};
  add("ReduceSum", {1, 11, 13}, run_reduce<Sum>,
      infer_with_contents<[](const Dim& a, const Dim& b) { return a + b; }>);
  add("ReduceProd", usual, run_reduce<Prod>,
      infer_with_contents<[](const Dim& a, const Dim& b) { return a * b; }>);
  add("ReduceMax", extreme, run_reduce<Max>, infer_with_contents<dim_max>);
  add("ReduceMin", extreme, run_reduce<Min>, infer_with_contents<dim_min>);
  add("ReduceMean", usual, run_reduce<Mean>);
  add("ReduceL1", usual, run_reduce<L1>);
  add("ReduceL2", usual, run_reduce<L2>);
  add("ReduceSumSquare", usual, run_reduce<SumSquare>);
  add("ReduceLogSum", logarithmic, run_reduce<LogSum>);
  add("ReduceLogSumExp", logarithmic, run_reduce<LogSumExp>);
  registry.add(
      {"", "ArgMax", {1, 11, 12, 13}, 1, 1, 1, 1, trait_none, infer_arg, run_arg<true>, reduce_flops});
  registry.add(
      {"", "ArgMin", {1, 11, 12, 13}, 1, 1, 1, 1, trait_none, infer_arg, run_arg<false>, reduce_flops});
}

}  // namespace lathe
