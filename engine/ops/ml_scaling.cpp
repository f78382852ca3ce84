// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's Scaler, Normalizer, Binarizer, Imputer, ArrayFeatureExtractor and FeatureVectorizer.
#include "engine/ops/infer_util.h"
#include "engine/ops/ml_scores.h"

namespace lathe {
namespace {

using namespace ml;

Result<const Tensor*> feature_input(const RunContext& context, size_t i = 0) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, i, "X"));
  if (!is_feature_type(x->type())) return context.type_error(x->type());
  return x;
}

Status infer_floats(InferContext& context) {
  set_same_shape(context, 0, ElementType::f32);
  return {};
}

/// Error unless a list for the features of a tensor of `shape` has one element or one for each.
Status check_per_feature(const RunContext& context, const char* name, size_t length, const Shape& shape) {
  const auto features = shape.empty() ? size_t{1} : static_cast<size_t>(shape.back());
  return length == 1 || length == features ? Status()
                                           : Status(length_error(context.node(), name, length, features));
}

// ---- Scaler, Normalizer, Binarizer

Status run_scaler(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, feature_input(context));
  LATHE_ASSIGN(std::vector<double> scale, number_attribute(context.node(), "scale"));
  LATHE_ASSIGN(std::vector<double> offset, number_attribute(context.node(), "offset"));
  if (scale.empty()) scale = {1};
  if (offset.empty()) offset = {0};
  LATHE_TRY(check_per_feature(context, "scale", scale.size(), x->shape()));
  LATHE_TRY(check_per_feature(context, "offset", offset.size(), x->shape()));
  const Operand<double> from(*x);
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::f32, x->shape()));
  const auto to = y->mutable_data<float>();
  for (size_t i = 0; i < to.size(); ++i)
    to[i] = static_cast<float>((from.data()[i] - offset[i % offset.size()]) * scale[i % scale.size()]);
  return {};
}

/// What a row is divided by; 0 leaves it as it is.
double divisor_of(const std::string& norm, const double* row, int64_t count) {
  double sum = 0;
  if (norm == "MAX") return count > 0 ? *std::max_element(row, row + count) : 0;
  for (int64_t i = 0; i < count; ++i) sum += norm == "L1" ? std::fabs(row[i]) : row[i] * row[i];
  return norm == "L1" ? sum : std::sqrt(sum);
}

Status infer_normalizer(InferContext& context) {
  LATHE_TRY(infer_rows(context));
  return infer_floats(context);
}

Status run_normalizer(RunContext& context) {
  LATHE_ASSIGN(const Rows rows, row_input(context));
  const std::string norm = context.attributes().get_string("norm", "MAX");
  if (norm != "MAX" && norm != "L1" && norm != "L2")
    return context.error("has an unknown norm '" + norm + "'");
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::f32, context.tensor(0).shape()));
  float* to = y->mutable_data<float>().data();
  for (int64_t r = 0; r < rows.count; ++r) {
    const double divisor = divisor_of(norm, rows.row(r), rows.features);
    for (int64_t i = 0; i < rows.features; ++i)
      *to++ = static_cast<float>(divisor == 0 ? rows.row(r)[i] : rows.row(r)[i] / divisor);
  }
  return {};
}

Status run_binarizer(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, feature_input(context));
  const double threshold = context.attributes().get_float("threshold", 0);
  const Operand<double> from(*x);
  LATHE_ASSIGN(OutputBuffer<double> y, OutputBuffer<double>::make(context, 0, x->type(), x->shape()));
  for (int64_t i = 0; i < y.count(); ++i) y[i] = from[i] > threshold ? 1 : 0;
  y.finish();
  return {};
}

// ---- Imputer

template <class T, class Number>
Status impute(RunContext& context, const Tensor& x, const char* name, const std::vector<Number>& values,
              Number replaced) {
  if (values.empty()) return context.error(std::string("needs attribute ") + name);
  LATHE_TRY(check_per_feature(context, name, values.size(), x.shape()));
  if constexpr (std::is_same_v<T, int32_t>)
    for (const Number value : values)
      if (value != static_cast<int32_t>(value))
        return context.error("has " + std::to_string(value) + " in attribute " + name +
                             ", too large for i32");
  LATHE_ASSIGN(Tensor * y, context.output(0, x.type(), x.shape()));
  const auto from = x.data<T>();
  const auto to = y->mutable_data<T>();
  for (size_t i = 0; i < to.size(); ++i) {
    bool missing = static_cast<Number>(from[i]) == replaced;
    if constexpr (std::is_floating_point_v<T>)
      missing = std::isnan(replaced) ? std::isnan(from[i]) : from[i] == static_cast<T>(replaced);
    to[i] = missing ? static_cast<T>(values[i % values.size()]) : from[i];
  }
  return {};
}

Status run_imputer(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, feature_input(context));
  const Attributes& attributes = context.attributes();
  const auto floats = [&](auto tag) {
    return impute<decltype(tag), float>(context, *x, "imputed_value_floats",
                                        attributes.get_floats("imputed_value_floats"),
                                        attributes.get_float("replaced_value_float", 0));
  };
  const auto integers = [&](auto tag) {
    return impute<decltype(tag), int64_t>(context, *x, "imputed_value_int64s",
                                          attributes.get_ints("imputed_value_int64s"),
                                          attributes.get_int("replaced_value_int64", 0));
  };
  switch (x->type()) {
    case ElementType::f32:
      return floats(float{});
    case ElementType::f64:
      return floats(double{});
    case ElementType::i32:
      return integers(int32_t{});
    default:
      return integers(int64_t{});
  }
}

