// SPDX-License-Identifier: Apache-2.0
// The steps of LSTM and of GRU with linear_before_reset. A vector holds a gate of as many hidden units as it
// has lanes; their gates lie side by side, so that a unit's state is made from registers.
#pragma once

#include <cstdint>

#include "engine/base/buffer.h"
#include "engine/base/result.h"

namespace lathe::simd {

/// Of one direction: for each block of units the input's weights [inputs][gates][lanes], the state's
/// [hidden][gates][lanes] and two biases [gates][lanes]; units beyond the last are 0. Gates in ONNX's order.
struct RecurrentWeights {
  bool lstm = false;
  int64_t inputs = 0, hidden = 0, lanes = 0;
  Buffer stored;

  int64_t gates() const { return lstm ? 4 : 3; }
  int64_t vector_row() const { return gates() * lanes; }
  int64_t blocks() const { return (hidden + lanes - 1) / lanes; }
  int64_t block_floats() const { return (inputs + hidden + 2) * vector_row(); }

  const float* of_input(int64_t block) const {
    return reinterpret_cast<const float*>(stored.data()) + block * block_floats();
  }
  const float* of_state(int64_t block) const { return of_input(block) + inputs * vector_row(); }
  /// The input's; the state's follows.
  const float* biases(int64_t block) const { return of_state(block) + hidden * vector_row(); }
};

/// As ONNX stores one direction: w [gates * hidden, inputs], r [gates * hidden, hidden], b [2 * gates *
/// hidden] or null.
struct RecurrentSource {
  const float *w = nullptr, *r = nullptr, *b = nullptr;
};

/// Lets `stored` be of the sizes in `weights`.
Status pack_recurrent(RecurrentWeights& weights, const RecurrentSource& source);

/// Sequences that run side by side through one direction, in chunks of steps.
struct RecurrentTask {
  static constexpr int64_t most_rows = 6;

  const RecurrentWeights* weights = nullptr;
  int64_t rows = 0;               ///< sequences, at most most_rows
  const float* x = nullptr;       ///< of the chunk's first step
  int64_t x_step = 0, x_row = 0;  ///< from a step, a sequence to the next; a step may be negative
  float* products = nullptr;      ///< of the input: [blocks][steps][rows][gates][lanes]
  float *h = nullptr, *next = nullptr, *c = nullptr;  ///< [rows][padded()]; c of LSTM

  int64_t padded() const { return weights->blocks() * weights->lanes; }
};

/// Fills `products` of some blocks of units for the chunk.
void multiply_recurrent_inputs(const RecurrentTask& task, int64_t steps, int64_t begin, int64_t end);
/// One step of `steps` of the chunk: `next` and c of some blocks of units.
void make_recurrent_step(const RecurrentTask& task, int64_t step, int64_t steps, int64_t begin, int64_t end);

/// Lanes of a vector on this machine, after cap_targets().
int64_t recurrent_lanes();

}  // namespace lathe::simd
