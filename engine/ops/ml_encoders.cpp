// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's LabelEncoder, CategoryMapper and OneHotEncoder, and the operators on maps, which are refused.
#include <bit>
#include <unordered_map>

#include "engine/base/checked.h"
#include "engine/ops/infer_util.h"
#include "engine/ops/ml_scores.h"

namespace lathe {
namespace {

using namespace ml;

// ---- Looking up elements

/// Bits by which equal keys are found: all NaNs are equal, and so are both zeros.
uint64_t key_of(double value) {
  if (std::isnan(value)) return std::bit_cast<uint64_t>(std::numeric_limits<double>::quiet_NaN());
  return std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
}

/// Positions of keys in a list.
class KeyIndex {
 public:
  /// `last_wins`: where a key is repeated.
  KeyIndex(const Tensor& keys, bool last_wins) : type_(keys.type()) {
    for_each_key(keys, [&](size_t i, const auto& key) {
      const auto [at, added] = map_for(key).emplace(key, i);
      if (!added && last_wins) at->second = i;
    });
  }
  ElementType type() const { return type_; }
  /// Calls body(i, position or nullopt) for every element of a tensor of the keys' type.
  template <class Body>
  void look_up(const Tensor& elements, Body&& body) const {
    for_each_key(elements, [&](size_t i, const auto& key) {
      const auto& map = map_for(key);
      const auto found = map.find(key);
      body(i, found == map.end() ? std::optional<size_t>() : found->second);
    });
  }

 private:
  using Numbers = std::unordered_map<uint64_t, size_t>;
  using Texts = std::unordered_map<std::string, size_t>;
  Numbers& map_for(uint64_t) { return numbers_; }
  Texts& map_for(const std::string&) { return texts_; }
  const Numbers& map_for(uint64_t) const { return numbers_; }
  const Texts& map_for(const std::string&) const { return texts_; }

  template <class Body>
  static void for_each_key(const Tensor& tensor, Body&& body) {
    if (tensor.type() == ElementType::string) {
      for (size_t i = 0; i < tensor.strings().size(); ++i) body(i, tensor.strings()[i]);
    } else if (is_integer(tensor.type())) {
      const Indices numbers(tensor);
      for (int64_t i = 0; i < numbers.count(); ++i)
        body(static_cast<size_t>(i), static_cast<uint64_t>(numbers[i]));
    } else {
      const std::vector<double> numbers = tensor.to_double();
      for (size_t i = 0; i < numbers.size(); ++i) body(i, key_of(numbers[i]));
    }
  }

