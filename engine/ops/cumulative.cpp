// SPDX-License-Identifier: Apache-2.0
// CumSum and CumProd: running sums and products along an axis.
#include <functional>

#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

struct Order {
  bool exclusive = false;  ///< an element is not part of its own result
  bool reverse = false;    ///< from the last element to the first
};

/// One matrix [size, inner] along its first axis. Floats accumulate in double, integers modulo 2^64.
template <class T, class Join>
void accumulate(const T* x, T* y, int64_t size, int64_t inner, Order order, Join join) {
  using Wide = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
  std::vector<Wide> running(static_cast<size_t>(inner), Wide(Join::start));
  for (int64_t step = 0; step < size; ++step) {
    const int64_t at = (order.reverse ? size - 1 - step : step) * inner;
    for (int64_t i = 0; i < inner; ++i) {
      Wide& total = running[static_cast<size_t>(i)];
      const Wide before = total;
      total = join(total, static_cast<Wide>(x[at + i]));
      y[at + i] = static_cast<T>(order.exclusive ? before : total);
    }
  }
}

struct Plus : std::plus<> {
  static constexpr int start = 0;
};
struct Times : std::multiplies<> {
  static constexpr int start = 1;
};

template <class Join>
Status run_cumulative(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "x"));
  LATHE_ASSIGN(const int64_t given, integer_input(context, 1, "axis"));
  LATHE_ASSIGN(const size_t axis, resolve_axis(context.node(), given, x->rank()));
  const Order order{context.attributes().get_int("exclusive", 0) != 0,
                    context.attributes().get_int("reverse", 0) != 0};
  const AxisSplit split = split_at(x->shape(), axis);
  LATHE_ASSIGN(Tensor * out, context.output(0, x->type(), x->shape()));
  const bool known = visit_numeric(x->type(), [&](auto tag) {
    using T = decltype(tag);
    const T* from = x->data<T>().data();
    T* to = out->mutable_data<T>().data();
    const int64_t block = split.size * split.inner;
    for (int64_t outer = 0; outer < split.outer; ++outer)
      accumulate(from + outer * block, to + outer * block, split.size, split.inner, order, Join());
  });
  if (!known) return context.type_error(x->type());
  return {};
}

Status infer_cumulative(InferContext& context) {
  const auto axis = context.known_ints(1);
  if (axis && axis->size() == 1 && context.dims(0) != nullptr) {
    LATHE_TRY(resolve_axis(context.node(), axis->front(), context.dims(0)->size()));
  }
  return infer_same(context);
}

}  // namespace

void register_cumulative(OperatorRegistry& registry) {
  registry.add(
      {"", "CumSum", {11, 14}, 2, 2, 1, 1, trait_none, infer_cumulative, run_cumulative<Plus>, nullptr});
  registry.add(
      {"", "CumProd", {26}, 2, 2, 1, 1, trait_none, infer_cumulative, run_cumulative<Times>, nullptr});
}

}  // namespace lathe
