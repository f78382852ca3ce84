// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/operator_case.h"

#include <cmath>
#include <cstring>
#include <fstream>

#include "engine/formats/onnx/onnx.h"
#include "engine/tensor/npz.h"

namespace lathe::test {
namespace {

std::filesystem::path data_folder() {
  return std::filesystem::path(LATHE_SOURCE_DIR) / "tests/ops/data";
}

/// What the arithmetic of a type allows; integers, strings, bools and the narrow types must be the same.
Tolerance by_type(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return {1e-12, 1e-9};
    case ElementType::f32:
      return {1e-6, 1e-5};
    case ElementType::f16:  // two units in the last place
      return {1e-5, 2e-3};
    case ElementType::bf16:
      return {1e-4, 1.6e-2};
    default:
      return {0, 0};
  }
}

const Tensor* find_constant(const Graph& values, const std::string& name) {
  const auto id = values.find_value(name);
  return id ? values.constant(*id) : nullptr;
}

/// What the file says `value` is; an empty optional or sequence when there is nothing of that name.
RuntimeValue read_value(const Graph& values, const Value& value) {
  if (const Tensor* tensor = find_constant(values, value.name)) return *tensor;
  std::vector<RuntimeValue> items;
  while (const Tensor* item = find_constant(values, value.name + "." + std::to_string(items.size())))
    items.emplace_back(*item);
  if (items.empty() && value.type.kind == TypeInfo::Kind::optional) return RuntimeValue::empty_optional();
  return RuntimeValue::of_sequence(std::move(items));
}

Result<std::shared_ptr<Model>> read_model(const NamedTensors& arrays, const std::string& key) {
  const auto found = arrays.find(key);
  if (found == arrays.end()) return bad_input("the file of cases", "has no '" + key + "'");
  return import_onnx(std::span(found->second.raw(), found->second.bytes()), key);
}

std::string difference(const Tensor& got, const Tensor& want, const Tolerance& stated) {
  if (got.type() != want.type())
    return std::string("type ") + to_string(got.type()) + ", expected " + to_string(want.type());
  if (got.shape() != want.shape())
    return "shape " + to_string(got.shape()) + ", expected " + to_string(want.shape());
  if (got.type() == ElementType::string) return got.strings() == want.strings() ? "" : "strings differ";
  const Tolerance tolerance = stated.absolute < 0 ? by_type(got.type()) : stated;
  const std::vector<double> a = got.to_double(), b = want.to_double();
  if (a.size() != static_cast<size_t>(got.count()))
    return std::memcmp(got.raw(), want.raw(), got.bytes()) == 0 ? "" : "bits differ";
  for (size_t i = 0; i < a.size(); ++i) {
    const bool alike =
        std::isnan(a[i]) || std::isnan(b[i]) ? std::isnan(a[i]) && std::isnan(b[i])
        : std::isinf(a[i]) || std::isinf(b[i])
            ? a[i] == b[i]
            : std::fabs(a[i] - b[i]) <= tolerance.absolute + tolerance.relative * std::fabs(b[i]);
    if (!alike)
      return "element " + std::to_string(i) + " of " + to_string(got.shape()) + " is " +
             std::to_string(a[i]) + ", expected " + std::to_string(b[i]);
  }
  return "";
}

}  // namespace

std::string CaseName::as_test() const {
  constexpr std::string_view contrib = "com.microsoft.";
  return (op.starts_with(contrib) ? "Ms" + op.substr(contrib.size()) : op) + "_" + name;
}

std::vector<CaseName> case_names() {
  std::vector<CaseName> names;
  std::ifstream in(data_folder() / "cases.txt");
  for (CaseName name; in >> name.op >> name.name;) names.push_back(name);
  return names;
}

Result<OperatorCase> load_case(const CaseName& name) {
  LATHE_ASSIGN(const NamedTensors arrays, read_npz(data_folder() / (name.op + ".npz")));
  OperatorCase out;
  LATHE_ASSIGN(out.model, read_model(arrays, name.name + ".model"));
  LATHE_ASSIGN(const auto values, read_model(arrays, name.name + ".values"));
  const Graph& graph = out.model->graph;
  for (const ValueId id : graph.inputs())
    out.inputs[graph.value(id).name] = read_value(values->graph, graph.value(id));
  for (const ValueId id : graph.outputs())
    out.outputs[graph.value(id).name] = read_value(values->graph, graph.value(id));
  out.tolerance = {-1, -1};
  if (const auto stated = arrays.find(name.name + ".tolerance"); stated != arrays.end())
    out.tolerance = {stated->second.data<double>()[0], stated->second.data<double>()[1]};
  return out;
}

std::string difference(const RuntimeValue& got, const RuntimeValue& want, const Tolerance& stated) {
  if (got.kind != want.kind) return "another kind of value";
  if (want.is_tensor()) return difference(got.tensor, want.tensor, stated);
  if (want.kind != RuntimeValue::Kind::sequence) return "";
  if (got.sequence->size() != want.sequence->size())
    return std::to_string(got.sequence->size()) + " items, expected " + std::to_string(want.sequence->size());
  for (size_t i = 0; i < want.sequence->size(); ++i) {
    const std::string inner = difference((*got.sequence)[i], (*want.sequence)[i], stated);
    if (!inner.empty()) return "item " + std::to_string(i) + ": " + inner;
  }
  return "";
}

}  // namespace lathe::test
