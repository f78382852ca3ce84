// SPDX-License-Identifier: Apache-2.0
// Einsum: operands are contracted pairwise from the left, each pair as a batch of matrix products.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "engine/base/checked.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/permute.h"

namespace lathe {
namespace {

/// A subscript: a letter's code, or 256 + axis (counted from the back) for an axis under an ellipsis.
using Label = int;
constexpr Label ellipsis = 256;

struct Equation {
  std::vector<std::string> inputs;  ///< '.' stands for an ellipsis
  std::string output;
};

Result<std::string> read_term(const Node& node, std::string_view text) {
  std::string term;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      term += c;
    } else if (text.substr(i, 3) == "..." && term.find('.') == std::string::npos) {
      term += '.';
      i += 2;
    } else {
      return node_error(node, "has a malformed equation near '" + std::string(text) + "'");
    }
  }
  return term;
}

/// Without "->", the output is the ellipsis and then the letters that appear once, sorted.
std::string implicit_output(const std::vector<std::string>& inputs) {
  std::map<char, int> uses;
  for (const std::string& input : inputs)
    for (const char c : input) ++uses[c];
  std::string output;
  if (uses.contains('.')) output += '.';
  for (const auto& [letter, count] : uses)
    if (letter != '.' && count == 1) output += letter;
  return output;
}

Result<Equation> read_equation(const Node& node) {
  const std::string text = node.attributes.get_string("equation", "");
  const size_t arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  Equation equation;
  for (size_t from = 0; from <= left.size();) {
    const size_t comma = std::min(left.find(',', from), left.size());
    LATHE_ASSIGN(std::string term, read_term(node, std::string_view(left).substr(from, comma - from)));
    equation.inputs.push_back(std::move(term));
    from = comma + 1;
  }
  if (arrow == std::string::npos) {
    equation.output = implicit_output(equation.inputs);
  } else {
    LATHE_ASSIGN(equation.output, read_term(node, std::string_view(text).substr(arrow + 2)));
  }
  return equation;
}

/// Labels of a term's axes, given how many axes its ellipsis covers.
std::vector<Label> expand(const std::string& term, size_t ellipsis_rank) {
  std::vector<Label> labels;
  for (const char c : term) {
    if (c != '.') {
      labels.push_back(c);
      continue;
    }
    for (size_t i = ellipsis_rank; i-- > 0;) labels.push_back(ellipsis + static_cast<Label>(i));
  }
  return labels;
}

/// The equation applied to operands of these shapes (Size: int64_t or Dim).
template <class Size>
struct Contraction {
  std::vector<std::vector<Label>> inputs;
  std::vector<Label> output;
  std::map<Label, Size> sizes;
};

bool is_one(int64_t size) {
  return size == 1;
}
bool is_one(const Dim& size) {
  return size.is(1);
}
bool surely_differ(int64_t a, int64_t b) {
  return a != b;
}
bool surely_differ(const Dim& a, const Dim& b) {
  return a.known() && b.known() && !(a == b);
}
bool prefer(int64_t, int64_t) {
  return false;
}
bool prefer(const Dim& a, const Dim& b) {
  return a.known() && !b.known();
}

template <class Size>
Result<Contraction<Size>> bind_equation(const Node& node, const std::vector<std::vector<Size>>& shapes) {
  LATHE_ASSIGN(const Equation equation, read_equation(node));
  if (equation.inputs.size() != shapes.size())
    return node_error(node, "has " + std::to_string(shapes.size()) + " inputs, but its equation has " +
                                std::to_string(equation.inputs.size()));
  Contraction<Size> bound;
  size_t widest = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const std::string& term = equation.inputs[i];
    const bool dots = term.find('.') != std::string::npos;
    const size_t letters = term.size() - (dots ? 1 : 0);
    if (shapes[i].size() < letters || (!dots && shapes[i].size() != letters))
      return node_error(node, "has input " + std::to_string(i) + " of rank " +
                                  std::to_string(shapes[i].size()) + " for the subscripts '" + term + "'");
    const size_t covered = shapes[i].size() - letters;
    widest = std::max(widest, covered);
    bound.inputs.push_back(expand(term, dots ? covered : 0));
    for (size_t axis = 0; axis < shapes[i].size(); ++axis) {
      const Size& size = shapes[i][axis];
      auto [known, added] = bound.sizes.try_emplace(bound.inputs[i][axis], size);
      if (added || is_one(size)) continue;
      if (is_one(known->second) || prefer(size, known->second))
        known->second = size;
      else if (surely_differ(known->second, size))
        return node_error(node, "has sizes that disagree on a subscript of input " + std::to_string(i));
    }
  }
  bound.output = expand(equation.output, widest);
  for (const Label label : bound.output)
    if (!bound.sizes.contains(label) || std::count(bound.output.begin(), bound.output.end(), label) > 1)
      return node_error(node, "has an output subscript that is unknown or repeated");
  return bound;
}

