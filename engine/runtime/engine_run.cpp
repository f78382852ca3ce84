// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/engine_run.h"

#include <cstring>

#include "engine/ops/reference.h"

namespace lathe {
namespace {

class PlanEngine final : public Engine {
 public:
  PlanEngine(Plan plan, const CompileOptions& options) : plan_(std::move(plan)), arena_(options.arena) {
    if (!arena_) arena_ = std::make_shared<Arena>();
    whole_.kind = StepInfo::Kind::engine;
    whole_.name = "engine " + options.name;
    whole_.op_type = "engine";
    whole_.node = options.name;
    whole_.module = options.module;
    whole_.kernel = "engine";
    whole_.precision = "f32";
    for (const PlanStep& step : plan_.steps) {
      infos_.push_back(step.info);
      whole_.flops += step.info.flops;
      whole_.bytes += step.info.bytes;
    }
  }

  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs, const RunOptions& options) override;
  const std::vector<StepInfo>& steps() const override { return infos_; }
  size_t arena_bytes() const override { return plan_.arena_bytes; }
  size_t weight_bytes() const override { return plan_.weight_bytes; }

 private:
  Status check(std::span<const Tensor> inputs) const;
  Status bind(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);
  Status run_step(PlanStep& step, const RunOptions& options);
  Status run_reference_step(PlanStep& step, const RunOptions& options);

  Plan plan_;
  std::shared_ptr<Arena> arena_;
  std::vector<std::byte*> pointers_;           // by slot, for the run at hand
  std::vector<const std::byte*> step_inputs_;  // reused by every step
  std::vector<std::byte*> step_outputs_;
  StepInfo whole_;
  std::vector<StepInfo> infos_;
};

Status PlanEngine::check(std::span<const Tensor> inputs) const {
  if (inputs.size() != plan_.inputs.size())
    return internal_error(whole_.name, "was given a wrong number of inputs");
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].type() != plan_.inputs[i].type || inputs[i].shape() != plan_.inputs[i].shape)
      return internal_error(whole_.name, "was compiled for input " + std::to_string(i) + " of shape " +
                                             to_string(plan_.inputs[i].shape) + ", was given " +
                                             to_string(inputs[i].shape()));
  return {};
}

Status PlanEngine::bind(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  for (const TensorDesc& desc : plan_.outputs) {
    LATHE_ASSIGN(Tensor output, Tensor::allocate(desc.type, desc.shape));
    outputs.push_back(std::move(output));
  }
  LATHE_ASSIGN(std::byte * arena, arena_->reserve(plan_.arena_bytes));
  pointers_.resize(plan_.slots.size());
  for (size_t i = 0; i < plan_.slots.size(); ++i) {
    const Slot& slot = plan_.slots[i];
    switch (slot.kind) {
      case Slot::Kind::arena:
        pointers_[i] = arena + slot.offset;
        break;
      case Slot::Kind::constant:
        pointers_[i] = const_cast<std::byte*>(slot.constant.raw());
        break;
      case Slot::Kind::input:
        pointers_[i] = const_cast<std::byte*>(inputs[slot.index].raw());
        break;
      case Slot::Kind::output:
        pointers_[i] = outputs[slot.index].mutable_raw();
        break;
    }
  }
  return {};
}

Result<std::vector<Tensor>> PlanEngine::run(std::span<const Tensor> inputs, const RunOptions& options) {
  RunObserver* observer = options.observer;
  const int64_t start = observer != nullptr ? now_ns() : 0;
  LATHE_TRY(check(inputs));
  std::vector<Tensor> outputs;
  LATHE_TRY(bind(inputs, outputs));
  int64_t begin = observer != nullptr ? now_ns() : 0;
  for (size_t i = 0; i < plan_.steps.size(); ++i) {
    if (options.job != nullptr && options.job->stop_requested()) return interrupted();
    LATHE_TRY(run_step(plan_.steps[i], options));
    if (observer == nullptr) continue;
    const int64_t end = now_ns();  // one clock reading a step: a step ends where the next begins
    observer->slice(infos_[i], begin, end);
    begin = end;
  }
  if (observer != nullptr) {
    observer->slice(whole_, start, begin);
    observer->memory(begin, static_cast<int64_t>(allocated_buffer_bytes()));
  }
  return outputs;
}

