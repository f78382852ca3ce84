// SPDX-License-Identifier: Apache-2.0
// LSTM and GRU with constant weights and the usual activations: one oneDNN primitive for each direction.
#include <algorithm>
#include <cstring>

#include "engine/kernels/onednn/common.h"
#include "engine/kernels/recurrent_request.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

using namespace recurrent;
using Sizes = RecurrentSizes;

/// oneDNN keeps a fourth bias where the reset gate follows the product.
int64_t bias_count(const Sizes& sizes) {
  return sizes.lstm || sizes.linear_before_reset ? 4 : 3;
}

bool present(const KernelRequest& request, size_t input) {
  return input < request.inputs.size() && request.inputs[input].present();
}

/// Where gate `g` of oneDNN stands in ONNX: input, forget, cell, output from input, output, forget, cell;
/// both know update, reset, output of GRU in this order.
int64_t stored_gate(const Sizes& sizes, int64_t g) {
  constexpr int64_t of_lstm[] = {0, 2, 3, 1};
  return sizes.lstm ? of_lstm[g] : g;
}

/// [gates * hidden, columns] of one direction with oneDNN's order of gates.
std::vector<float> ordered_gates(const Sizes& sizes, const float* stored, int64_t columns) {
  const int64_t gate = sizes.hidden * columns;
  std::vector<float> made(static_cast<size_t>(sizes.gates() * gate));
  for (int64_t g = 0; g < sizes.gates(); ++g)
    std::copy_n(stored + stored_gate(sizes, g) * gate, gate, made.begin() + g * gate);
  return made;
}

/// Of one direction: ONNX has one bias for the input's product and one for the state's.
std::vector<float> biases(const Sizes& sizes, const float* stored) {
  std::vector<float> made(static_cast<size_t>(bias_count(sizes) * sizes.hidden), 0.0F);
  if (stored == nullptr) return made;
  const float *of_x = stored, *of_h = stored + sizes.gates() * sizes.hidden;
  for (int64_t g = 0; g < sizes.gates(); ++g)
    for (int64_t i = 0; i < sizes.hidden; ++i) {
      const int64_t from = stored_gate(sizes, g) * sizes.hidden + i;
      const bool apart = !sizes.lstm && sizes.linear_before_reset && g == 2;
      made[static_cast<size_t>(g * sizes.hidden + i)] = of_x[from] + (apart ? 0.0F : of_h[from]);
      if (apart) made[static_cast<size_t>(3 * sizes.hidden + i)] = of_h[from];
    }
  return made;
}

struct Descs {
  memory::desc x, x_iter, w, r, b, y, y_iter;
};

Descs descs_of(const Sizes& s) {
  using tag = memory::format_tag;
  const auto f32 = memory::data_type::f32;
  return {{{s.steps, s.batch, s.inputs}, f32, tag::tnc},
          {{1, 1, s.batch, s.hidden}, f32, tag::ldnc},
          {{1, 1, s.inputs, s.gates(), s.hidden}, f32, tag::any},
          {{1, 1, s.hidden, s.gates(), s.hidden}, f32, tag::any},
          {{1, 1, bias_count(s), s.hidden}, f32, tag::ldgo},
          {{s.steps, s.batch, s.hidden}, f32, tag::tnc},
          {{1, 1, s.batch, s.hidden}, f32, tag::ldnc}};
}

/// One direction: a primitive, its weights, and its arguments.
struct Direction {
  dnnl::primitive primitive;
  std::vector<PackedConstant> constants;
  std::unordered_map<int, memory> arguments;
  size_t scratch_bytes = 0;
  std::string implementation;
};

