// SPDX-License-Identifier: Apache-2.0
// Loops of elementwise operators: NumPy broadcasting broken into runs in which every operand either steps by
// one or stands still, so that the compiler sees plain loops.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {

/// How up to three operands are read to fill a row-major output.
class BroadcastLoop {
 public:
  static constexpr size_t max_operands = 3;
  using Offsets = std::array<int64_t, max_operands>;

  /// Shapes broadcast to `target`.
  BroadcastLoop(const Shape& target, std::span<const Shape> operands);

  /// True when operand i steps with the output inside a run; false when one element serves the whole run.
  bool steps(size_t i) const { return inner_[i] != 0; }
  /// Calls body(output offset, operand offsets, length) for each run.
  template <class Body>
  void for_each_run(Body&& body) const {
    Offsets at{};
    std::vector<int64_t> position(outer_.size(), 0);
    for (int64_t done = 0; done < count_; done += run_) {
      body(done, at, run_);
      for (size_t axis = outer_.size(); axis-- > 0;) {
        const Axis& step = outer_[axis];
        const bool wraps = ++position[axis] == step.size;
        for (size_t i = 0; i < max_operands; ++i)
          at[i] += wraps ? step.strides[i] * (1 - step.size) : step.strides[i];
        if (!wraps) break;
        position[axis] = 0;
      }
    }
  }

 private:
  struct Axis {
    int64_t size = 1;
    Offsets strides{};
  };
  std::vector<Axis> outer_;
  Offsets inner_{};
  int64_t run_ = 1, count_ = 0;
};

/// out = f(a, b), each element.
template <class T, class R, class F>
void binary_loop(const BroadcastLoop& loop, const T* a, const T* b, R* out, F&& f) {
  loop.for_each_run([&](int64_t o, const BroadcastLoop::Offsets& at, int64_t n) {
    const T* x = a + at[0];
    const T* y = b + at[1];
    R* to = out + o;
    if (loop.steps(0) && loop.steps(1)) {
      for (int64_t i = 0; i < n; ++i) to[i] = f(x[i], y[i]);
    } else if (loop.steps(0)) {
      const T second = *y;
      for (int64_t i = 0; i < n; ++i) to[i] = f(x[i], second);
    } else if (loop.steps(1)) {
      const T first = *x;
      for (int64_t i = 0; i < n; ++i) to[i] = f(first, y[i]);
    } else {
      std::fill_n(to, n, R(f(*x, *y)));
    }
  });
}

/// Shape that two tensors broadcast to, the attributes of old opsets respected. `b` is the shape to read B
/// in.
struct BroadcastPair {
  Shape b, output;
};
Result<BroadcastPair> broadcast_pair(const RunContext& context, const Shape& a, const Shape& b);

/// out = f(x) in float or double, output 0 of input 0's type and shape.
template <class F>
Status map_float(RunContext& context, F&& f) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    const A* source = from.data();
    A* to = y.data();
    for (int64_t i = 0, n = y.count(); i < n; ++i) to[i] = f(source[i]);
    y.finish();
    return {};
  });
}

}  // namespace lathe