template <class Size>
std::vector<Size> output_shape(const Contraction<Size>& bound) {
  std::vector<Size> shape;
  for (const Label label : bound.output) shape.push_back(bound.sizes.at(label));
  return shape;
}

Status infer_einsum(InferContext& context) {
  std::vector<Dims> shapes;
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (context.dims(i) == nullptr) {
      context.set_tensor(0, context.element(0), std::nullopt);
      return {};
    }
    shapes.push_back(*context.dims(i));
  }
  LATHE_ASSIGN(const auto bound, bind_equation(context.node(), shapes));
  context.set_tensor(0, context.element(0), output_shape(bound));
  return {};
}

/// An intermediate: each label once, all of size > 1 (axes of size 1 broadcast and are dropped).
template <class A>
struct Term {
  std::vector<Label> labels;
  Shape shape;
  std::vector<A> data;

  bool has(Label label) const { return std::find(labels.begin(), labels.end(), label) != labels.end(); }
};

/// Reads `data` as a term: a repeated label walks the diagonal.
template <class A>
Term<A> make_term(const std::vector<Label>& labels, const Shape& shape, const A* data) {
  Term<A> term;
  std::vector<int64_t> strides;
  const std::vector<int64_t> steps = row_major_strides(shape);
  for (size_t axis = 0; axis < labels.size(); ++axis) {
    if (shape[axis] == 1) continue;
    const auto found = std::find(term.labels.begin(), term.labels.end(), labels[axis]);
    if (found != term.labels.end()) {
      strides[static_cast<size_t>(found - term.labels.begin())] += steps[axis];
      continue;
    }
    term.labels.push_back(labels[axis]);
    term.shape.push_back(shape[axis]);
    strides.push_back(steps[axis]);
  }
  term.data.resize(static_cast<size_t>(element_count(term.shape)));
  for_each_strided(term.shape, strides,
                   [&](int64_t i, int64_t offset) { term.data[static_cast<size_t>(i)] = data[offset]; });
  return term;
}

/// The term with its axes in this order, summed over the labels not named. Every label named must be in the
/// term.
template <class A>
Term<A> arrange(const Term<A>& term, const std::vector<Label>& order) {
  if (term.labels == order) return term;
  const std::vector<int64_t> steps = row_major_strides(term.shape);
  Term<A> out;
  Shape summed;
  std::vector<int64_t> strides, summed_strides;
  const auto axis_of = [&](Label label) {
    return static_cast<size_t>(std::find(term.labels.begin(), term.labels.end(), label) -
                               term.labels.begin());
  };
  out.labels = order;
  for (const Label label : order) {
    out.shape.push_back(term.shape[axis_of(label)]);
    strides.push_back(steps[axis_of(label)]);
  }
  for (const Label label : term.labels)
    if (!out.has(label)) {
      summed.push_back(term.shape[axis_of(label)]);
      summed_strides.push_back(steps[axis_of(label)]);
    }
  out.data.resize(static_cast<size_t>(element_count(out.shape)));
  for_each_strided(out.shape, strides, [&](int64_t i, int64_t offset) {
    A sum = 0;
    for_each_strided(summed, summed_strides,
                     [&](int64_t, int64_t inner) { sum += term.data[static_cast<size_t>(offset + inner)]; });
    out.data[static_cast<size_t>(i)] = sum;
  });
  return out;
}