template <class PrimitiveDesc>
void pack_direction(Direction& made, const PrimitiveDesc& description, const Sizes& sizes,
                    const KernelRequest& request, int64_t d) {
  const auto at = [&](size_t input, int64_t count) {
    return request.constants[input]->data<float>().data() + d * count;
  };
  const int64_t rows = sizes.gates() * sizes.hidden;
  const auto weights = [&](size_t input, int64_t columns, const memory::desc& wanted, int argument) {
    const std::vector<float> gates = ordered_gates(sizes, at(input, rows * columns), columns);
    const memory::desc from({1, 1, columns, sizes.gates(), sizes.hidden}, memory::data_type::f32,
                            {rows * columns, rows * columns, 1, sizes.hidden * columns, columns});
    memory source(from, cpu_engine(), const_cast<float*>(gates.data()));
    made.constants.push_back(allocate_packed(wanted));
    dnnl::reorder(source, made.constants.back().memory)
        .execute(cpu_stream(), source, made.constants.back().memory);
    cpu_stream().wait();
    made.arguments[argument] = made.constants.back().memory;
  };
  weights(w_input, sizes.inputs, description.weights_layer_desc(), DNNL_ARG_WEIGHTS_LAYER);
  weights(r_input, sizes.hidden, description.weights_iter_desc(), DNNL_ARG_WEIGHTS_ITER);
  const std::vector<float> bias = biases(sizes, present(request, b_input) ? at(b_input, 2 * rows) : nullptr);
  made.constants.push_back(allocate_packed(description.bias_desc()));
  std::memcpy(made.constants.back().memory.get_data_handle(), bias.data(), bias.size() * sizeof(float));
  made.arguments[DNNL_ARG_BIAS] = made.constants.back().memory;
  made.scratch_bytes = description.scratchpad_desc().get_size();
  made.implementation = description.impl_info_str();
  made.arguments[DNNL_ARG_SCRATCHPAD] = memory(description.scratchpad_desc(), cpu_engine(), nullptr);
}

Direction make_direction(const Sizes& sizes, const KernelRequest& request, int64_t d) {
  const Descs descs = descs_of(sizes);
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto direction = (d == 1 || sizes.reverse) ? dnnl::rnn_direction::unidirectional_right2left
                                                   : dnnl::rnn_direction::unidirectional_left2right;
  Direction made;
  const auto finish = [&]<class Primitive>(const typename Primitive::desc& wanted) {
    const typename Primitive::primitive_desc description(wanted, scratch_attributes(), cpu_engine());
    pack_direction(made, description, sizes, request, d);
    made.primitive = Primitive(description);
  };
  if (sizes.lstm)
    finish.template operator()<dnnl::lstm_forward>({kind, direction, descs.x, descs.x_iter, descs.x_iter,
                                                    descs.w, descs.r, descs.b, descs.y, descs.y_iter,
                                                    descs.y_iter});
  else if (sizes.linear_before_reset)
    finish.template operator()<dnnl::lbr_gru_forward>(
        {kind, direction, descs.x, descs.x_iter, descs.w, descs.r, descs.b, descs.y, descs.y_iter});
  else
    finish.template operator()<dnnl::gru_forward>(
        {kind, direction, descs.x, descs.x_iter, descs.w, descs.r, descs.b, descs.y, descs.y_iter});
  const auto bind = [&](int argument, const memory::desc& desc) {
    made.arguments[argument] = memory(desc, cpu_engine(), nullptr);
  };
  bind(DNNL_ARG_SRC_LAYER, descs.x);
  bind(DNNL_ARG_DST_LAYER, descs.y);
  bind(DNNL_ARG_SRC_ITER, descs.x_iter);
  bind(DNNL_ARG_DST_ITER, descs.y_iter);
  if (sizes.lstm) {
    bind(DNNL_ARG_SRC_ITER_C, descs.x_iter);
    bind(DNNL_ARG_DST_ITER_C, descs.y_iter);
  }
  return made;
}

