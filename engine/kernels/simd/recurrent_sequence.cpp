// SPDX-License-Identifier: Apache-2.0
// LSTM and GRU of few sequences: the input's products of many steps at once, then step by step the state's.
// Directions are independent; where there are fewer than threads, these share out the hidden units and meet
// after every step.
#include <algorithm>
#include <omp.h>
#include <utility>
#include <vector>

#include "engine/kernels/recurrent_request.h"
#include "engine/kernels/simd/recurrent_steps.h"
#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {
namespace {

using namespace recurrent;

class RecurrentSequence final : public Kernel {
 public:
  RecurrentSequence(const RecurrentSizes& sizes, std::vector<RecurrentWeights> directions,
                    const KernelRequest& request)
      : sizes_(sizes), directions_(std::move(directions)), threads_(omp_get_max_threads()) {
    name_ = sizes.lstm ? "simd:lstm" : "simd:gru";
    input_layouts_.assign(request.inputs.size(), {});
    output_layouts_.assign(request.outputs.size(), {});
    consumed_.assign(request.inputs.size(), false);
    for (const size_t i : {w_input, r_input, b_input})
      if (i < request.inputs.size() && request.inputs[i].present()) consumed_[i] = true;
    for (const RecurrentWeights& each : directions_) packed_bytes_ += each.stored.size();
    apart_ = sizes.directions >= threads_;
    // The products of a chunk of steps stay in the second-level cache.
    constexpr int64_t cached_floats = 192 << 10, fewest = RecurrentTask::most_rows;
    const int64_t a_step = sizes.batch * directions_[0].blocks() * directions_[0].vector_row();
    steps_ = std::min(sizes.steps, std::max(fewest, cached_floats / a_step));
    products_ = steps_ * a_step;
    state_ = sizes.batch * directions_[0].blocks() * directions_[0].lanes;
    scratch_bytes_ = static_cast<size_t>((apart_ ? threads_ : 1) * direction_floats()) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    auto* const scratch = reinterpret_cast<float*>(arguments.scratch);
    if (apart_) {
#pragma omp parallel for schedule(static) num_threads(threads_)
      for (int64_t i = 0; i < sizes_.directions; ++i)
        run_direction(arguments, i, scratch + omp_get_thread_num() * direction_floats(), {0, 1});
    } else {
#pragma omp parallel num_threads(threads_)
      for (int64_t i = 0; i < sizes_.directions; ++i)
        run_direction(arguments, i, scratch, {omp_get_thread_num(), omp_get_num_threads()});
    }
    return {};
  }

 private:
  /// Which of the threads that work on a direction this is.
  struct Share {
    int64_t thread, threads;
    void meet() const {
      if (threads > 1) {
#pragma omp barrier
      }
    }
  };

  /// The hidden units that a thread makes of a direction.
  struct Units {
    int64_t direction;
    int64_t begin, end;  ///< blocks of them
    int64_t first, last;
  };

  int64_t direction_floats() const { return products_ + 3 * state_; }

  Units units(int64_t direction, const Share& share) const {
    const RecurrentWeights& weights = directions_[static_cast<size_t>(direction)];
    const int64_t begin = weights.blocks() * share.thread / share.threads,
                  end = weights.blocks() * (share.thread + 1) / share.threads;
    return {direction, begin, end, std::min(begin * weights.lanes, sizes_.hidden),
            std::min(end * weights.lanes, sizes_.hidden)};
  }

  /// Row r of a state [directions, batch, hidden], or null where it is absent.
  float* state_of(const std::byte* data, int64_t direction, int64_t r) const {
    if (data == nullptr) return nullptr;
    const int64_t row = direction * sizes_.batch + r;
    return const_cast<float*>(reinterpret_cast<const float*>(data)) + row * sizes_.hidden;
  }

  void run_direction(const KernelArguments& arguments, int64_t direction, float* scratch,
                     const Share& share) const {
    const Units own = units(direction, share);
    const auto input = [&](size_t k) { return k < arguments.inputs.size() ? arguments.inputs[k] : nullptr; };
    const auto output = [&](size_t k) {
      return k < arguments.outputs.size() ? arguments.outputs[k] : nullptr;
    };
    RecurrentTask task;
    task.weights = &directions_[static_cast<size_t>(own.direction)];
    task.rows = sizes_.batch;
    task.x_row = sizes_.inputs;
    task.products = scratch;
    task.h = scratch + products_;
    task.next = task.h + state_;
    task.c = task.next + state_;
    load_state(input(h_input), own, task, task.h);
    load_state(input(c_input), own, task, task.c);
    share.meet();
    run_steps(arguments, own, task, share);
    store_state(output(h_output), own, task, task.h);
    if (sizes_.lstm) store_state(output(c_output), own, task, task.c);
    share.meet();
  }

