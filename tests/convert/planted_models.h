// SPDX-License-Identifier: Apache-2.0
// One model for each cause of failure.
#pragma once

#include "tests/convert/planted.h"

namespace lathe {

inline Dims sizes(std::initializer_list<int64_t> list) {
  return to_dims(std::vector<int64_t>(list));
}

/// relu(x) of n rows.
inline std::shared_ptr<const Model> open_size() {
  Planter plant;
  const ValueId x = plant.input("x", {Dim(1), Dim::symbol("length")});
  plant.output(plant.node("Relu", {x}), "y");
  return plant.finish();
}

/// Rows picked by a list that is always the same.
inline std::shared_ptr<const Model> constant_filter() {
  Planter plant;
  // More than inference keeps an eye on.
  constexpr int64_t rows_given = 3000;
  std::vector<int64_t> pattern(rows_given, 1);
  for (size_t i = 0; i < pattern.size(); i += 3) pattern[i] = 0;
  const ValueId x = plant.input("x", sizes({rows_given, 3}));
  const ValueId kept = plant.integers(pattern);
  const ValueId above = plant.node("Greater", {kept, plant.integers({0})});
  const ValueId rows = plant.node("NonZero", {above});
  const ValueId flat = plant.node("Squeeze", {rows, plant.integers({0})});
  plant.output(plant.node("Gather", {x, flat}, {{"axis", int64_t{0}}}), "y");
  return plant.finish();
}

/// Rows of relu(x) whose first element is above zero.
inline std::shared_ptr<const Model> data_filter() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4, 3}));
  const ValueId body = plant.node("Add", {plant.node("Relu", {x}, {}, "body"), x}, {}, "body");
  const ValueId first =
      plant.node("Gather", {body, plant.constant(Tensor::scalar<int64_t>(0))}, {{"axis", int64_t{1}}});
  const ValueId above = plant.node("Greater", {first, plant.constant(Tensor::scalar(0.0F))});
  const ValueId rows = plant.node("NonZero", {above});
  const ValueId flat = plant.node("Squeeze", {rows, plant.integers({0})});
  plant.output(plant.node("Gather", {body, flat}, {{"axis", int64_t{0}}}), "y");
  return plant.finish();
}

/// An If whose condition is constant, or made from x.
inline std::shared_ptr<const Model> branches(bool constant) {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4}));
  const ValueId before = plant.node("Relu", {x});
  ValueId condition = plant.constant(Tensor::scalar(false));
  if (constant)
    condition = plant.node("Not", {condition});
  else
    condition = plant.node("Greater", {plant.node("ReduceMax", {x}, {{"keepdims", int64_t{0}}}),
                                       plant.constant(Tensor::scalar(0.5F))});
  const TypeInfo type = TypeInfo::tensor(ElementType::f32, sizes({4}));
  plant.output(plant.node("If", {condition},
                          {{"then_branch", branch_of("Sigmoid", before, type, plant.opset())},
                           {"else_branch", branch_of("Neg", before, type, plant.opset())}},
                          "", {before}),
               "y");
  return plant.finish();
}

/// Three times x + x, and what each round made.
inline std::shared_ptr<const Model> constant_loop() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({2}));
  auto body = std::make_shared<Graph>();
  GraphEditor editor(*body);
  editor.add_input("round", TypeInfo::tensor(ElementType::i64, Dims{}));
  const ValueId condition = editor.add_input("condition", TypeInfo::tensor(ElementType::boolean, Dims{}));
  const ValueId state = editor.add_input("state", TypeInfo::tensor(ElementType::f32, sizes({2})));
  const auto add = [&](const char* op, std::vector<ValueId> inputs) {
    Node node;
    node.name = op;
    node.op_type = op;
    node.version = plant.opset();
    node.inputs = std::move(inputs);
    const ValueId output = editor.add_value(std::string(op) + "_made");
    node.outputs = {output};
    editor.add_node(std::move(node));
    return output;
  };
  const ValueId same = add("Identity", {condition});
  const ValueId sum = add("Add", {state, state});
  editor.set_outputs({same, sum, sum});
  const ValueId last =
      plant.node("Loop", {plant.constant(Tensor::scalar<int64_t>(3)), ValueId(), x}, {{"body", body}});
  const NodeId loop = plant.editor().graph().value(last).producer;
  const ValueId rows = plant.editor().add_value("rows");
  plant.editor().set_node_outputs(loop, {last, rows});
  plant.output(last, "y");
  plant.output(rows);
  return plant.finish();
}