  ElementType type_;
  Numbers numbers_;
  Texts texts_;
};

Tensor as_tensor(const std::vector<std::string>& list) {
  return Tensor::of_strings({static_cast<int64_t>(list.size())}, list);
}
template <class T>
Tensor as_tensor(const std::vector<T>& list) {
  return Tensor::from<T>({static_cast<int64_t>(list.size())}, std::span<const T>(list));
}

/// What an element becomes: the value at its key's position, or the default (one element of the values'
/// type).
struct Mapping {
  Tensor keys, values, fallback;
};

Status infer_mapping(InferContext& context, const Mapping& mapping) {
  const ElementType type = context.element(0);
  if (type != ElementType::undefined && type != mapping.keys.type())
    return node_error(context.node(), std::string("has an input of type ") + to_string(type) +
                                          " and keys of type " + to_string(mapping.keys.type()));
  set_same_shape(context, 0, mapping.values.type());
  return {};
}

Status run_mapping(RunContext& context, const Mapping& mapping, bool last_wins) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  const KeyIndex index(mapping.keys, last_wins);
  if (x->type() != index.type()) return context.type_error(x->type());
  LATHE_ASSIGN(Tensor * y, context.output(0, mapping.values.type(), x->shape()));
  visit_storage(mapping.values.type(), [&](auto tag) {
    using T = decltype(tag);
    const T *values = stored<T>(mapping.values), *fallback = stored<T>(mapping.fallback);
    T* to = mutable_stored<T>(*y);
    index.look_up(*x, [&](size_t i, std::optional<size_t> at) { to[i] = at ? values[*at] : *fallback; });
  });
  return {};
}

// ---- LabelEncoder

bool is_label_type(ElementType type, int version) {
  if (type == ElementType::string || visit_type<int64_t, float>(type, [](auto) {})) return true;
  return version >= 4 && visit_type<int32_t, int16_t, double>(type, [](auto) {});
}

/// The one list among the attributes `side`_strings, `side`_int64s, `side`_floats and `side`_tensor.
Result<Tensor> label_list(const Node& node, const std::string& side) {
  std::vector<Tensor> found;
  if (const auto* list = node.attributes.get<std::vector<std::string>>(side + "_strings"))
    found.push_back(as_tensor(*list));
  if (const auto* list = node.attributes.get<std::vector<int64_t>>(side + "_int64s"))
    found.push_back(as_tensor(*list));
  if (const auto* list = node.attributes.get<std::vector<float>>(side + "_floats"))
    found.push_back(as_tensor(*list));
  if (const auto* tensor = node.attributes.get<Tensor>(side + "_tensor");
      tensor != nullptr && node.version >= 4)
    found.push_back(*tensor);
  // Some exporters write the lists they do not use as empty ones.
  if (found.size() > 1) std::erase_if(found, [](const Tensor& list) { return list.count() == 0; });
  if (found.size() != 1)
    return node_error(node, "needs one attribute " + side + "_strings, " + side + "_int64s, " + side +
                                "_floats or " + side + "_tensor, not " + std::to_string(found.size()));
  if (!is_label_type(found[0].type(), node.version))
    return node_error(node,
                      "has elements of type " + std::string(to_string(found[0].type())) + " as its " + side);
  return found[0];
}

Result<Tensor> default_label(const Node& node, ElementType type) {
  if (const auto* tensor = node.attributes.get<Tensor>("default_tensor");
      tensor != nullptr && node.version >= 4) {
    if (tensor->type() != type || tensor->count() != 1)
      return node_error(node,
                        std::string("needs one element of type ") + to_string(type) + " in default_tensor");
    return *tensor;
  }
  switch (type) {
    case ElementType::string:
      return Tensor::of_strings({}, {node.attributes.get_string("default_string", "_Unused")});
    case ElementType::i64:
      return Tensor::scalar<int64_t>(node.attributes.get_int("default_int64", -1));
    case ElementType::i32:
      return Tensor::scalar<int32_t>(-1);
    case ElementType::i16:
      return Tensor::scalar<int16_t>(-1);
    case ElementType::f64:
      return Tensor::scalar<double>(-0.0);
    default:
      return Tensor::scalar<float>(node.attributes.get_float("default_float", -0.0F));
  }
}

/// Version 1 numbers a list of strings, and goes from strings to numbers or back by the input's type.
Result<Mapping> numbered_classes(const Node& node, ElementType input) {
  LATHE_ASSIGN(const auto* list, list_attribute<std::vector<std::string>>(node, "classes_strings"));
  if (list == nullptr) return node_error(node, "needs attribute classes_strings");
  std::vector<int64_t> numbers(list->size());
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i);
  Mapping mapping{as_tensor(*list), as_tensor(numbers), {}};
  if (input != ElementType::string) std::swap(mapping.keys, mapping.values);
  LATHE_ASSIGN(mapping.fallback, default_label(node, mapping.values.type()));
  return mapping;
}

Result<Mapping> label_mapping(const Node& node, ElementType input) {
  if (node.version < 2) return numbered_classes(node, input);
  Mapping mapping;
  LATHE_ASSIGN(mapping.keys, label_list(node, "keys"));
  LATHE_ASSIGN(mapping.values, label_list(node, "values"));
  if (mapping.keys.count() != mapping.values.count())
    return node_error(node, "has " + std::to_string(mapping.keys.count()) + " keys, but " +
                                std::to_string(mapping.values.count()) + " values");
  LATHE_ASSIGN(mapping.fallback, default_label(node, mapping.values.type()));
  return mapping;
}

