// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/recurrent_steps.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>
#include <utility>

#include "engine/kernels/simd/activations-inl.h"
#include "engine/kernels/simd/recurrent_steps.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t most_rows = RecurrentTask::most_rows;

/// sums[r][g] += sum over k of rows[r][k] * weights[k][g]. With few rows every other k has sums of its own: a
/// product has to wait for the one before it.
template <int Rows, int Gates>
HWY_INLINE void multiply_rows(const float* const* rows, const float* HWY_RESTRICT weights, int64_t depth,
                              V (&sums)[Rows][Gates]) {
  constexpr int apart = Rows <= 2 ? 2 : 1;
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V parts[apart][Rows][Gates];
  for (auto& part : parts)
    for (auto& row : part)
      for (V& sum : row) sum = hn::Zero(d);
  const auto multiply = [&](int64_t k, V(&to)[Rows][Gates]) HWY_ATTR {
    V column[Gates];
#pragma GCC unroll 4
    for (int g = 0; g < Gates; ++g) column[g] = hn::LoadU(d, weights + (k * Gates + g) * lanes);
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r) {
      const V factor = hn::Set(d, rows[r][k]);
#pragma GCC unroll 4
      for (int g = 0; g < Gates; ++g) to[r][g] = hn::MulAdd(factor, column[g], to[r][g]);
    }
  };
  int64_t k = 0;
  for (; k + apart <= depth; k += apart)
#pragma GCC unroll 2
    for (int p = 0; p < apart; ++p) multiply(k + p, parts[p]);
  for (; k < depth; ++k) multiply(k, parts[0]);
  for (int r = 0; r < Rows; ++r)
    for (int g = 0; g < Gates; ++g)
      for (int p = 0; p < apart; ++p) sums[r][g] = hn::Add(sums[r][g], parts[p][r][g]);
}

template <int Rows, int Gates>
void multiply_inputs(const float* const* rows, const RecurrentWeights& weights, int64_t block, float* to) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V sums[Rows][Gates];
  for (int g = 0; g < Gates; ++g)
    for (int r = 0; r < Rows; ++r) sums[r][g] = hn::LoadU(d, weights.biases(block) + g * lanes);
  multiply_rows<Rows, Gates>(rows, weights.of_input(block), weights.inputs, sums);
  for (int r = 0; r < Rows; ++r)
    for (int g = 0; g < Gates; ++g) hn::StoreU(sums[r][g], d, to + (r * Gates + g) * lanes);
}

V tanh(V x) {
  return hn::Tanh(D(), x);
}

/// Gates input, output, forget, cell: x is the input's product, r the state's.
HWY_INLINE V next_state(const float* HWY_RESTRICT x, const V (&r)[4], const float*, float* HWY_RESTRICT c) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto gate = [&](int64_t g) HWY_ATTR { return hn::Add(hn::LoadU(d, x + g * lanes), r[g]); };
  const V in = sigmoid(d, gate(0)), out = sigmoid(d, gate(1)), forget = sigmoid(d, gate(2));
  const V cell = hn::MulAdd(forget, hn::LoadU(d, c), hn::Mul(in, tanh(gate(3))));
  hn::StoreU(cell, d, c);
  return hn::Mul(out, tanh(cell));
}

/// Gates update, reset, hidden.
HWY_INLINE V next_state(const float* HWY_RESTRICT x, const V (&r)[3], const float* HWY_RESTRICT h, float*) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto part = [&](int64_t g) HWY_ATTR { return hn::LoadU(d, x + g * lanes); };
  const V update = sigmoid(d, hn::Add(part(0), r[0])), reset = sigmoid(d, hn::Add(part(1), r[1]));
  const V fresh = tanh(hn::MulAdd(reset, r[2], part(2)));
  return hn::MulAdd(update, hn::Sub(hn::LoadU(d, h), fresh), fresh);
}

template <int Rows, int Gates>
void make_step(const RecurrentTask& task, int64_t block, const float* products) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const RecurrentWeights& weights = *task.weights;
  const float* rows[Rows];
  V sums[Rows][Gates];
  for (int r = 0; r < Rows; ++r) rows[r] = task.h + r * task.padded();
  for (int g = 0; g < Gates; ++g)
    for (int r = 0; r < Rows; ++r) sums[r][g] = hn::LoadU(d, weights.biases(block) + (Gates + g) * lanes);
  multiply_rows<Rows, Gates>(rows, weights.of_state(block), weights.hidden, sums);
  for (int r = 0; r < Rows; ++r) {
    const int64_t at = r * task.padded() + block * lanes;
    float* const c = Gates == 4 ? task.c + at : nullptr;
    hn::StoreU(next_state(products + r * Gates * lanes, sums[r], task.h + at, c), d, task.next + at);
  }
}

