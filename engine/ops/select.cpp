// SPDX-License-Identifier: Apache-2.0
// NonZero, Compress and Unique: results whose size depends on the data.
#include <algorithm>
#include <complex>
#include <numeric>

#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

/// Whether a stored pattern is zero, whose sign bit (if it has one) does not count.
template <class T>
bool is_zero(T bits, T sign) {
  return static_cast<T>(bits & static_cast<T>(~sign)) == 0;
}

/// 1 for elements that are not zero, not false and not empty.
std::vector<uint8_t> nonzero_mask(const Tensor& tensor) {
  std::vector<uint8_t> mask;
  mask.reserve(static_cast<size_t>(tensor.count()));
  const auto collect = [&](auto elements, auto zero) {
    for (const auto& element : elements) mask.push_back(zero(element) ? 0 : 1);
  };
  switch (tensor.type()) {
    case ElementType::string:
      for (const std::string& text : tensor.strings()) mask.push_back(text.empty() ? 0 : 1);
      return mask;
    case ElementType::complex64:
      collect(tensor.data<std::complex<float>>(), [](std::complex<float> z) { return z == 0.0f; });
      return mask;
    case ElementType::complex128:
      collect(tensor.data<std::complex<double>>(), [](std::complex<double> z) { return z == 0.0; });
      return mask;
    case ElementType::f8e4m3fn:
    case ElementType::f8e5m2:
      collect(tensor.data<uint8_t>(), [](uint8_t bits) { return is_zero<uint8_t>(bits, 0x80); });
      return mask;
    case ElementType::f4e2m1:
      collect(tensor.data<uint8_t>(), [](uint8_t bits) { return is_zero<uint8_t>(bits, 0xf8); });
      return mask;
    default:
      break;
  }
  const bool has_sign = is_float(tensor.type());
  visit_storage(tensor.type(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>) {
      const T sign = has_sign && sizeof(T) > 1 ? static_cast<T>(T{1} << (sizeof(T) * 8 - 1)) : T{0};
      collect(tensor.data<T>(), [sign](T bits) { return is_zero<T>(bits, sign); });
    }
  });
  return mask;
}

Status infer_nonzero(InferContext& context) {
  const Dims* dims = context.dims(0);
  const Dim rank = dims != nullptr ? Dim(static_cast<int64_t>(dims->size())) : context.unknown_dim();
  const auto elements = dims != nullptr && dims->size() <= 1 ? context.known_ints(0) : std::nullopt;
  const Dim count =
      elements
          ? Dim(static_cast<int64_t>(elements->size()) - std::count(elements->begin(), elements->end(), 0))
          : context.data_dependent_dim("nonzero");
  context.set_tensor(0, ElementType::i64, Dims{rank, count});
  return {};
}

Status run_nonzero(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "X"));
  const std::vector<uint8_t> mask = nonzero_mask(*data);
  const auto count = static_cast<int64_t>(std::count(mask.begin(), mask.end(), 1));
  const auto rank = static_cast<int64_t>(data->rank());
  LATHE_ASSIGN(Tensor * output, context.output(0, ElementType::i64, {rank, count}));
  int64_t* to = output->mutable_data<int64_t>().data();
  Shape at(data->rank(), 0);
  int64_t found = 0;
  for (size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] != 0) {
      for (int64_t axis = 0; axis < rank; ++axis) to[axis * count + found] = at[static_cast<size_t>(axis)];
      ++found;
    }
    for (size_t axis = at.size(); axis-- > 0;) {
      if (++at[axis] < data->dim(axis)) break;
      at[axis] = 0;
    }
  }
  return {};
}

Status infer_compress(InferContext& context) {
  const Dims* dims = context.dims(0);
  const auto condition = context.known_ints(1);
  const auto kept = [&](std::optional<int64_t> size) {
    if (!condition || !size) return context.data_dependent_dim("compress");
    const auto end = condition->begin() + std::min(static_cast<int64_t>(condition->size()), *size);
    return Dim(static_cast<int64_t>(end - condition->begin()) - std::count(condition->begin(), end, 0));
  };
  const auto number = [](const Dim& dim) {
    return dim.known() ? std::optional<int64_t>(dim.value()) : std::nullopt;
  };
  if (!context.attributes().has("axis")) {
    const std::optional<int64_t> size =
        dims != nullptr ? number(size_between(*dims, 0, dims->size())) : std::nullopt;
    context.set_tensor(0, context.element(0), Dims{kept(size)});
    return {};
  }
  if (dims == nullptr) return infer_unknown_shape(context);
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 0), dims->size()));
  Dims out = *dims;
  out[axis] = kept(number((*dims)[axis]));
  context.set_tensor(0, context.element(0), std::move(out));
  return {};
}

Status run_compress(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input"));
  LATHE_TRY(check_rank(context, 1, 1, "condition"));
  const Tensor& condition = context.tensor(1);
  if (condition.type() != ElementType::boolean) return context.type_error(condition.type());
  // Without an axis the elements are those of a flat list.
  size_t axis = 0;
  Shape shape{data->count()};
  if (context.attributes().has("axis")) {
    LATHE_ASSIGN(axis, resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->rank()));
    shape = data->shape();
  }
  const int64_t size = shape[axis], outer = size_between(shape, 0, axis),
                run = size_between(shape, axis + 1, shape.size());
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < condition.count(); ++i) {
    if (!condition.data<bool>()[static_cast<size_t>(i)]) continue;
    if (i >= size) return context.error(bad_index(i, i, axis, size));
    kept.push_back(i * run);
  }
  shape[axis] = static_cast<int64_t>(kept.size());
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), shape));
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    T* to = mutable_stored<T>(*output);
    for (int64_t row = 0; row < outer && run > 0; ++row)
      for (const int64_t offset : kept) {
        copy_run(stored<T>(*data) + row * size * run + offset, to, run);
        to += run;
      }
  });
  return {};
}