Status infer_label_encoder(InferContext& context) {
  if (context.version() < 2 && context.element(0) == ElementType::undefined) {
    set_same_shape(context, 0, ElementType::undefined);
    return {};
  }
  LATHE_ASSIGN(const Mapping mapping, label_mapping(context.node(), context.element(0)));
  return infer_mapping(context, mapping);
}

Status run_label_encoder(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const Mapping mapping, label_mapping(context.node(), x->type()));
  return run_mapping(context, mapping, context.version() >= 4);
}

// ---- CategoryMapper

Result<Mapping> category_mapping(const Node& node, ElementType input) {
  LATHE_ASSIGN(const auto* texts, list_attribute<std::vector<std::string>>(node, "cats_strings"));
  LATHE_ASSIGN(const auto* numbers, list_attribute<std::vector<int64_t>>(node, "cats_int64s"));
  if (texts == nullptr || numbers == nullptr) return node_error(node, "needs cats_strings and cats_int64s");
  if (texts->size() != numbers->size())
    return length_error(node, "cats_int64s", numbers->size(), texts->size());
  Mapping mapping{as_tensor(*texts), as_tensor(*numbers), {}};
  if (input != ElementType::string) std::swap(mapping.keys, mapping.values);
  LATHE_ASSIGN(mapping.fallback, default_label(node, mapping.values.type()));
  return mapping;
}

Status infer_category_mapper(InferContext& context) {
  if (context.element(0) == ElementType::undefined) {
    set_same_shape(context, 0, ElementType::undefined);
    return {};
  }
  LATHE_ASSIGN(const Mapping mapping, category_mapping(context.node(), context.element(0)));
  return infer_mapping(context, mapping);
}

Status run_category_mapper(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const Mapping mapping, category_mapping(context.node(), x->type()));
  return run_mapping(context, mapping, false);
}

// ---- OneHotEncoder

Result<Tensor> categories(const Node& node) {
  LATHE_ASSIGN(const auto* texts, list_attribute<std::vector<std::string>>(node, "cats_strings"));
  LATHE_ASSIGN(const auto* numbers, list_attribute<std::vector<int64_t>>(node, "cats_int64s"));
  const bool has_texts = texts != nullptr && !texts->empty();
  if (has_texts == (numbers != nullptr && !numbers->empty()))
    return node_error(node, "needs either cats_strings or cats_int64s");
  return has_texts ? as_tensor(*texts) : as_tensor(*numbers);
}

Status infer_one_hot(InferContext& context) {
  LATHE_ASSIGN(const Tensor cats, categories(context.node()));
  std::optional<Dims> dims = dims_or_unknown(context, 0);
  if (dims) dims->emplace_back(cats.count());
  context.set_tensor(0, ElementType::f32, std::move(dims));
  return {};
}

Status run_one_hot(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const Tensor cats, categories(context.node()));
  const KeyIndex index(cats, true);
  if ((x->type() == ElementType::string) != (index.type() == ElementType::string) ||
      (x->type() != ElementType::string && !is_feature_type(x->type())))
    return context.type_error(x->type());
  Tensor numbers = *x;
  if (x->type() != ElementType::string && x->type() != ElementType::i64) {
    LATHE_ASSIGN(numbers, Tensor::allocate(ElementType::i64, x->shape()));
    // Towards zero, as a cast; what no int64 can hold is no category.
    const Operand<double> from(*x);
    for (int64_t i = 0; i < x->count(); ++i) {
      const bool fits = std::fabs(from[i]) < 0x1p63;
      numbers.mutable_data<int64_t>()[static_cast<size_t>(i)] =
          fits ? static_cast<int64_t>(from[i]) : std::numeric_limits<int64_t>::min();
    }
  }
  Shape shape = x->shape();
  shape.push_back(cats.count());
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::f32, std::move(shape)));
  const auto out = y->mutable_data<float>();
  std::fill(out.begin(), out.end(), 0.0F);
  std::optional<size_t> unknown;
  index.look_up(numbers, [&](size_t i, std::optional<size_t> at) {
    if (at)
      out[i * static_cast<size_t>(cats.count()) + *at] = 1;
    else
      unknown = i;
  });
  if (unknown && context.attributes().get_int("zeros", 1) == 0)
    return context.error("has an input whose element " + std::to_string(*unknown) +
                         " is none of its categories");
  return {};
}

