// SPDX-License-Identifier: Apache-2.0
// StringNormalizer, RegexFullMatch, StringConcat and StringSplit.
#include <algorithm>
#include <unordered_set>

#include "engine/base/checked.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/letter_case.h"
#include "engine/ops/regex.h"

namespace lathe {
namespace {

Result<const Tensor*> string_input(const RunContext& context, size_t i, const char* name) {
  LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, i, name));
  if (tensor->type() != ElementType::string) return context.type_error(tensor->type());
  return tensor;
}

// ---- StringNormalizer

Status infer_normalizer(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    context.set_tensor(0, ElementType::string, std::nullopt);
    return {};
  }
  if (dims->size() != 1 && !(dims->size() == 2 && (!dims->front().known() || dims->front().is(1))))
    return node_error(context.node(), "needs a shape of C or 1xC, not " + to_string(*dims));
  const bool drops = context.attributes().has("stopwords");
  Dims out = *dims;
  out.back() = drops ? context.data_dependent_dim("words") : dim_max(out.back(), 1);
  context.set_tensor(0, ElementType::string, std::move(out));
  return {};
}

Status run_normalizer(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, string_input(context, 0, "X"));
  if (x->rank() != 1 && !(x->rank() == 2 && x->dim(0) == 1))
    return context.error("needs a shape of C or 1xC, not " + to_string(x->shape()));
  const std::string action = context.attributes().get_string("case_change_action", "NONE");
  if (action != "NONE" && action != "LOWER" && action != "UPPER")
    return context.error("has an unknown case_change_action '" + action + "'");
  const bool exact = context.attributes().get_int("is_case_sensitive", 0) != 0;
  const auto key = [exact](const std::string& word) { return exact ? word : map_letters(word, to_lower); };
  std::unordered_set<std::string> stop_words;
  if (const auto* words = context.attributes().get<std::vector<std::string>>("stopwords"))
    for (const std::string& word : *words) stop_words.insert(key(word));
  std::vector<std::string> kept;
  for (const std::string& word : x->strings())
    if (stop_words.empty() || !stop_words.contains(key(word)))
      kept.push_back(action == "NONE" ? word : map_letters(word, action == "LOWER" ? to_lower : to_upper));
  if (kept.empty()) kept.emplace_back();  // the specification's empty value
  Shape shape = x->shape();
  shape.back() = static_cast<int64_t>(kept.size());
  context.set_output(0, RuntimeValue(Tensor::of_strings(std::move(shape), std::move(kept))));
  return {};
}

// ---- RegexFullMatch, StringConcat

Status run_full_match(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, string_input(context, 0, "X"));
  LATHE_ASSIGN(const Regex regex,
               Regex::compile(context.attributes().get_string("pattern", ""), context.error("").where));
  LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::boolean, x->shape()));
  bool* to = out->mutable_data<bool>().data();
  for (const std::string& text : x->strings()) *to++ = regex.matches(text);
  return {};
}

Status infer_concat(InferContext& context) {
  LATHE_ASSIGN(std::optional<Dims> dims, broadcast_inputs(context));
  context.set_tensor(0, ElementType::string, std::move(dims));
  return {};
}

Status run_concat(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, string_input(context, 0, "X"));
  LATHE_ASSIGN(const Tensor* y, string_input(context, 1, "Y"));
  LATHE_ASSIGN(const BroadcastPair pair, broadcast_pair(context, x->shape(), y->shape()));
  LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::string, pair.output));
  const BroadcastLoop loop(pair.output, std::array{x->shape(), pair.b});
  binary_loop(loop, x->strings().data(), y->strings().data(), out->mutable_strings().data(),
              [](const std::string& a, const std::string& b) { return a + b; });
  return {};
}

// ---- StringSplit

using Parts = std::vector<std::string>;

/// Parts between delimiters; after `limit` splits the rest is the last part.
Parts split_at_delimiter(const std::string& text, const std::string& delimiter, int64_t limit) {
  Parts parts;
  size_t start = 0;
  for (size_t end;
       static_cast<int64_t>(parts.size()) < limit && (end = text.find(delimiter, start)) != std::string::npos;
       start = end + delimiter.size())
    parts.push_back(text.substr(start, end - start));
  parts.push_back(text.substr(start));
  return parts;
}

/// Words between runs of white space; the rest after `limit` splits keeps the space at its end.
Parts split_at_space(const std::string& text, int64_t limit) {
  constexpr const char* space = " \t\n\v\f\r";
  Parts parts;
  for (size_t start = text.find_first_not_of(space); start != std::string::npos;) {
    const size_t end =
        static_cast<int64_t>(parts.size()) < limit ? text.find_first_of(space, start) : std::string::npos;
    parts.push_back(text.substr(start, end - start));
    start = end == std::string::npos ? end : text.find_first_not_of(space, end);
  }
  return parts;
}

Status infer_split(InferContext& context) {
  std::optional<Dims> dims = dims_or_unknown(context, 0);
  context.set_tensor(1, ElementType::i64, dims);
  if (dims) dims->push_back(context.data_dependent_dim("parts"));
  context.set_tensor(0, ElementType::string, std::move(dims));
  return {};
}

Status run_split(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, string_input(context, 0, "X"));
  const std::string delimiter = context.attributes().get_string("delimiter", "");
  int64_t limit = context.attributes().get_int("maxsplit", -1);
  if (limit < 0) limit = INT64_MAX;
  std::vector<Parts> split;
  size_t longest = 0;
  for (const std::string& text : x->strings()) {
    split.push_back(delimiter.empty() ? split_at_space(text, limit)
                                      : split_at_delimiter(text, delimiter, limit));
    longest = std::max(longest, split.back().size());
  }
  Shape shape = x->shape();
  shape.push_back(static_cast<int64_t>(longest));
  LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::string, shape));
  for (size_t i = 0; i < split.size(); ++i) {
    const auto row = out->mutable_strings().begin() + static_cast<std::ptrdiff_t>(i * longest);
    std::fill(std::copy(split[i].begin(), split[i].end(), row), row + static_cast<std::ptrdiff_t>(longest),
              std::string());
  }
  if (!context.has_output(1)) return {};
  LATHE_ASSIGN(Tensor * counts, context.output(1, ElementType::i64, x->shape()));
  int64_t* to = counts->mutable_data<int64_t>().data();
  for (const Parts& parts : split) *to++ = static_cast<int64_t>(parts.size());
  return {};
}

}  // namespace

void register_text(OperatorRegistry& registry) {
  registry.add({"",
                "StringNormalizer",
                {10},
                1,
                1,
                1,
                1,
                trait_data_dependent,
                infer_normalizer,
                run_normalizer,
                no_flops});
  registry.add(
      {"", "RegexFullMatch", {20}, 1, 1, 1, 1, trait_none, infer_same_bool, run_full_match, no_flops});
  registry.add({"", "StringConcat", {20}, 2, 2, 1, 1, trait_none, infer_concat, run_concat, no_flops});
  registry.add({"", "StringSplit", {20}, 1, 1, 1, 2, trait_data_dependent, infer_split, run_split, no_flops});
}

}  // namespace lathe