Status PlanEngine::run_step(PlanStep& step, const RunOptions& options) {
  if (!step.kernel && step.op != nullptr) return run_reference_step(step, options);
  if (!step.kernel) {
    std::memcpy(pointers_[static_cast<size_t>(step.outputs[0])],
                pointers_[static_cast<size_t>(step.inputs[0])], step.input_descs[0].bytes());
    return {};
  }
  if (step.copy_from >= 0)
    std::memcpy(pointers_[static_cast<size_t>(step.outputs[0])],
                pointers_[static_cast<size_t>(step.copy_from)], step.output_descs[0].bytes());
  step_inputs_.clear();
  step_outputs_.clear();
  for (const int slot : step.inputs)
    step_inputs_.push_back(slot < 0 ? nullptr : pointers_[static_cast<size_t>(slot)]);
  for (const int slot : step.outputs)
    step_outputs_.push_back(slot < 0 ? nullptr : pointers_[static_cast<size_t>(slot)]);
  return step.kernel->run({step_inputs_, step_outputs_, arena_->base() + plan_.scratch_offset});
}

/// Wraps the planned memory in tensors and lets the reference kernel write there.
Status PlanEngine::run_reference_step(PlanStep& step, const RunOptions& options) {
  const auto wrap = [&](const TensorDesc& desc, int slot) {
    return Tensor::wrap(desc.type, desc.shape,
                        Buffer::view(nullptr, pointers_[static_cast<size_t>(slot)], desc.bytes()));
  };
  std::vector<RuntimeValue> values(step.inputs.size());
  std::vector<const RuntimeValue*> inputs(step.inputs.size(), nullptr);
  for (size_t i = 0; i < values.size(); ++i) {
    if (step.inputs[i] < 0) continue;
    values[i] = RuntimeValue(wrap(step.input_descs[i], step.inputs[i]));
    inputs[i] = &values[i];
  }
  std::vector<Tensor> planned(step.outputs.size());
  for (size_t i = 0; i < planned.size(); ++i)
    if (step.outputs[i] >= 0) planned[i] = wrap(step.output_descs[i], step.outputs[i]);
  ReferenceOptions reference;
  reference.seed = options.seed;
  reference.planned = planned;
  LATHE_ASSIGN(const std::vector<RuntimeValue> made, run_reference(*step.op, *step.node, inputs, reference));
  for (size_t i = 0; i < made.size(); ++i) {
    if (step.outputs[i] < 0) continue;
    const Tensor& tensor = made[i].tensor;
    if (!made[i].is_tensor() || tensor.shape() != step.output_descs[i].shape ||
        tensor.type() != step.output_descs[i].type)
      return internal_error("node '" + step.node->name + "'",
                            "made a value of another shape than was planned");
    if (tensor.raw() != planned[i].raw()) std::memcpy(planned[i].mutable_raw(), tensor.raw(), tensor.bytes());
  }
  return {};
}

}  // namespace

Result<std::byte*> Arena::reserve(size_t bytes) {
  if (buffer_.size() < bytes || buffer_.data() == nullptr) {
    buffer_ = {};
    LATHE_ASSIGN(buffer_, Buffer::allocate(bytes));
  }
  return buffer_.mutable_data();
}

Result<std::unique_ptr<Engine>> make_engine(Plan plan, const CompileOptions& options) {
  return std::unique_ptr<Engine>(std::make_unique<PlanEngine>(std::move(plan), options));
}

}  // namespace lathe
