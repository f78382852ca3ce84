// SPDX-License-Identifier: Apache-2.0
// The model as loaded: ONNX operators in the model's own opset, faithful and exportable.
//
// A Graph is read through const accessors and changed only through GraphEditor. Nodes and values keep their
// ids for the graph's lifetime; removed ones stay as tombstones (alive == false). Not thread-safe while being
// edited.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/base/files.h"
#include "engine/base/finding.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/graph/dim.h"
#include "engine/graph/module_tree.h"
#include "engine/tensor/tensor.h"

namespace lathe {

class Graph;

/// Static type of a value. For sequence and optional, `inner` is the type of what is inside.
struct TypeInfo {
  enum class Kind : uint8_t { unknown, tensor, sequence, optional, map, sparse_tensor };
  Kind kind = Kind::unknown;
  ElementType element = ElementType::undefined;  ///< of a tensor
  std::optional<Dims> dims;                      ///< of a tensor; nullopt: rank unknown
  std::shared_ptr<const TypeInfo> inner;

  static TypeInfo tensor(ElementType element, std::optional<Dims> dims = std::nullopt);
  static TypeInfo sequence_of(TypeInfo inner);
  static TypeInfo optional_of(TypeInfo inner);
  bool is_tensor() const { return kind == Kind::tensor; }
  bool has_rank() const { return dims.has_value(); }
  bool is_static() const { return is_tensor() && dims && lathe::is_static(*dims); }
};
/// "f32[batchx3x224x224]", "f32[?]", "sequence<f32[?]>".
std::string to_string(const TypeInfo& type);

using AttributeValue = std::variant<int64_t, float, std::string, Tensor, std::shared_ptr<Graph>,
                                    std::vector<int64_t>, std::vector<float>, std::vector<std::string>,
                                    std::vector<Tensor>, std::vector<std::shared_ptr<Graph>>, TypeInfo>;

/// Attributes of a node by name, in file order. Typed getters return the fallback when absent or of another
/// type.
class Attributes {
 public:
  void set(const std::string& name, AttributeValue value);
  void erase(const std::string& name);
  const AttributeValue* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  template <class T>
  const T* get(std::string_view name) const {
    const AttributeValue* value = find(name);
    return value ? std::get_if<T>(value) : nullptr;
  }
  int64_t get_int(std::string_view name, int64_t fallback) const;
  float get_float(std::string_view name, float fallback) const;
  std::string get_string(std::string_view name, std::string_view fallback) const;
  std::vector<int64_t> get_ints(std::string_view name) const;  ///< empty when absent
  std::vector<float> get_floats(std::string_view name) const;  ///< empty when absent
  const std::vector<std::pair<std::string, AttributeValue>>& all() const { return items_; }

 private:
  std::vector<std::pair<std::string, AttributeValue>> items_;
};

/// One operator. Inputs and outputs may hold invalid ids for absent optionals.
struct Node {
  NodeId id;
  bool alive = true;
  std::string name;  ///< unique within the graph (made up by the importer where the file has none)
  std::string op_type;
  std::string domain;  ///< "" is ai.onnx; "lathe" holds the internal fused operators
  int version = 0;     ///< opset version of `domain` this node is written in
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<ValueId> captured;  ///< values of this graph that its sub-graphs use (not repeated in inputs)
  Attributes attributes;
  ModuleId module;                              ///< deepest module that owns it
  std::map<std::string, std::string> metadata;  ///< metadata_props of the file
  std::string source;  ///< "file.py:123" where the exporter wrote it, innermost user frame first
  std::string doc;

  /// "Conv" or "com.microsoft.FusedConv".
  std::string qualified_type() const { return domain.empty() ? op_type : domain + "." + op_type; }
};

/// One edge: made by a node, by the graph's input list, by an initializer or captured from the outer graph.
struct Value {
  ValueId id;
  bool alive = true;
  std::string name;
  TypeInfo type;    ///< declared or inferred
  NodeId producer;  ///< invalid for inputs, initializers, captures
  uint32_t producer_output = 0;
  std::vector<NodeId> consumers;  ///< each consuming node once per use (captures included)
  Tensor constant;                ///< defined() for initializers
  bool is_input = false;
  bool is_output = false;
  bool is_capture = false;
};

/// A value of the outer graph seen inside a sub-graph.
struct Capture {
  ValueId outer;
  ValueId inner;
};

class Graph {
 public:
  std::string name;
  std::string doc;
  std::map<std::string, std::string> metadata;

