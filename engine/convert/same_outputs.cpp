// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/same_outputs.h"

#include <algorithm>
#include <fmt/format.h>

#include "engine/runtime/executor_thread.h"
#include "engine/tensor/compare.h"

namespace lathe {
namespace {

/// Rewrites keep the arithmetic; only the order of a few sums may change.
constexpr double most = 1e-4;

Result<double> difference(const RuntimeValue& expected, const RuntimeValue& given, const std::string& name) {
  if (!expected.is_tensor()) return 0.0;
  if (!given.is_tensor()) return bad_input("", "output '" + name + "' is no tensor any more");
  auto found = compare_tensors(expected.tensor, given.tensor);
  if (!found.ok()) return bad_input("", "output '" + name + "': " + found.error().what);
  if (found->sums.nonfinite_mismatches > 0)
    return bad_input("", "output '" + name + "' differs where it is not finite");
  if (found->relative_to_largest > most ||
      (found->different > 0 && expected.tensor.type() == ElementType::string))
    return bad_input("", fmt::format("output '{}' differs by {:.2g} of its largest element", name,
                                     found->relative_to_largest));
  return found->relative_to_largest;
}

/// A sequence may have become one output for each of its items.
Result<double> output_difference(const RuntimeValue& expected, const NamedValues& given,
                                 const std::string& name) {
  if (const auto found = given.find(name); found != given.end())
    return difference(expected, found->second, name);
  if (expected.kind != RuntimeValue::Kind::sequence || expected.sequence->empty())
    return bad_input("", "output '" + name + "' is gone");
  double largest = 0;
  for (size_t k = 0; k < expected.sequence->size(); ++k) {
    const std::string item = name + "." + std::to_string(k);
    const auto found = given.find(item);
    if (found == given.end()) return bad_input("", "output '" + item + "' is not there");
    LATHE_ASSIGN(const double one, difference((*expected.sequence)[k], found->second, item));
    largest = std::max(largest, one);
  }
  if (given.contains(name + "." + std::to_string(expected.sequence->size())))
    return bad_input("", "output '" + name + "' has become more items than it has");
  return largest;
}

}  // namespace

Result<std::vector<NamedValues>> SameOutputs::inputs(const Model& rewritten) const {
  if (!options_.samples.empty()) return options_.samples;
  LATHE_ASSIGN(NamedValues random, random_inputs(rewritten, {}, {}, options_.seed));
  return std::vector<NamedValues>{std::move(random)};
}

Result<std::optional<double>> SameOutputs::compare(const std::shared_ptr<const Model>& rewritten) {
  const auto all = inputs(*rewritten);
  if (!all.ok()) return std::optional<double>();  // inputs that have to be given: nothing to run with
  return on_executor([&]() -> Result<std::optional<double>> {
    auto before = make_eager(original_);
    if (!before.ok()) return std::optional<double>();
    LATHE_ASSIGN(const std::unique_ptr<Runnable> after, make_eager(rewritten));
    RunOptions options;
    options.seed = options_.seed;
    double largest = 0;
    for (const NamedValues& sample : *all) {
      const auto expected = (*before)->run(sample, options);
      if (!expected.ok()) return std::optional<double>();
      LATHE_ASSIGN(const NamedValues given, after->run(sample, options));
      for (const auto& [name, value] : *expected) {
        LATHE_ASSIGN(const double one, output_difference(value, given, name));
        largest = std::max(largest, one);
      }
    }
    return std::optional<double>(largest);
  });
}

}  // namespace lathe