  void run_steps(const KernelArguments& arguments, const Units& own, RecurrentTask& task,
                 const Share& share) const {
    const bool backwards = sizes_.reverse || own.direction == 1;
    const int64_t x_step = sizes_.batch * sizes_.inputs;
    task.x_step = backwards ? -x_step : x_step;
    std::byte* const y = y_output < arguments.outputs.size() ? arguments.outputs[y_output] : nullptr;
    for (int64_t first = 0; first < sizes_.steps; first += steps_) {
      const int64_t steps = std::min(steps_, sizes_.steps - first);
      const int64_t start = backwards ? sizes_.steps - 1 - first : first;
      task.x = reinterpret_cast<const float*>(arguments.inputs[x_input]) + start * x_step;
      multiply_recurrent_inputs(task, steps, own.begin, own.end);
      for (int64_t step = 0; step < steps; ++step) {
        make_recurrent_step(task, step, steps, own.begin, own.end);
        std::swap(task.h, task.next);
        if (y != nullptr) store_step(y, backwards ? start - step : start + step, own, task);
        share.meet();
      }
    }
  }

  void store_step(std::byte* y, int64_t step, const Units& own, const RecurrentTask& task) const {
    const int64_t whole = static_cast<int64_t>(directions_.size()) * sizes_.state();
    store_state(y + step * whole * static_cast<int64_t>(sizeof(float)), own, task, task.h);
  }
  void store_state(std::byte* to, const Units& own, const RecurrentTask& task, const float* from) const {
    if (to == nullptr) return;
    for (int64_t r = 0; r < sizes_.batch; ++r)
      std::copy(from + r * task.padded() + own.first, from + r * task.padded() + own.last,
                state_of(to, own.direction, r) + own.first);
  }
  void load_state(const std::byte* from, const Units& own, const RecurrentTask& task, float* to) const {
    const int64_t lanes = task.weights->lanes;
    for (int64_t r = 0; r < sizes_.batch; ++r) {
      float* const row = to + r * task.padded();
      std::fill(row + own.begin * lanes, row + own.end * lanes, 0.0F);
      if (const float* given = state_of(from, own.direction, r))
        std::copy(given + own.first, given + own.last, row + own.first);
    }
  }

  RecurrentSizes sizes_;
  std::vector<RecurrentWeights> directions_;
  int threads_;
  bool apart_ = false;
  int64_t steps_ = 0, products_ = 0, state_ = 0;
};

Prepared prepare(const KernelRequest& request) {
  const auto read = read_recurrent(request);
  if (const auto* reason = std::get_if<Decline>(&read)) return *reason;
  const auto& sizes = std::get<RecurrentSizes>(read);
  if (!sizes.lstm && !sizes.linear_before_reset)
    return Decline{DeclineReason::attribute, "the reset gate comes before the product"};
  // Measured beside oneDNN's, which is ahead where more sequences share what is read of the weights.
  if (sizes.batch > RecurrentTask::most_rows)
    return Decline{DeclineReason::not_profitable, std::to_string(sizes.batch) + " sequences"};
  cap_targets();
  std::vector<RecurrentWeights> directions(static_cast<size_t>(sizes.directions));
  for (int64_t d = 0; d < sizes.directions; ++d) {
    RecurrentWeights& made = directions[static_cast<size_t>(d)];
    made.lstm = sizes.lstm;
    made.inputs = sizes.inputs;
    made.hidden = sizes.hidden;
    made.lanes = recurrent_lanes();
    const int64_t rows = sizes.gates() * sizes.hidden;
    const auto at = [&](size_t input, int64_t count) -> const float* {
      if (input >= request.inputs.size() || !request.inputs[input].present()) return nullptr;
      return request.constants[input]->data<float>().data() + d * count;
    };
    const RecurrentSource source{at(w_input, rows * sizes.inputs), at(r_input, rows * sizes.hidden),
                                 at(b_input, 2 * rows)};
    if (auto packed = pack_recurrent(made, source); !packed.ok())
      return Decline{DeclineReason::provider_error, packed.error().text()};
  }
  return std::make_unique<RecurrentSequence>(sizes, std::move(directions), request);
}

}  // namespace
}  // namespace simd

void register_recurrent_sequence(KernelRegistry& registry) {
  registry.add({"simd:recurrent", {"LSTM", "GRU"}, simd::prepare});
}

}  // namespace lathe
