// SPDX-License-Identifier: Apache-2.0
// Guesses a layer's class from its operators, for exporters that do not tell it.
#include <algorithm>
#include <map>
#include <set>

#include "engine/graph/module_names.h"

namespace lathe {
namespace {

const std::map<std::string, std::string, std::less<>>& single_operator_classes() {
  static const std::map<std::string, std::string, std::less<>> classes{
      {"Relu", "ReLU"},
      {"LeakyRelu", "LeakyReLU"},
      {"PRelu", "PReLU"},
      {"Elu", "ELU"},
      {"Selu", "SELU"},
      {"Celu", "CELU"},
      {"Sigmoid", "Sigmoid"},
      {"Tanh", "Tanh"},
      {"HardSigmoid", "Hardsigmoid"},
      {"HardSwish", "Hardswish"},
      {"Softplus", "Softplus"},
      {"Softsign", "Softsign"},
      {"Softmax", "Softmax"},
      {"LogSoftmax", "LogSoftmax"},
      {"Gelu", "GELU"},
      {"Mish", "Mish"},
      {"Swish", "SiLU"},
      {"GlobalAveragePool", "AdaptiveAvgPool2d"},
      {"GlobalMaxPool", "AdaptiveMaxPool2d"},
      {"Dropout", "Dropout"},
      {"Flatten", "Flatten"},
      {"Identity", "Identity"},
      {"LSTM", "LSTM"},
      {"GRU", "GRU"},
      {"RNN", "RNN"},
      {"Resize", "Upsample"},
      {"Upsample", "Upsample"},
      {"DepthToSpace", "PixelShuffle"},
      {"LayerNormalization", "LayerNorm"},
      {"RMSNormalization", "RMSNorm"},
      {"GroupNormalization", "GroupNorm"},
      {"InstanceNormalization", "InstanceNorm2d"},
      {"LRN", "LocalResponseNorm"},
      {"Attention", "MultiheadAttention"},
      {"MultiHeadAttention", "MultiheadAttention"}};
  return classes;
}

/// The operators of a layer that say what it is: neither constants nor what precision and shapes need around
/// them.
class Layer {
 public:
  Layer(const Graph& graph, const std::vector<NodeId>& nodes, const std::vector<bool>& constant)
      : graph_(graph) {
    for (const NodeId id : nodes)
      if (!constant[id.index]) add(graph.node(id));
    if (!nodes_.empty()) return;
    for (const NodeId id : nodes) add(graph.node(id));  // a layer fed with constants is still that layer
  }

  size_t size() const { return nodes_.size(); }
  /// One operator, however often the layer is called.
  bool uniform() const { return counts_.size() == 1; }
  const Node& front() const { return *nodes_.front(); }
  int count(std::string_view type) const {
    const auto found = counts_.find(type);
    return found == counts_.end() ? 0 : found->second;
  }
  const Node* first(std::string_view type) const {
    const auto found =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const Node* node) { return node->op_type == type; });
    return found == nodes_.end() ? nullptr : *found;
  }
  /// All its operators are among `types`.
  bool only(const std::set<std::string, std::less<>>& types) const {
    return std::all_of(counts_.begin(), counts_.end(),
                       [&](const auto& entry) { return types.contains(entry.first); });
  }
  bool has(std::initializer_list<std::string_view> types) const {
    return std::all_of(types.begin(), types.end(), [&](std::string_view type) { return count(type) > 0; });
  }
  const Graph& graph() const { return graph_; }

 private:
  void add(const Node& node) {
    static const std::set<std::string, std::less<>> ignored{"Constant", "QuantizeLinear", "DequantizeLinear",
                                                            "Cast"};
    if (ignored.contains(node.op_type)) return;
    nodes_.push_back(&node);
    ++counts_[node.op_type];
  }

  const Graph& graph_;
  std::vector<const Node*> nodes_;
  std::map<std::string, int, std::less<>> counts_;
};

/// "2d" for a window operator over two spatial axes.
std::string spatial_suffix(const Graph& graph, const Node& node) {
  size_t axes = node.attributes.get_ints("kernel_shape").size();
  if (axes == 0 && node.inputs.size() > 1)
    if (const Tensor* weight = graph.constant(node.inputs[1]); weight && weight->rank() > 2)
      axes = weight->rank() - 2;
  return std::to_string(axes == 0 ? 2 : axes) + "d";
}

/// BatchNorm over NCHW unless the input's type says otherwise.
std::string batch_norm_class(const Graph& graph, const Node& node) {
  const ValueId input = node.inputs.empty() ? ValueId() : node.inputs[0];
  const size_t rank =
      input.valid() && graph.value(input).type.dims ? graph.value(input).type.dims->size() : 4;
  return rank <= 3 ? "BatchNorm1d" : rank == 5 ? "BatchNorm3d" : "BatchNorm2d";
}

