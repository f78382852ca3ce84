// SPDX-License-Identifier: Apache-2.0
// TfIdfVectorizer: counts the n-grams of a pool in rows of tokens.
#include <algorithm>
#include <unordered_map>

#include "engine/ops/elementwise.h"

namespace lathe {
namespace {

/// The n-grams of the pool by their tokens. T: int64_t or std::string.
template <class T>
class GramTree {
 public:
  static constexpr int64_t none = -1;
  struct Branch {
    std::unordered_map<T, size_t> next;
    int64_t gram = none;  ///< number of the n-gram that ends here
  };

  void add(std::span<const T> tokens, int64_t gram) {
    size_t at = 0;
    for (const T& token : tokens) {
      const auto [found, added] = branches_[at].next.try_emplace(token, branches_.size());
      at = found->second;
      if (added) branches_.emplace_back();
    }
    branches_[at].gram = gram;
  }
  const Branch& root() const { return branches_.front(); }
  /// Null where no n-gram goes on with this token.
  const Branch* step(const Branch& from, const T& token) const {
    const auto found = from.next.find(token);
    return found == from.next.end() ? nullptr : &branches_[found->second];
  }

 private:
  std::vector<Branch> branches_{1};
};

struct Settings {
  enum class Mode { tf, idf, tf_idf } mode = Mode::tf;
  int64_t shortest = 1, longest = 1, max_skip = 0;
  std::vector<int64_t> columns;  ///< of each n-gram of the pool
  std::vector<float> weights;    ///< of each column; empty: 1
  int64_t width = 0;             ///< columns of the output
};

Result<Settings> settings_of(const Node& node) {
  Settings settings;
  const std::string mode = node.attributes.get_string("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return node_error(node, "has an unknown mode '" + mode + "'");
  settings.mode = mode == "TF"    ? Settings::Mode::tf
                  : mode == "IDF" ? Settings::Mode::idf
                                  : Settings::Mode::tf_idf;
  settings.shortest = node.attributes.get_int("min_gram_length", 1);
  settings.longest = node.attributes.get_int("max_gram_length", 1);
  settings.max_skip = node.attributes.get_int("max_skip_count", 0);
  if (settings.shortest < 1 || settings.longest < settings.shortest || settings.max_skip < 0)
    return node_error(node, "has n-gram lengths or skips out of range");
  settings.columns = node.attributes.get_ints("ngram_indexes");
  for (const int64_t column : settings.columns) {
    if (column < 0 || column == INT64_MAX)
      return node_error(node, "has a negative or too large n-gram index");
    settings.width = std::max(settings.width, column + 1);
  }
  settings.weights = node.attributes.get_floats("weights");
  // The specification speaks of the i-th n-gram, the ONNX project's and other implementations of column i.
  if (!settings.weights.empty() && static_cast<int64_t>(settings.weights.size()) < settings.width)
    return node_error(node, "has " + std::to_string(settings.weights.size()) + " weights for " +
                                std::to_string(settings.width) + " columns");
  return settings;
}

/// The pool's n-grams of the lengths that count.
template <class T>
Result<GramTree<T>> grams_of(const Node& node, const std::vector<T>& pool, const Settings& settings) {
  GramTree<T> tree;
  std::vector<int64_t> starts = node.attributes.get_ints("ngram_counts");
  starts.push_back(static_cast<int64_t>(pool.size()));
  int64_t gram = 0;
  if (starts.front() < 0 || !std::is_sorted(starts.begin(), starts.end()))
    return node_error(node, "has ngram_counts that do not fit the pool");
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const auto length = static_cast<int64_t>(i) + 1;
    if ((starts[i + 1] - starts[i]) % length != 0)
      return node_error(node, "has a pool that ends inside an n-gram of " + std::to_string(length));
    for (int64_t at = starts[i]; at < starts[i + 1]; at += length, ++gram)
      if (length >= settings.shortest && length <= settings.longest)
        tree.add(std::span(pool).subspan(static_cast<size_t>(at), static_cast<size_t>(length)), gram);
  }
  if (gram != static_cast<int64_t>(settings.columns.size()))
    return node_error(node, "has a pool of " + std::to_string(gram) + " n-grams and " +
                                std::to_string(settings.columns.size()) + " ngram_indexes");
  return tree;
}

/// Adds 1 to the column of every n-gram found in a row of tokens.
template <class T>
void count_grams(const GramTree<T>& tree, const Settings& settings, const T* row, int64_t size,
                 float* counts) {
  int64_t shortest = settings.shortest;
  // Tokens of an n-gram stand 1, 2, .. max_skip + 1 apart; further than the row is long there are none.
  for (int64_t distance = 1; distance - 1 <= std::min(settings.max_skip, size); ++distance) {
    for (int64_t start = 0; start < size; ++start) {
      const auto* at = &tree.root();
      int64_t length = 1;
      for (int64_t i = start; i < size && length <= settings.longest; i += distance, ++length) {
        at = tree.step(*at, row[i]);
        if (at == nullptr) break;
        if (length >= shortest && at->gram != GramTree<T>::none)
          counts[settings.columns[static_cast<size_t>(at->gram)]] += 1;
      }
    }
    // Single tokens have no distance: they count once.
    shortest = std::max<int64_t>(shortest, 2);
    if (shortest > settings.longest) return;
  }
}

void apply_mode(const Settings& settings, float* row) {
  if (settings.mode == Settings::Mode::tf) return;
  for (int64_t column = 0; column < settings.width; ++column) {
    const float weight = settings.weights.empty() ? 1.0F : settings.weights[static_cast<size_t>(column)];
    if (settings.mode == Settings::Mode::idf) row[column] = row[column] > 0 ? 1.0F : 0.0F;
    row[column] *= weight;
  }
}

template <class T>
Status vectorize(RunContext& context, const Settings& settings, const std::vector<T>& pool, const T* tokens) {
  LATHE_ASSIGN(const GramTree<T> tree, grams_of(context.node(), pool, settings));
  const Shape& shape = context.tensor(0).shape();
  const int64_t rows = shape.size() == 2 ? shape[0] : 1, size = shape.empty() ? 1 : shape.back();
  Shape result{settings.width};
  if (shape.size() == 2) result.insert(result.begin(), rows);
  LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::f32, std::move(result)));
  fill_zero(*out);
  float* counts = out->mutable_data<float>().data();
  for (int64_t row = 0; row < rows; ++row) {
    count_grams(tree, settings, tokens + row * size, size, counts + row * settings.width);
    apply_mode(settings, counts + row * settings.width);
  }
  return {};
}