/// Through the columns of x from the last to the first: their sum so far, and twice each.
inline std::shared_ptr<const Model> constant_scan(bool open = false) {
  Planter plant;
  const ValueId x = plant.input("x", {Dim(2), open ? Dim::symbol("length") : Dim(3)});
  auto body = std::make_shared<Graph>();
  GraphEditor editor(*body);
  const ValueId sum = editor.add_input("sum", TypeInfo::tensor(ElementType::f32, sizes({2})));
  const ValueId column = editor.add_input("column", TypeInfo::tensor(ElementType::f32, sizes({2})));
  const auto add = [&](const char* name, ValueId other) {
    Node node;
    node.name = name;
    node.op_type = "Add";
    node.version = plant.opset();
    node.inputs = {column, other};
    const ValueId output = editor.add_value(std::string(name) + "_made");
    node.outputs = {output};
    editor.add_node(std::move(node));
    return output;
  };
  const ValueId total = add("total", sum), twice = add("twice", column);
  editor.set_outputs({total, twice, twice});
  const ValueId start = plant.constant(Tensor::from<float>({2}, {0.5F, -0.5F}));
  const ValueId last = plant.node("Scan", {start, x},
                                  {{"body", body},
                                   {"num_scan_inputs", int64_t{1}},
                                   {"scan_input_axes", std::vector<int64_t>{-1}},
                                   {"scan_input_directions", std::vector<int64_t>{1}},
                                   {"scan_output_axes", std::vector<int64_t>{0, -1}},
                                   {"scan_output_directions", std::vector<int64_t>{0, 1}}});
  const NodeId scan = plant.editor().graph().value(last).producer;
  const ValueId rows = plant.editor().add_value("rows"), columns = plant.editor().add_value("columns");
  plant.editor().set_node_outputs(scan, {last, rows, columns});
  plant.output(last, "y");
  plant.output(rows);
  plant.output(columns);
  return plant.finish();
}

/// An operator that no domain of this build has.
inline std::shared_ptr<const Model> foreign_operator(const std::string& op) {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4}));
  const ValueId made = plant.node(op, {x}, {}, "act");
  plant.editor().set_type(made, TypeInfo::tensor(ElementType::f32, sizes({4})));
  plant.output(plant.node("Relu", {made}), "y");
  return plant.finish();
}

inline std::shared_ptr<const Model> bad_attribute() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4}));
  plant.output(plant.node("Concat", {x, x}, {{"axis", int64_t{7}}}), "y");
  return plant.finish();
}

inline std::shared_ptr<const Model> contradiction() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4, 3}));
  plant.output(plant.node("MatMul", {x, x}), "y");
  return plant.finish();
}

inline std::shared_ptr<const Model> sequence_inside() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({6, 2}));
  const ValueId parts = plant.node("SplitToSequence", {x, plant.constant(Tensor::scalar<int64_t>(2))});
  const ValueId second = plant.node("SequenceAt", {parts, plant.constant(Tensor::scalar<int64_t>(-1))});
  const ValueId more = plant.node("SequenceInsert", {parts, plant.node("Relu", {second})});
  plant.output(plant.node("ConcatFromSequence", {more}, {{"axis", int64_t{0}}}), "y");
  return plant.finish();
}

inline std::shared_ptr<const Model> sequence_output() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({6, 2}));
  plant.output(
      plant.node("SplitToSequence", {plant.node("Relu", {x}), plant.constant(Tensor::scalar<int64_t>(2))}),
      "y");
  return plant.finish();
}

/// An optional that always holds relu(x).
inline std::shared_ptr<const Model> optional_output() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({3}));
  plant.output(plant.node("Optional", {plant.node("Relu", {x})}), "y");
  return plant.finish();
}

/// a, then b, then a again.
inline std::shared_ptr<const Model> interleaved() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4}));
  const ValueId one = plant.node("Relu", {x}, {}, "a");
  const ValueId two = plant.node("Exp", {one}, {}, "b");
  plant.output(plant.node("Add", {one, two}, {}, "a"), "y");
  return plant.finish();
}

/// A tensor that no machine holds.
inline std::shared_ptr<const Model> too_large() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({1}));
  const ValueId large = plant.node("Expand", {x, plant.integers({int64_t{1} << 46})});
  plant.output(plant.node("ReduceSum", {plant.node("Exp", {large})}), "y");
  return plant.finish();
}

}  // namespace lathe