/// Product of two terms, summed over the labels that nothing after needs.
template <class A>
Term<A> contract(const Term<A>& left, const Term<A>& right, const std::set<Label>& needed) {
  std::vector<Label> batch, inner, rows, columns;
  for (const Label label : left.labels) {
    if (right.has(label))
      (needed.contains(label) ? batch : inner).push_back(label);
    else if (needed.contains(label))
      rows.push_back(label);
  }
  for (const Label label : right.labels)
    if (!left.has(label) && needed.contains(label)) columns.push_back(label);
  const auto joined = [](std::initializer_list<const std::vector<Label>*> parts) {
    std::vector<Label> all;
    for (const auto* part : parts) all.insert(all.end(), part->begin(), part->end());
    return all;
  };
  const Term<A> a = arrange(left, joined({&batch, &rows, &inner}));
  const Term<A> b = arrange(right, joined({&batch, &inner, &columns}));
  const auto size = [](const Term<A>& term, size_t from, size_t count) {
    return element_count(std::span(term.shape).subspan(from, count));
  };
  const int64_t items = size(a, 0, batch.size()), m = size(a, batch.size(), rows.size());
  const int64_t k = size(a, batch.size() + rows.size(), inner.size());
  const int64_t n = size(b, batch.size() + inner.size(), columns.size());
  Term<A> out;
  out.labels = joined({&batch, &rows, &columns});
  out.shape.assign(a.shape.begin(), a.shape.begin() + static_cast<ptrdiff_t>(batch.size() + rows.size()));
  out.shape.insert(out.shape.end(), b.shape.end() - static_cast<ptrdiff_t>(columns.size()), b.shape.end());
  const auto count = checked_element_count(out.shape);
  out.data.resize(count ? static_cast<size_t>(*count) : out.data.max_size());
  for (int64_t item = 0; item < items; ++item)
    multiply<A>(m, n, k, a.data.data() + item * m * k, false, b.data.data() + item * k * n, false,
                out.data.data() + item * m * n);
  return out;
}

template <class A>
Term<A> evaluate(const RunContext& context, const Contraction<int64_t>& bound) {
  const auto load = [&](size_t i) {
    const Tensor& tensor = context.tensor(i);
    return make_term(bound.inputs[i], tensor.shape(), Operand<A>(tensor).data());
  };
  Term<A> result = load(0);
  for (size_t i = 1; i < bound.inputs.size(); ++i) {
    std::set<Label> needed(bound.output.begin(), bound.output.end());
    for (size_t later = i + 1; later < bound.inputs.size(); ++later)
      needed.insert(bound.inputs[later].begin(), bound.inputs[later].end());
    result = contract(result, load(i), needed);
  }
  std::vector<Label> kept;
  for (const Label label : bound.output)
    if (result.has(label)) kept.push_back(label);
  return arrange(result, kept);
}

Status run_einsum(RunContext& context) {
  std::vector<Shape> shapes;
  for (size_t i = 0; i < context.input_count(); ++i) {
    LATHE_TRY(check_rank(context, i, -1, "of every term"));
    if (context.tensor(i).type() != context.tensor(0).type())
      return context.error("has inputs of different element types");
    shapes.push_back(context.tensor(i).shape());
  }
  LATHE_ASSIGN(const auto bound, bind_equation(context.node(), shapes));
  const ElementType type = context.tensor(0).type();
  return compute_numeric(context, type, [&](auto tag) -> Status {
    using A = decltype(tag);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, type, output_shape(bound)));
    // Output axes of size 1 take no label, so the result's order is the output's.
    const Term<A> result = evaluate<A>(context, bound);
    std::copy(result.data.begin(), result.data.end(), y.data());
    y.finish();
    return {};
  });
}

int64_t einsum_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto bound = bind_equation(node, std::vector<Shape>(inputs.begin(), inputs.end()));
  if (!bound.ok()) return 0;
  int64_t flops = inputs.size() > 1 ? 2 : 1;
  for (const auto& [label, size] : bound->sizes) flops = checked_mul(flops, size).value_or(0);
  return flops;
}

}  // namespace

void register_einsum(OperatorRegistry& registry) {
  registry.add({"", "Einsum", {12, 28}, 1, -1, 1, 1, trait_none, infer_einsum, run_einsum, einsum_flops});
}

}  // namespace lathe
