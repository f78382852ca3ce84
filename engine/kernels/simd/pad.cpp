// SPDX-License-Identifier: Apache-2.0
// Pad by what is there already (reflect, edge, wrap) along the last two axes of plain f32 tensors: each row
// of the result is one row of the input with its ends looked up in a table.
#include <algorithm>
#include <optional>

#include "engine/kernels/kernel.h"

namespace lathe {
namespace {

constexpr int64_t elements_worth_threads = 1 << 14;

/// One axis: what it was, and which input position each output position shows.
struct PaddedAxis {
  int64_t size = 1, begin = 0;
  std::vector<int64_t> source;
};

class PadKernel final : public Kernel {
 public:
  PadKernel(int64_t outer, PaddedAxis rows, PaddedAxis columns)
      : outer_(outer), rows_(std::move(rows)), columns_(std::move(columns)) {
    name_ = "simd:pad";
  }

  Status run(const KernelArguments& arguments) override {
    const auto* x = reinterpret_cast<const float*>(arguments.inputs[0]);
    auto* y = reinterpret_cast<float*>(arguments.outputs[0]);
    const auto height = static_cast<int64_t>(rows_.source.size()),
               width = static_cast<int64_t>(columns_.source.size());
#pragma omp parallel for schedule(static) if (outer_ * height * width > elements_worth_threads)
    for (int64_t plane = 0; plane < outer_; ++plane)
      for (int64_t row = 0; row < height; ++row) {
        const float* from = x + (plane * rows_.size + rows_.source[static_cast<size_t>(row)]) * columns_.size;
        pad_row(from, y + (plane * height + row) * width, width);
      }
    return {};
  }

 private:
  void pad_row(const float* from, float* to, int64_t width) const {
    const int64_t begin = columns_.begin, end = begin + columns_.size;
    const int64_t* source = columns_.source.data();
    for (int64_t i = 0; i < begin; ++i) to[i] = from[source[i]];
    std::copy_n(from, columns_.size, to + begin);
    for (int64_t i = end; i < width; ++i) to[i] = from[source[i]];
  }

  int64_t outer_;
  PaddedAxis rows_, columns_;
};

enum class Mode { reflect, edge, wrap };

/// As in the reference: position i, perhaps far beyond an end, of an axis that is not empty.
int64_t source_position(int64_t i, int64_t size, Mode mode) {
  if (mode == Mode::edge) return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == Mode::reflect && size == 1) return 0;
  const int64_t period = mode == Mode::wrap ? size : 2 * (size - 1);
  const int64_t at = ((i % period) + period) % period;
  return at < size ? at : period - at;
}

PaddedAxis padded_axis(int64_t size, int64_t begin, int64_t output, Mode mode) {
  PaddedAxis axis{size, begin, {}};
  for (int64_t i = 0; i < output; ++i) axis.source.push_back(source_position(i - begin, size, mode));
  return axis;
}

/// What is added before each axis; nullopt where that is not known now.
std::optional<std::vector<int64_t>> pads_before(const KernelRequest& request) {
  const Node& node = *request.node;
  const size_t rank = request.inputs[0].shape.size();
  const auto given = [&](size_t i) { return i < request.inputs.size() && request.inputs[i].present(); };
  if (given(3)) return std::nullopt;  // axes by name
  std::vector<int64_t> pads;
  if (node.version < 11)
    pads = node.attributes.get_ints(node.version < 2 ? "paddings" : "pads");
  else if (given(1) && request.constants[1] != nullptr)
    pads = request.constants[1]->to_int64();
  if (pads.size() != 2 * rank || std::any_of(pads.begin(), pads.end(), [](int64_t pad) { return pad < 0; }))
    return std::nullopt;
  pads.resize(rank);
  return pads;
}

Prepared prepare(const KernelRequest& request) {
  const TensorDesc &x = request.inputs[0], &y = request.outputs[0];
  if (x.type != ElementType::f32) return Decline{DeclineReason::element_type, to_string(x.type)};
  const std::string name = request.node->attributes.get_string("mode", "constant");
  if (name != "reflect" && name != "edge" && name != "wrap") return Decline{DeclineReason::attribute, name};
  const Mode mode = name == "edge" ? Mode::edge : name == "wrap" ? Mode::wrap : Mode::reflect;
  const auto begin = pads_before(request);
  const size_t rank = x.shape.size();
  if (!begin) return Decline{DeclineReason::attribute, "pads that are named, negative or not constant"};
  if (rank == 0 || y.shape.size() != rank || element_count(x.shape) == 0)
    return Decline{DeclineReason::shape, to_string(x.shape)};
  int64_t outer = 1;
  for (size_t axis = 0; axis + 2 < rank; ++axis) {
    if (x.shape[axis] != y.shape[axis]) return Decline{DeclineReason::shape, "more than two axes"};
    outer *= x.shape[axis];
  }
  PaddedAxis rows{1, 0, {0}};
  if (rank > 1) rows = padded_axis(x.shape[rank - 2], (*begin)[rank - 2], y.shape[rank - 2], mode);
  return std::make_unique<PadKernel>(outer, std::move(rows),
                                     padded_axis(x.shape.back(), begin->back(), y.shape.back(), mode));
}

}  // namespace

void register_pad(KernelRegistry& registry) {
  registry.add({"simd:pad", {"Pad"}, prepare});
}

}  // namespace lathe