Status run_tfidf(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  if (x->rank() > 2) return context.error("needs tokens of shape C or NxC, not " + to_string(x->shape()));
  LATHE_ASSIGN(const Settings settings, settings_of(context.node()));
  const auto* words = context.attributes().get<std::vector<std::string>>("pool_strings");
  const std::vector<int64_t> numbers = context.attributes().get_ints("pool_int64s");
  if (words != nullptr && !words->empty() && !numbers.empty())
    return context.error("has both pool_strings and pool_int64s");
  if (x->type() == ElementType::string)
    return vectorize<std::string>(context, settings, words != nullptr ? *words : std::vector<std::string>(),
                                  x->strings().data());
  if (x->type() != ElementType::i64 && x->type() != ElementType::i32) return context.type_error(x->type());
  const std::vector<int64_t> tokens = x->to_int64();
  return vectorize<int64_t>(context, settings, numbers, tokens.data());
}

Status infer_tfidf(InferContext& context) {
  LATHE_ASSIGN(const Settings settings, settings_of(context.node()));
  const Dims* dims = context.dims(0);
  std::optional<Dims> out;
  if (dims != nullptr) {
    if (dims->size() > 2)
      return node_error(context.node(), "needs tokens of shape C or NxC, not " + to_string(*dims));
    out = Dims{settings.width};
    if (dims->size() == 2) out->insert(out->begin(), dims->front());
  }
  context.set_tensor(0, ElementType::f32, std::move(out));
  return {};
}

}  // namespace

void register_tfidf(OperatorRegistry& registry) {
  registry.add({"", "TfIdfVectorizer", {9}, 1, 1, 1, 1, trait_none, infer_tfidf, run_tfidf});
}

}  // namespace lathe
