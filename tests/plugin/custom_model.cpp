// SPDX-License-Identifier: Apache-2.0
#include "tests/plugin/custom_model.h"

namespace lathe {
namespace {

std::shared_ptr<Model> empty_model(const std::string& domain) {
  auto model = std::make_shared<Model>();
  model->ir_version = 8;
  model->opsets[""] = 17;
  model->opsets[domain] = 1;
  model->graph.name = "custom";
  return model;
}

ValueId add(GraphEditor& editor, const std::string& name, const std::string& op, const std::string& domain,
            std::vector<ValueId> inputs, int64_t align = 0) {
  Node node;
  node.name = name;
  node.op_type = op;
  node.domain = domain;
  node.version = domain.empty() ? 17 : 1;
  node.inputs = std::move(inputs);
  if (align != 0) node.attributes.set("align_corners", align);
  const ValueId output = editor.add_value(name + "_out");
  node.outputs = {output};
  editor.add_node(std::move(node));
  return output;
}

}  // namespace

std::shared_ptr<Model> attention_model(int64_t batch, bool align_corners) {
  auto model = empty_model("com.example");
  GraphEditor editor(model->graph);
  const Dim n = batch < 0 ? Dim::symbol("batch") : Dim(batch);
  const auto input = [&](const char* name, Dims dims) {
    return editor.add_input(name, TypeInfo::tensor(ElementType::f32, std::move(dims)));
  };
  const ValueId value = input("value", {n, Dim(5), Dim(1), Dim(2)});
  const ValueId location = input("location", {n, Dim(1), Dim(1), Dim(2), Dim(1), Dim(2)});
  const ValueId weight = input("weight", {n, Dim(1), Dim(1), Dim(2), Dim(1)});
  const ValueId shapes = editor.add_constant("shapes", Tensor::from<int64_t>({2, 2}, {2, 2, 1, 1}));
  const ValueId two = editor.add_constant("two", Tensor::from<float>({1}, {2}));
  const ValueId relu = add(editor, "relu", "Relu", "", {value});
  const ValueId attention = add(editor, "attention", "MultiScaleDeformableAttention", "com.example",
                                {relu, shapes, location, weight}, align_corners ? 1 : 0);
  editor.add_output(add(editor, "mul", "Mul", "", {attention, two}));
  return model;
}

NamedValues attention_inputs(std::vector<float> locations, std::vector<float> weights) {
  NamedValues inputs;
  inputs["value"] = RuntimeValue(Tensor::from<float>({1, 5, 1, 2}, {1, 10, 2, 20, 3, 30, 4, 40, 8, 80}));
  inputs["location"] =
      RuntimeValue(Tensor::from<float>({1, 1, 1, 2, 1, 2}, std::span<const float>(locations)));
  inputs["weight"] = RuntimeValue(Tensor::from<float>({1, 1, 1, 2, 1}, std::span<const float>(weights)));
  return inputs;
}

std::shared_ptr<Model> one_operator_model(const std::string& domain, const std::string& op, int64_t size) {
  auto model = empty_model(domain);
  GraphEditor editor(model->graph);
  const ValueId x = editor.add_input("x", TypeInfo::tensor(ElementType::f32, Dims{Dim(size)}));
  editor.add_output(add(editor, "the_node", op, domain, {x}));
  return model;
}

}  // namespace lathe
