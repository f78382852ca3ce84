// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/subgraph_state.h"

namespace lathe {

Result<const Graph*> subgraph(const Node& node, const char* attribute) {
  const auto* graph = node.attributes.get<std::shared_ptr<Graph>>(attribute);
  if (graph == nullptr || *graph == nullptr)
    return node_error(node, std::string("has no graph as attribute ") + attribute);
  return graph->get();
}

TypeInfo declared_scalar(const Graph& body, size_t i, ElementType element) {
  const TypeInfo& declared = body.value(body.inputs()[i]).type;
  return declared.is_static() ? declared : TypeInfo::tensor(element, Dims{});
}

RuntimeValue scalar_like(const Graph& body, size_t i, Tensor scalar) {
  const TypeInfo& declared = body.value(body.inputs()[i]).type;
  const bool list = declared.is_tensor() && declared.dims && declared.dims->size() == 1;
  return list ? RuntimeValue(scalar.reshaped({1})) : RuntimeValue(std::move(scalar));
}

Result<std::vector<TypeInfo>> infer_rounds(InferContext& context, const Graph& body,
                                           std::vector<TypeInfo>& inputs, size_t first, size_t states,
                                           size_t first_output) {
  // Each attempt widens sizes to symbols or shapes to unknown; the last one settles the rest.
  constexpr int attempts = 3;
  for (int attempt = 0;; ++attempt) {
    LATHE_ASSIGN(std::vector<TypeInfo> outputs, context.infer_subgraph(body, inputs));
    if (outputs.size() < first_output + states)
      return node_error(context.node(), "has a body with too few outputs");
    bool settled = true;
    for (size_t i = 0; i < states; ++i) {
      TypeInfo& state = inputs[first + i];
      TypeInfo joined =
          join_types(state, outputs[first_output + i], [&] { return context.data_dependent_dim("state"); });
      if (same_type(joined, state)) continue;
      settled = false;
      if (attempt + 1 >= attempts) joined.dims.reset();
      state = std::move(joined);
    }
    if (settled || attempt >= attempts) return outputs;
  }
}

Status collect(const RunContext& context, std::span<RuntimeValue> round,
               std::vector<std::vector<Tensor>>& lists) {
  for (size_t i = 0; i < lists.size(); ++i) {
    if (!round[i].is_tensor()) return context.error("has a body whose scan output is no tensor");
    const Tensor& tensor = round[i].tensor;
    if (!lists[i].empty() &&
        (tensor.type() != lists[i].front().type() || tensor.shape() != lists[i].front().shape()))
      return context.error("has a body whose scan output changes from " +
                           to_string(lists[i].front().shape()) + " to " + to_string(tensor.shape()));
    lists[i].push_back(tensor);
  }
  return {};
}

Status stack(RunContext& context, size_t i, const std::vector<Tensor>& tensors, int64_t axis, bool reverse,
             const TypeInfo& declared) {
  Shape shape;
  if (!tensors.empty())
    shape = tensors.front().shape();
  else if (declared.dims)
    for (const Dim& dim : *declared.dims) shape.push_back(dim.known() ? dim.value() : 0);
  LATHE_ASSIGN(const size_t at, resolve_axis(context.node(), axis, shape.size() + 1));
  const Shape slice = shape;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(at), static_cast<int64_t>(tensors.size()));
  const ElementType type = tensors.empty() ? declared.element : tensors.front().type();
  if (type == ElementType::undefined)
    return context.error("has a body whose scan output has no element type");
  LATHE_ASSIGN(Tensor * out, context.output(i, type, shape));
  StridedView to = whole(shape);
  const int64_t step = to.strides[at];
  to.strides.erase(to.strides.begin() + static_cast<std::ptrdiff_t>(at));
  for (size_t k = 0; k < tensors.size(); ++k) {
    copy_strided(slice, tensors[reverse ? tensors.size() - 1 - k : k], whole(slice), *out, to);
    to.offset += step;
  }
  return {};
}

}  // namespace lathe