template <int... Rows>
void inputs_of(bool lstm, int64_t count, const float* const* rows, const RecurrentWeights& weights,
               int64_t block, float* to, std::integer_sequence<int, Rows...>) {
  using Tile = void (*)(const float* const*, const RecurrentWeights&, int64_t, float*);
  static constexpr Tile of_lstm[] = {multiply_inputs<Rows + 1, 4>...},
                        of_gru[] = {multiply_inputs<Rows + 1, 3>...};
  (lstm ? of_lstm : of_gru)[count - 1](rows, weights, block, to);
}

template <int... Rows>
void step_of(bool lstm, const RecurrentTask& task, int64_t block, const float* products,
             std::integer_sequence<int, Rows...>) {
  using Tile = void (*)(const RecurrentTask&, int64_t, const float*);
  static constexpr Tile of_lstm[] = {make_step<Rows + 1, 4>...}, of_gru[] = {make_step<Rows + 1, 3>...};
  (lstm ? of_lstm : of_gru)[task.rows - 1](task, block, products);
}

constexpr auto every = std::make_integer_sequence<int, static_cast<int>(most_rows)>();

void multiply_block_inputs(const RecurrentTask& task, int64_t steps, int64_t begin, int64_t end) {
  const RecurrentWeights& weights = *task.weights;
  const int64_t count = steps * task.rows;
  for (int64_t block = begin; block < end; ++block)
    for (int64_t first = 0; first < count; first += most_rows) {
      const float* rows[most_rows];
      const int64_t here = std::min(most_rows, count - first);
      for (int64_t i = 0; i < here; ++i)
        rows[i] = task.x + (first + i) / task.rows * task.x_step + (first + i) % task.rows * task.x_row;
      inputs_of(weights.lstm, here, rows, weights, block,
                task.products + (block * count + first) * weights.vector_row(), every);
    }
}

void step_blocks(const RecurrentTask& task, int64_t step, int64_t steps, int64_t begin, int64_t end) {
  const RecurrentWeights& weights = *task.weights;
  for (int64_t block = begin; block < end; ++block)
    step_of(weights.lstm, task, block,
            task.products + (block * steps + step) * task.rows * weights.vector_row(), every);
}

int64_t lane_count() {
  return static_cast<int64_t>(hn::Lanes(D()));
}

}  // namespace
}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

HWY_EXPORT(multiply_block_inputs);
HWY_EXPORT(step_blocks);
HWY_EXPORT(lane_count);

void multiply_recurrent_inputs(const RecurrentTask& task, int64_t steps, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(multiply_block_inputs)(task, steps, begin, end);
}
void make_recurrent_step(const RecurrentTask& task, int64_t step, int64_t steps, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(step_blocks)(task, step, steps, begin, end);
}
int64_t recurrent_lanes() {
  return HWY_DYNAMIC_DISPATCH(lane_count)();
}

Status pack_recurrent(RecurrentWeights& weights, const RecurrentSource& source) {
  const int64_t lanes = weights.lanes, gates = weights.gates(), hidden = weights.hidden;
  const auto floats = static_cast<size_t>(weights.blocks() * weights.block_floats());
  LATHE_ASSIGN(weights.stored, Buffer::allocate_lasting(floats * sizeof(float)));
  auto* const to = reinterpret_cast<float*>(weights.stored.mutable_data());
  std::fill(to, to + floats, 0.0F);
  for (int64_t unit = 0; unit < hidden; ++unit)
    for (int64_t g = 0; g < gates; ++g) {
      float* column = to + unit / lanes * weights.block_floats() + g * lanes + unit % lanes;
      const int64_t row = g * hidden + unit, step = weights.vector_row();
      for (int64_t k = 0; k < weights.inputs; ++k, column += step)
        *column = source.w[row * weights.inputs + k];
      for (int64_t k = 0; k < hidden; ++k, column += step) *column = source.r[row * hidden + k];
      if (source.b == nullptr) continue;
      column[0] = source.b[row];
      column[step] = source.b[gates * hidden + row];
    }
  return {};
}

}  // namespace lathe::simd
#endif