class RecurrentKernel final : public Kernel {
 public:
  RecurrentKernel(const Sizes& sizes, const KernelRequest& request) : sizes_(sizes) {
    for (int64_t d = 0; d < sizes.directions; ++d) directions_.push_back(make_direction(sizes, request, d));
    name_ = std::string("onednn:") + (sizes.lstm ? "lstm:" : "gru:") + directions_.front().implementation;
    input_layouts_.assign(request.inputs.size(), {});
    output_layouts_.assign(request.outputs.size(), {});
    consumed_.assign(request.inputs.size(), false);
    for (const size_t i : {w_input, r_input, b_input})
      if (present(request, i)) consumed_[i] = true;
    for (const Direction& each : directions_) {
      primitive_scratch_ = std::max(primitive_scratch_, (each.scratch_bytes + 63) / 64 * 64);
      for (const PackedConstant& constant : each.constants)
        packed_bytes_ += constant.memory.get_desc().get_size();
    }
    scratch_bytes_ = primitive_scratch_ + static_cast<size_t>(sequence() + 3 * sizes.state()) * sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    try {
      for (size_t d = 0; d < directions_.size(); ++d) run_direction(arguments, d);
      return {};
    } catch (const dnnl::error& error) {
      return internal_error(name_, error.what());
    }
  }

 private:
  int64_t sequence() const { return sizes_.steps * sizes_.batch * sizes_.hidden; }

  void run_direction(const KernelArguments& arguments, size_t d) {
    auto* y = reinterpret_cast<float*>(arguments.scratch + primitive_scratch_);
    float *zeros = y + sequence(), *last_h = zeros + sizes_.state(), *last_c = last_h + sizes_.state();
    std::fill_n(zeros, sizes_.state(), 0.0F);
    const int64_t offset = static_cast<int64_t>(d) * sizes_.state();
    const auto given = [&](size_t i) -> void* {
      const std::byte* data = i < arguments.inputs.size() ? arguments.inputs[i] : nullptr;
      return data != nullptr ? const_cast<float*>(reinterpret_cast<const float*>(data)) + offset : zeros;
    };
    const auto result = [&](size_t i, float* otherwise) -> float* {
      std::byte* data = i < arguments.outputs.size() ? arguments.outputs[i] : nullptr;
      return data != nullptr ? reinterpret_cast<float*>(data) + offset : otherwise;
    };
    // With one direction, all steps lie as oneDNN writes them.
    float* all = result(y_output, nullptr);
    const bool straight = all != nullptr && sizes_.directions == 1;
    auto& bound = directions_[d].arguments;
    bound.at(DNNL_ARG_SRC_LAYER).set_data_handle(const_cast<std::byte*>(arguments.inputs[x_input]));
    bound.at(DNNL_ARG_SRC_ITER).set_data_handle(given(h_input));
    bound.at(DNNL_ARG_DST_LAYER).set_data_handle(straight ? all : y);
    bound.at(DNNL_ARG_DST_ITER).set_data_handle(result(h_output, last_h));
    if (sizes_.lstm) {
      bound.at(DNNL_ARG_SRC_ITER_C).set_data_handle(given(c_input));
      bound.at(DNNL_ARG_DST_ITER_C).set_data_handle(result(c_output, last_c));
    }
    bound.at(DNNL_ARG_SCRATCHPAD).set_data_handle(arguments.scratch);
    directions_[d].primitive.execute(cpu_stream(), bound);
    cpu_stream().wait();
    if (all == nullptr || straight) return;
    for (int64_t step = 0; step < sizes_.steps; ++step)
      std::copy_n(y + step * sizes_.state(), sizes_.state(), all + step * sizes_.directions * sizes_.state());
  }

  Sizes sizes_;
  std::vector<Direction> directions_;
  size_t primitive_scratch_ = 0;
};

Prepared prepare(const KernelRequest& request) {
  const auto read = read_recurrent(request);
  if (const auto* reason = std::get_if<Decline>(&read)) return *reason;
  const Sizes& sizes = std::get<Sizes>(read);
  return guarded([&]() -> Prepared { return std::make_unique<RecurrentKernel>(sizes, request); });
}

}  // namespace

void register_recurrent(KernelRegistry& registry) {
  registry.add({"onednn:recurrent", {"LSTM", "GRU"}, prepare});
}

}  // namespace lathe