/// One of the operator's limits is the number 6.
bool clips_at_six(const Graph& graph, const Node& node) {
  if (node.attributes.get_float("max", 0) == 6.0f) return true;
  if (node.inputs.size() < 3) return false;
  const Tensor* limit = graph.constant(node.inputs[2]);
  return limit != nullptr && limit->count() == 1 && limit->to_double() == std::vector<double>{6.0};
}

std::string single_operator_class(const Layer& layer) {
  const Node& node = layer.front();
  const Graph& graph = layer.graph();
  if (const auto& known = single_operator_classes(); known.contains(node.op_type))
    return known.at(node.op_type);
  if (node.op_type == "MaxPool") return "MaxPool" + spatial_suffix(graph, node);
  if (node.op_type == "AveragePool") return "AvgPool" + spatial_suffix(graph, node);
  if (node.op_type == "Clip") return clips_at_six(graph, node) ? "ReLU6" : "Hardtanh";
  if (node.op_type == "Gather" && node.inputs.size() == 2) {
    const Tensor* table = graph.constant(node.inputs[0]);
    if (table != nullptr && table->rank() == 2) return "Embedding";
  }
  return {};
}

std::string composite_class(const Layer& layer) {
  const int products = layer.count("MatMul") + layer.count("Gemm");
  if (layer.count("Softmax") > 0 && layer.count("MatMul") >= 2 && products >= 3) return "MultiheadAttention";
  if (layer.has({"ReduceMean", "Sub", "Sqrt"}) &&
      layer.only({"ReduceMean", "Sub", "Pow", "Mul", "Add", "Sqrt", "Div", "Reciprocal"}))
    return "LayerNorm";
  if (layer.has({"ReduceMean", "Sqrt"}) &&
      layer.only({"ReduceMean", "Pow", "Mul", "Add", "Sqrt", "Div", "Reciprocal"}))
    return "RMSNorm";
  if (layer.has({"InstanceNormalization", "Reshape"}) &&
      layer.only({"InstanceNormalization", "Reshape", "Shape", "Mul", "Add"}))
    return "GroupNorm";
  if (layer.has({"LayerNormalization"}) && layer.only({"LayerNormalization", "Mul", "Add"}))
    return "LayerNorm";
  if (layer.has({"Erf", "Mul"}) && layer.only({"Erf", "Mul", "Div", "Add"})) return "GELU";
  if (layer.has({"Sigmoid", "Mul"}) && layer.only({"Sigmoid", "Mul"})) return "SiLU";
  if (layer.has({"HardSigmoid", "Mul"}) && layer.only({"HardSigmoid", "Mul"})) return "Hardswish";
  if (layer.has({"Softplus", "Tanh", "Mul"}) && layer.only({"Softplus", "Tanh", "Mul"})) return "Mish";
  return {};
}

/// A layer with one weighted operator, and whatever adds its bias, normalises or reshapes around it.
std::string weighted_class(const Layer& layer) {
  const Graph& graph = layer.graph();
  const std::set<std::string, std::less<>> around{
      "BatchNormalization", "Add",  "Mul",           "Reshape", "Pad",  "Transpose", "Squeeze",
      "Unsqueeze",          "Conv", "ConvTranspose", "MatMul",  "Gemm", "BiasAdd"};
  if (!layer.only(around)) return {};
  const int convolutions = layer.count("Conv") + layer.count("ConvTranspose");
  const int products = layer.count("MatMul") + layer.count("Gemm");
  if (convolutions == 1 && products == 0) {
    const Node* transposed = layer.first("ConvTranspose");
    const Node* node = transposed ? transposed : layer.first("Conv");
    return (transposed ? "ConvTranspose" : "Conv") + spatial_suffix(graph, *node);
  }
  if (products == 1 && convolutions == 0 && layer.count("BatchNormalization") == 0) return "Linear";
  if (convolutions + products == 0 && layer.uniform() && layer.count("BatchNormalization") > 0)
    return batch_norm_class(graph, layer.front());
  return {};
}

}  // namespace

std::string infer_layer_class(const Graph& graph, const std::vector<NodeId>& nodes,
                              const std::vector<bool>& constant) {
  const Layer layer(graph, nodes, constant);
  if (layer.size() == 0) return {};
  if (layer.uniform())
    if (std::string name = single_operator_class(layer); !name.empty()) return name;
  if (std::string name = composite_class(layer); !name.empty()) return name;
  return weighted_class(layer);
}

}  // namespace lathe
