// SPDX-License-Identifier: Apache-2.0
// LSTM and GRU as kernels take them: f32, constant weights, the usual activations, [steps, batch, inputs].
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "engine/kernels/kernel.h"

namespace lathe {

/// Inputs and outputs of the operators.
namespace recurrent {
inline constexpr size_t x_input = 0, w_input = 1, r_input = 2, b_input = 3, lengths_input = 4, h_input = 5,
                        c_input = 6, peephole_input = 7;
inline constexpr size_t y_output = 0, h_output = 1, c_output = 2;
}  // namespace recurrent

struct RecurrentSizes {
  bool lstm = false;                 ///< or GRU
  bool linear_before_reset = false;  ///< of GRU
  bool reverse = false;              ///< the only direction runs from the last step to the first
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0, directions = 1;

  int64_t gates() const { return lstm ? 4 : 3; }
  int64_t state() const { return batch * hidden; }
};

std::variant<RecurrentSizes, Decline> read_recurrent(const KernelRequest& request);

}  // namespace lathe