// ---- ArrayFeatureExtractor

Status infer_extractor(InferContext& context) {
  const Dims *x = context.dims(0), *indices = context.dims(1);
  if (x == nullptr) return infer_unknown_shape(context);
  if (x->empty()) return node_error(context.node(), "cannot extract features of a scalar");
  Dims out = x->size() == 1 ? Dims{Dim(1), Dim(1)} : *x;
  out.back() = indices != nullptr ? size_between(*indices, 0, indices->size()) : context.unknown_dim();
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

Status run_extractor(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const std::vector<int64_t> indices, int_input(context, 1, "Y"));
  if (x->rank() == 0) return context.error("cannot extract features of a scalar");
  const int64_t features = x->shape().back(), count = static_cast<int64_t>(indices.size());
  for (int64_t i = 0; i < count; ++i)
    if (const int64_t index = indices[static_cast<size_t>(i)]; index < 0 || index >= features)
      return context.error("input Y: " + bad_index(index, i, x->rank() - 1, features));
  Shape shape = x->rank() == 1 ? Shape{1, 1} : x->shape();
  shape.back() = count;
  if (!checked_element_count(shape)) return context.error("has a result that is too large");
  LATHE_ASSIGN(Tensor * y, context.output(0, x->type(), shape));
  const int64_t rows = size_between(x->shape(), 0, x->rank() - 1);
  visit_storage(x->type(), [&](auto tag) {
    using T = decltype(tag);
    const T* from = stored<T>(*x);
    T* to = mutable_stored<T>(*y);
    for (int64_t r = 0; r < rows; ++r)
      for (const int64_t index : indices) *to++ = from[r * features + index];
  });
  return {};
}

// ---- FeatureVectorizer

/// Columns that input i takes in the output: its own, cut or filled up with zeros to `inputdimensions`.
Result<std::vector<int64_t>> stated_widths(const Node& node) {
  std::vector<int64_t> widths = node.attributes.get_ints("inputdimensions");
  if (!widths.empty() && widths.size() != node.inputs.size())
    return length_error(node, "inputdimensions", widths.size(), node.inputs.size());
  constexpr int64_t limit = int64_t{1} << 24;
  for (const int64_t width : widths)
    if (width < 0 || width > limit)
      return node_error(node, "has " + std::to_string(width) + " in attribute inputdimensions");
  return widths;
}

Status infer_vectorizer(InferContext& context) {
  LATHE_ASSIGN(const std::vector<int64_t> widths, stated_widths(context.node()));
  std::optional<Dim> rows;
  Dim total(0);
  for (size_t i = 0; i < context.input_count(); ++i) {
    const Dims* dims = context.dims(i);
    if (dims != nullptr && dims->size() != 1 && dims->size() != 2)
      return node_error(context.node(), "needs inputs of shape C or NxC, not " + to_string(*dims));
    if (dims != nullptr && !rows) rows = dims->size() == 1 ? Dim(1) : dims->front();
    if (!widths.empty())
      total = total + Dim(widths[i]);
    else
      total = total + (dims != nullptr ? dims->back() : context.unknown_dim());
  }
  context.set_tensor(0, ElementType::f32, Dims{rows ? *rows : context.unknown_dim(), total});
  return {};
}

Status run_vectorizer(RunContext& context) {
  LATHE_ASSIGN(std::vector<int64_t> widths, stated_widths(context.node()));
  const bool stated = !widths.empty();
  std::optional<int64_t> rows;
  int64_t total = 0;
  for (size_t i = 0; i < context.input_count(); ++i) {
    LATHE_ASSIGN(const Tensor* x, feature_input(context, i));
    if (x->rank() != 1 && x->rank() != 2)
      return context.error("needs inputs of shape C or NxC, not " + to_string(x->shape()));
    const int64_t count = x->rank() == 1 ? 1 : x->dim(0);
    if (rows && *rows != count)
      return context.error("has inputs of " + std::to_string(*rows) + " and " + std::to_string(count) +
                           " rows");
    rows = count;
    if (!stated) widths.push_back(x->shape().back());
    total += widths[i];
  }
  if (!rows) return context.error("needs an input");
  const Shape shape{*rows, total};
  if (!checked_element_count(shape)) return context.error("has a result that is too large");
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::f32, shape));
  fill_zero(*y);
  float* column = y->mutable_data<float>().data();
  for (size_t i = 0; i < widths.size(); column += widths[i++]) {
    const Operand<float> from(context.tensor(i));
    const int64_t features = context.tensor(i).shape().back();
    for (int64_t r = 0; r < *rows; ++r)
      std::copy_n(from.data() + r * features, std::min(features, widths[i]), column + r * total);
  }
  return {};
}

}  // namespace

void register_ml_scaling(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, int inputs, uint32_t traits, Status (*infer)(InferContext&),
                       Status (*run)(RunContext&)) {
    registry.add({ml::domain, name, {1}, std::max(inputs, 1), inputs, 1, 1, traits, infer, run, nullptr});
  };
  add("Scaler", 1, trait_none, infer_floats, run_scaler);
  add("Normalizer", 1, trait_none, infer_normalizer, run_normalizer);
  add("Binarizer", 1, trait_elementwise, infer_same, run_binarizer);
  add("Imputer", 1, trait_none, infer_same, run_imputer);
  add("ArrayFeatureExtractor", 2, trait_none, infer_extractor, run_extractor);
  add("FeatureVectorizer", -1, trait_none, infer_vectorizer, run_vectorizer);
}

}  // namespace lathe