Status infer_unique(InferContext& context) {
  const Dim count = context.data_dependent_dim("unique");
  const Dims* dims = context.dims(0);
  Dim inverse = context.unknown_dim();
  if (!context.attributes().has("axis")) {
    context.set_tensor(0, context.element(0), Dims{count});
    if (dims != nullptr) inverse = size_between(*dims, 0, dims->size());
  } else if (dims == nullptr) {
    context.set_tensor(0, context.element(0), std::nullopt);
  } else {
    LATHE_ASSIGN(const size_t axis,
                 resolve_axis(context.node(), context.attributes().get_int("axis", 0), dims->size()));
    Dims out = *dims;
    out[axis] = count;
    inverse = (*dims)[axis];
    context.set_tensor(0, context.element(0), std::move(out));
  }
  context.set_tensor(1, ElementType::i64, Dims{count});
  context.set_tensor(2, ElementType::i64, Dims{inverse});
  context.set_tensor(3, ElementType::i64, Dims{count});
  return {};
}

/// Items that are the same, in the order in which they come out.
struct UniqueItems {
  std::vector<int64_t> first;    ///< first occurrence of each unique item
  std::vector<int64_t> inverse;  ///< unique item of each item
  std::vector<int64_t> counts;
};

/// Item i is the keys at [outer][i][inner] of a key tensor of that shape.
UniqueItems find_unique(const std::vector<uint64_t>& keys, int64_t outer, int64_t size, int64_t inner,
                        bool sorted) {
  const auto key = [&](int64_t item, int64_t k) {
    return keys[static_cast<size_t>((k / inner * size + item) * inner + k % inner)];
  };
  const auto compare = [&](int64_t a, int64_t b) {
    for (int64_t k = 0; k < outer * inner; ++k)
      if (key(a, k) != key(b, k)) return key(a, k) < key(b, k) ? -1 : 1;
    return 0;
  };
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  std::vector<std::pair<int64_t, int64_t>> groups;  // first occurrence, begin in `order`
  for (size_t i = 0; i < order.size(); ++i)
    if (i == 0 || compare(order[i - 1], order[i]) != 0)
      groups.emplace_back(order[i], static_cast<int64_t>(i));
  std::vector<size_t> rank(groups.size());
  std::iota(rank.begin(), rank.end(), size_t{0});
  if (!sorted)
    std::sort(rank.begin(), rank.end(),
              [&](size_t a, size_t b) { return groups[a].first < groups[b].first; });
  UniqueItems unique;
  unique.inverse.resize(order.size());
  for (size_t r = 0; r < rank.size(); ++r) {
    const auto begin = static_cast<size_t>(groups[rank[r]].second);
    const size_t end =
        rank[r] + 1 < groups.size() ? static_cast<size_t>(groups[rank[r] + 1].second) : order.size();
    unique.first.push_back(groups[rank[r]].first);
    unique.counts.push_back(static_cast<int64_t>(end - begin));
    for (size_t i = begin; i < end; ++i)
      unique.inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(r);
  }
  return unique;
}

Status run_unique(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "X"));
  size_t axis = 0;
  Shape shape{data->count()};
  if (context.attributes().has("axis")) {
    LATHE_ASSIGN(axis, resolve_axis(context.node(), context.attributes().get_int("axis", 0), data->rank()));
    shape = data->shape();
  }
  if (data->type() == ElementType::complex64 || data->type() == ElementType::complex128)
    return context.type_error(data->type());
  const int64_t outer = size_between(shape, 0, axis), size = shape[axis],
                inner = size_between(shape, axis + 1, shape.size());
  const UniqueItems unique =
      find_unique(order_keys(*data), outer, size, inner, context.attributes().get_int("sorted", 1) != 0);
  const auto count = static_cast<int64_t>(unique.first.size());
  shape[axis] = count;
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), shape));
  visit_storage(data->type(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t row = 0; row < outer && inner > 0; ++row)
      for (int64_t i = 0; i < count; ++i)
        copy_run(stored<T>(*data) + (row * size + unique.first[static_cast<size_t>(i)]) * inner,
                 mutable_stored<T>(*output) + (row * count + i) * inner, inner);
  });
  const std::vector<int64_t>* lists[] = {&unique.first, &unique.inverse, &unique.counts};
  for (size_t i = 0; i < 3; ++i) {
    if (!context.has_output(i + 1)) continue;
    LATHE_ASSIGN(Tensor * list,
                 context.output(i + 1, ElementType::i64, {static_cast<int64_t>(lists[i]->size())}));
    std::copy(lists[i]->begin(), lists[i]->end(), list->mutable_data<int64_t>().begin());
  }
  return {};
}

}  // namespace

void register_select(OperatorRegistry& registry) {
  registry.add(
      {"", "NonZero", {9, 13}, 1, 1, 1, 1, trait_data_dependent, infer_nonzero, run_nonzero, no_flops});
  registry.add({"",
                "Compress",
                {9, 11, 28},
                2,
                2,
                1,
                1,
                trait_data_dependent,
                infer_compress,
                run_compress,
                no_flops});
  registry.add(
      {"", "Unique", {11, 28}, 1, 1, 1, 4, trait_data_dependent, infer_unique, run_unique, no_flops});
}

}  // namespace lathe