// ---- Operators on maps

TypeInfo map_type() {
  TypeInfo type;
  type.kind = TypeInfo::Kind::map;
  return type;
}

Status infer_zip_map(InferContext& context) {
  LATHE_ASSIGN(const ClassLabels labels,
               ClassLabels::read(context.node(), "classlabels_int64s", "classlabels_strings"));
  if (context.dims(0) != nullptr && !context.dims(0)->empty()) {
    LATHE_ASSIGN(const Dim rows, infer_rows(context));
    LATHE_TRY(check_features(context, static_cast<int64_t>(labels.size())));
  }
  context.set_output(0, TypeInfo::sequence_of(map_type()));
  return {};
}

Status run_zip_map(RunContext& context) {
  Error error =
      unsupported(context.error("").where, "gives a sequence of maps, which this build cannot hold");
  error.hint("remove the ZipMap node: its input is the tensor of the same numbers, a column for each class");
  return error;
}

Status infer_dict_vectorizer(InferContext& context) {
  const Node& node = context.node();
  const auto* texts = node.attributes.get<std::vector<std::string>>("string_vocabulary");
  const auto* numbers = node.attributes.get<std::vector<int64_t>>("int64_vocabulary");
  if ((texts == nullptr) == (numbers == nullptr))
    return node_error(node, "needs either string_vocabulary or int64_vocabulary");
  const size_t length = texts != nullptr ? texts->size() : numbers->size();
  context.set_tensor(0, ElementType::undefined, Dims{Dim(1), Dim(static_cast<int64_t>(length))});
  return {};
}

Status infer_cast_map(InferContext& context) {
  const Node& node = context.node();
  const std::string form = node.attributes.get_string("map_form", "DENSE"),
                    type = node.attributes.get_string("cast_to", "TO_FLOAT");
  if (form != "DENSE" && form != "SPARSE") return node_error(node, "has an unknown map_form '" + form + "'");
  if (type != "TO_FLOAT" && type != "TO_INT64" && type != "TO_STRING")
    return node_error(node, "has an unknown cast_to '" + type + "'");
  const Dim length = form == "SPARSE" ? Dim(node.attributes.get_int("max_map", 1)) : context.unknown_dim();
  context.set_tensor(0,
                     type == "TO_FLOAT"   ? ElementType::f32
                     : type == "TO_INT64" ? ElementType::i64
                                          : ElementType::string,
                     Dims{Dim(1), length});
  return {};
}

Status refuse_map(RunContext& context) {
  Error error = unsupported(context.error("").where, "needs a map as input, which this build cannot hold");
  error.hint("export the model with tensors as inputs, without the node");
  return error;
}

}  // namespace

void register_ml_encoders(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, Status (*infer)(InferContext&),
                       Status (*run)(RunContext&)) {
    registry.add({ml::domain, name, std::move(versions), 1, 1, 1, 1, trait_none, infer, run, no_flops});
  };
  add("LabelEncoder", {1, 2, 4}, infer_label_encoder, run_label_encoder);
  add("CategoryMapper", {1}, infer_category_mapper, run_category_mapper);
  add("OneHotEncoder", {1}, infer_one_hot, run_one_hot);
  add("ZipMap", {1}, infer_zip_map, run_zip_map);
  add("DictVectorizer", {1}, infer_dict_vectorizer, refuse_map);
  add("CastMap", {1}, infer_cast_map, refuse_map);
}

}  // namespace lathe