  const std::vector<Node>& nodes() const { return nodes_; }  ///< in file order; skip !alive
  const std::vector<Value>& values() const { return values_; }
  const Node& node(NodeId id) const { return nodes_[id.index]; }
  const Value& value(ValueId id) const { return values_[id.index]; }
  const std::vector<ValueId>& inputs() const {
    return inputs_;
  }  ///< initializers that are inputs too are not listed
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const std::vector<Capture>& captures() const { return captures_; }
  std::optional<ValueId> find_value(std::string_view name) const;
  std::optional<NodeId> find_node(std::string_view name) const;
  size_t node_count() const;  ///< alive ones
  /// Constant data of a value: an initializer, or the output of a Constant node with a tensor attribute; else
  /// null.
  const Tensor* constant(ValueId id) const;

  /// Deep copy of nodes and sub-graphs; tensor bytes are shared.
  Graph clone() const;

 private:
  friend class GraphEditor;
  std::vector<Node> nodes_;
  std::vector<Value> values_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
  std::vector<Capture> captures_;
  std::unordered_map<std::string, ValueId> value_names_;
  std::unordered_map<std::string, NodeId> node_names_;
};

/// Alive nodes so that producers come before consumers (ties in file order). Error names a node on the cycle.
Result<std::vector<NodeId>> topological_order(const Graph& graph);

/// The only way to change a Graph. Keeps producer/consumer links, names and lists consistent.
class GraphEditor {
 public:
  explicit GraphEditor(Graph& graph) : graph_(graph) {}
  const Graph& graph() const { return graph_; }

  /// A new value; an empty or taken name is made unique.
  ValueId add_value(std::string name, TypeInfo type = {});
  ValueId add_constant(std::string name, Tensor tensor);
  ValueId add_input(std::string name, TypeInfo type);
  /// Adds to the graph's outputs (the value may already be one; order is kept).
  void add_output(ValueId value);
  /// Appends to captures; `outer` is a value of the graph that holds the owning node.
  ValueId add_capture(ValueId outer, std::string name, TypeInfo type);
  /// Rebinds every capture of this sub-graph to another outer value.
  template <class Map>
  void map_captures(Map&& map) {
    for (Capture& capture : graph_.captures_) capture.outer = map(capture.outer);
  }
  void set_outputs(std::vector<ValueId> outputs);
  void remove_input(ValueId value);

  /// `node.id` is assigned; its name is made unique; links of inputs, outputs and captured are set up.
  NodeId add_node(Node node);
  void remove_node(NodeId id);  ///< its outputs lose their producer
  void set_node_inputs(NodeId id, std::vector<ValueId> inputs);
  void set_node_outputs(NodeId id, std::vector<ValueId> outputs);
  void set_node_captured(NodeId id, std::vector<ValueId> captured);
  void set_attribute(NodeId id, const std::string& name, AttributeValue value);
  void set_module(NodeId id, ModuleId module) { graph_.nodes_[id.index].module = module; }
  void set_source(NodeId id, std::string source) { graph_.nodes_[id.index].source = std::move(source); }
  void set_metadata(NodeId id, const std::string& key, std::string value) {
    graph_.nodes_[id.index].metadata[key] = std::move(value);
  }
  void set_type(ValueId id, TypeInfo type) { graph_.values_[id.index].type = std::move(type); }
  void set_constant(ValueId id, Tensor tensor) { graph_.values_[id.index].constant = std::move(tensor); }
  /// Every consumer of `from` (and the graph's outputs, and captures) reads `to` instead.
  void replace_uses(ValueId from, ValueId to);
  /// Removes nodes whose outputs nobody uses, and unused constants. Returns the number of nodes removed.
  size_t remove_dead();

 private:
  void link(const Node& node);
  void unlink(const Node& node);
  std::string unique_value_name(std::string name) const;
  std::string unique_node_name(std::string name) const;
  Graph& graph_;
};

/// A model file: its graph, its modules and what was found while reading it.
struct Model {
  std::string path;  ///< as opened; empty for one made in memory
  Graph graph;
  int ir_version = 0;
  std::map<std::string, int> opsets;  ///< by domain ("" = ai.onnx)
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  int64_t model_version = 0;
  std::string doc;
  std::map<std::string, std::string> metadata;
  ModuleTree modules;
  Findings findings;
  std::vector<std::shared_ptr<const MappedFile>> files;  ///< that hold the weights

  /// Error: one of its files has been written to since it was opened, so that weights may be others now.
  Status files_unchanged() const;
};

}  // namespace lathe
