// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/recurrent_request.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lathe {
namespace {

using namespace recurrent;

bool present(const KernelRequest& request, size_t input) {
  return input < request.inputs.size() && request.inputs[input].present();
}

/// Sigmoid and Tanh, in the operator's order, for every direction.
bool usual_activations(const Node& node, bool lstm) {
  const auto* given = node.attributes.get<std::vector<std::string>>("activations");
  if (given == nullptr) return true;
  const std::vector<std::string> usual = lstm ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                                              : std::vector<std::string>{"Sigmoid", "Tanh"};
  for (size_t i = 0; i < given->size(); ++i)
    if ((*given)[i] != usual[i % usual.size()]) return false;
  return true;
}

/// What the operator itself would refuse: kernels read weights without looking at their shapes again.
std::optional<Decline> unfit_shapes(const KernelRequest& request, const RecurrentSizes& sizes) {
  const int64_t rows = sizes.gates() * sizes.hidden;
  const Shape state{sizes.directions, sizes.batch, sizes.hidden};
  const std::pair<size_t, Shape> wanted[] = {{w_input, {sizes.directions, rows, sizes.inputs}},
                                             {r_input, {sizes.directions, rows, sizes.hidden}},
                                             {b_input, {sizes.directions, 2 * rows}},
                                             {h_input, state},
                                             {c_input, state}};
  for (const auto& [input, shape] : wanted)
    if (present(request, input) && request.inputs[input].shape != shape)
      return Decline{DeclineReason::shape, to_string(request.inputs[input].shape)};
  return std::nullopt;
}

}  // namespace

std::variant<RecurrentSizes, Decline> read_recurrent(const KernelRequest& request) {
  const Node& node = *request.node;
  for (const size_t i : {x_input, w_input, r_input, b_input, h_input, c_input})
    if (present(request, i) && request.inputs[i].type != ElementType::f32)
      return Decline{DeclineReason::element_type, to_string(request.inputs[i].type)};
  for (const size_t i : {w_input, r_input, b_input})
    if (present(request, i) && request.constants[i] == nullptr)
      return Decline{DeclineReason::not_constant, "weights or bias"};
  if (present(request, lengths_input) || present(request, peephole_input))
    return Decline{DeclineReason::attribute, "lengths or peepholes"};
  if (node.attributes.get_float("clip", 0) != 0 || node.attributes.get_int("layout", 0) != 0 ||
      node.attributes.get_int("input_forget", 0) != 0)
    return Decline{DeclineReason::attribute, "clip, layout or input_forget"};
  const Shape &x = request.inputs[x_input].shape, &w = request.inputs[w_input].shape,
              &r = request.inputs[r_input].shape;
  if (x.size() != 3 || w.size() != 3 || r.size() != 3 || element_count(x) == 0 || element_count(r) == 0)
    return Decline{DeclineReason::shape, to_string(x)};
  if (!request.prepack) return Decline{DeclineReason::not_profitable, "weights would be packed in every run"};
  RecurrentSizes sizes;
  sizes.lstm = node.op_type == "LSTM";
  if (!usual_activations(node, sizes.lstm)) return Decline{DeclineReason::attribute, "activations"};
  sizes.linear_before_reset = node.attributes.get_int("linear_before_reset", 0) != 0;
  sizes.reverse = node.attributes.get_string("direction", "forward") == "reverse";
  sizes.steps = x[0];
  sizes.batch = x[1];
  sizes.inputs = x[2];
  sizes.directions = node.attributes.get_string("direction", "forward") == "bidirectional" ? 2 : 1;
  sizes.hidden = r[2];
  if (auto reason = unfit_shapes(request, sizes)) return *reason;
  return sizes;
}

}  // namespace lathe
