// SPDX-License-Identifier: Apache-2.0
// f16 (and bf16 where the machine has no arithmetic for it) becomes f32: nodes compute in f32, and their
// results are rounded to what the narrow type holds. After fusing that happens once a step, as on hardware
// that has the type.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "engine/kernels/narrow.h"
#include "engine/kernels/simd/convert_loops.h"
#include "engine/passes/match.h"

namespace lathe {
namespace {

/// Their output's type is said by an attribute, or they have a narrow form of their own.
bool keeps_types(const Node& node) {
  constexpr std::array keep = {"Cast",         "CastLike",       "ConstantOfShape",  "EyeLike",
                               "Constant",     "QuantizeLinear", "DequantizeLinear", "Bernoulli",
                               "RandomNormal", "RandomUniform",  "RandomNormalLike", "RandomUniformLike",
                               "BitCast"};
  if (!node.domain.empty() && node.domain != "lathe") return true;
  const Operator* op = operators().find(node);
  if (op == nullptr || (op->traits & (trait_control_flow | trait_random)) != 0) return true;
  return std::any_of(keep.begin(), keep.end(), [&](const char* name) { return node.op_type == name; });
}

/// Results are elements of the inputs (or zero): nothing to round.
bool selects(const Node& node) {
  constexpr std::array selecting = {"Relu",           "MaxPool",      "Transpose",    "Concat",
                                    "Split",          "Slice",        "Gather",       "Pad",
                                    "Expand",         "Tile",         "Max",          "Min",
                                    "Where",          "Reshape",      "Squeeze",      "Flatten",
                                    "Unsqueeze",      "Identity",     "Abs",          "Neg",
                                    "Dropout",        "DepthToSpace", "SpaceToDepth", "GlobalMaxPool",
                                    "GatherElements", "GatherND"};
  return std::any_of(selecting.begin(), selecting.end(),
                     [&](const char* name) { return node.op_type == name; });
}

/// What lasts is what a kernel packs it into, which then may lie in the memory of an earlier one: a little
/// more is taken, untouched, for a kernel that packs a bias with its weights. Piece by piece, so that
/// elements that do not lie where elements may need no copy of the whole.
Result<Tensor> widened(const Tensor& narrow) {
  const auto count = static_cast<size_t>(narrow.count());
  const size_t bytes = count * sizeof(float);
  LATHE_ASSIGN(Buffer buffer, Buffer::allocate(bytes + bytes / 16));
  Tensor wide = Tensor::wrap(ElementType::f32, narrow.shape(), std::move(buffer));
  const std::byte* from = narrow.buffer().data();
  float* to = wide.mutable_data<float>().data();
  std::array<uint16_t, 4096> piece;
  for (size_t done = 0; done < count; done += piece.size()) {
    const size_t taken = std::min(piece.size(), count - done);
    std::memcpy(piece.data(), from + done * sizeof(uint16_t), taken * sizeof(uint16_t));
    if (narrow.type() == ElementType::f16)
      simd::widen_f16(piece.data(), to + done, taken);
    else
      simd::widen_bf16(piece.data(), to + done, taken);
  }
  narrow.buffer().release_pages();
  return wide;
}

class Widening {
 public:
  explicit Widening(PassContext& context) : context_(context) {}

  Result<size_t> run() {
    LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(context_.graph));
    size_t changes = 0;
    for (const NodeId id : order) {
      if (!takes_part(context_.graph.node(id))) continue;
      LATHE_TRY(widen(id));
      ++changes;
    }
    return changes;
  }

 private:
  ElementType element_of(ValueId id) const {
    return id.valid() && id.index < context_.types.types.size() && context_.types.type(id).is_tensor()
               ? context_.types.type(id).element
               : ElementType::undefined;
  }
  bool narrow(ValueId id) const {
    const ElementType type = element_of(id);
    return (type == ElementType::f16 || type == ElementType::bf16) && computes_wide(type);
  }
  bool takes_part(const Node& node) const {
    const auto is_narrow = [&](ValueId id) { return narrow(id); };
    return !keeps_types(node) && (std::any_of(node.inputs.begin(), node.inputs.end(), is_narrow) ||
                                  std::any_of(node.outputs.begin(), node.outputs.end(), is_narrow));
  }

  Status widen(NodeId id) {
    Node node = context_.graph.node(id);
    ElementType type = ElementType::undefined;
    for (ValueId& input : node.inputs) {
      if (!narrow(input)) continue;
      type = element_of(input);
      LATHE_ASSIGN(input, wide_of(input, node));
    }
    std::vector<std::pair<ValueId, ValueId>> narrowed;  // wide, narrow
    for (ValueId& output : node.outputs) {
      if (!narrow(output)) continue;
      type = element_of(output);
      const ValueId wide = context_.editor.add_value(context_.graph.value(output).name + ".wide");
      wide_.emplace(output, wide);
      narrowed.emplace_back(wide, output);
      output = wide;
    }
    if (!selects(node) && !narrowed.empty()) node.metadata[rounding_key] = to_string(type);
    context_.editor.remove_node(id);
    const Node made = node;
    context_.editor.add_node(std::move(node));
    // Whoever still reads the narrow value gets it; else this is dead.
    for (const auto& [wide, output] : narrowed) add_cast(wide, output, element_of(output), made);
    return {};
  }

  Result<ValueId> wide_of(ValueId id, const Node& reader) {
    const auto known = wide_.find(id);
    if (known != wide_.end()) return known->second;
    ValueId wide;
    if (const Tensor* constant = context_.graph.constant(id)) {
      LATHE_ASSIGN(Tensor converted, widened(*constant));
      wide = context_.editor.add_constant(context_.graph.value(id).name + ".wide", std::move(converted));
    } else {
      wide = context_.editor.add_value(context_.graph.value(id).name + ".wide");
      add_cast(id, wide, ElementType::f32, reader);
    }
    wide_.emplace(id, wide);
    return wide;
  }

  void add_cast(ValueId from, ValueId to, ElementType type, const Node& beside) {
    Node cast;
    cast.op_type = "Cast";
    cast.version = 13;
    cast.name = beside.name + ".cast";
    cast.module = beside.module;
    cast.metadata[fused_nodes_key] = beside.name;
    cast.attributes.set("to", static_cast<int64_t>(type));
    cast.inputs = {from};
    cast.outputs = {to};
    context_.editor.add_node(std::move(cast));
  }

  PassContext& context_;
  std::map<ValueId, ValueId> wide_;
};

Result<size_t> widen(PassContext& context) {
  return Widening(context).run();
}

}  // namespace

void register_widen(PassRegistry& registry) {
  registry.add({"widen", true, widen});
}

}  // namespace lathe
