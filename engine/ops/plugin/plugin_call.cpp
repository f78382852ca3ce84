// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/plugin/plugin_call.h"

#include <algorithm>
#include <atomic>

#include "engine/ops/plugin/load_plugin.h"

namespace lathe {
namespace {

std::atomic<int> plugin_threads{1};

const Node& node_of(const LathePluginNode* node) {
  return *reinterpret_cast<const Node*>(node);
}

template <class T, class Out>
int get_list(const LathePluginNode* node, const char* name, const Out** values, size_t* count) {
  const auto* list = node_of(node).attributes.get<T>(name);
  if (list == nullptr) return 0;
  *values = list->data();
  *count = list->size();
  return 1;
}

template <class T>
int get_one(const LathePluginNode* node, const char* name, T* value) {
  const T* found = node_of(node).attributes.get<T>(name);
  if (found != nullptr) *value = *found;
  return found != nullptr ? 1 : 0;
}

int get_string(const LathePluginNode* node, const char* name, const char** text, size_t* length) {
  const auto* found = node_of(node).attributes.get<std::string>(name);
  if (found == nullptr) return 0;
  *text = found->c_str();
  *length = found->size();
  return 1;
}

constexpr LathePluginHost host = {
    LATHE_PLUGIN_ABI_VERSION,
    [](const LathePluginNode* node) { return node_of(node).name.c_str(); },
    get_one<int64_t>,
    get_one<float>,
    get_string,
    get_list<std::vector<int64_t>, int64_t>,
    get_list<std::vector<float>, float>,
};

}  // namespace

void set_plugin_threads(int threads) {
  plugin_threads = threads;
}

PluginCall::PluginCall(const Node& node, const PluginOperator& op, size_t inputs)
    : node_(node), op_(op), inputs_(inputs) {
  call_.host = &host;
  call_.node = reinterpret_cast<const LathePluginNode*>(&node);
  call_.output_count = static_cast<uint32_t>(node.outputs.size());
  call_.threads = static_cast<uint32_t>(std::max(1, plugin_threads.load()));
  call_.message = message_.data();
  call_.message_size = message_.size();
  dims_.resize(inputs);
  types_.resize(node.outputs.size());
}

void PluginCall::set_input(size_t i, ElementType type, std::optional<std::vector<int64_t>> dims,
                           const void* data) {
  const bool ranked = dims.has_value();
  dims_[i] = std::move(dims).value_or(std::vector<int64_t>());
  inputs_[i] = {static_cast<int32_t>(type),
                ranked ? static_cast<int32_t>(dims_[i].size()) : LATHE_PLUGIN_UNKNOWN, dims_[i].data(), data};
}

template <class Function>
Status PluginCall::enter(const char* what, Function&& function) {
  call_.inputs = inputs_.data();
  call_.input_count = static_cast<uint32_t>(inputs_.size());
  message_.fill('\0');
  int code = 0;
  try {
    code = function();
  } catch (const std::exception& exception) {
    return error(std::string(what) + " threw an exception: " + exception.what());
  } catch (...) {
    return error(std::string(what) + " threw an exception");
  }
  if (code == 0) return {};
  message_.back() = '\0';
  const std::string said = message_.data();
  return error(said.empty() ? std::string(what) + " failed with code " + std::to_string(code) : said);
}

Status PluginCall::infer() {
  return enter("infer", [&] { return op_.table->infer(&call_, types_.data()); });
}

Status PluginCall::compute(const std::vector<LathePluginOutput>& outputs) {
  return enter("compute", [&] { return op_.table->compute(&call_, outputs.data()); });
}

Error PluginCall::error(const std::string& what) const {
  return bad_input("node '" + node_.name + "' (" + node_.qualified_type() + " of " + op_.file + ")", what);
}

Status PluginCall::check_type(size_t i) const {
  const LathePluginType& type = types_[i];
  const std::string output = "output " + std::to_string(i);
  const auto element = element_type_from_onnx(type.element_type);
  if (!element || *element == ElementType::undefined || *element == ElementType::string)
    return error("infer gave " + output + " the element type " + std::to_string(type.element_type) +
                 ", which is none a plugin can have");
  if (type.rank < 0 || type.rank > LATHE_PLUGIN_MAX_RANK)
    return error("infer gave " + output + " the rank " + std::to_string(type.rank));
  for (int32_t axis = 0; axis < type.rank; ++axis) {
    const int64_t size = type.dims[axis];
    if (size >= LATHE_PLUGIN_UNKNOWN) continue;
    const uint64_t place = ~static_cast<uint64_t>(size) - 1;  // -2 is place 0
    const uint64_t input = place / LATHE_PLUGIN_MAX_RANK;
    const auto from = static_cast<int32_t>(place % LATHE_PLUGIN_MAX_RANK);
    if (input >= inputs_.size() || (inputs_[input].rank >= 0 && from >= inputs_[input].rank))
      return error("infer gave axis " + std::to_string(axis) + " of " + output + " the size " +
                   std::to_string(size) + ", which is no size");
  }
  return {};
}

PluginCall::SizeSource PluginCall::source_of(int64_t size) {
  const auto place = static_cast<size_t>(-2 - size);
  return {place / LATHE_PLUGIN_MAX_RANK, place % LATHE_PLUGIN_MAX_RANK};
}

Shape PluginCall::concrete_shape(size_t i) const {
  Shape shape;
  for (int32_t axis = 0; axis < types_[i].rank; ++axis) {
    int64_t size = types_[i].dims[axis];
    if (size < LATHE_PLUGIN_UNKNOWN) size = inputs_[source_of(size).input].dims[source_of(size).axis];
    shape.push_back(size);
  }
  return shape;
}

}  // namespace lathe
