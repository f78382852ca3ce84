// SPDX-License-Identifier: Apache-2.0
// One case of a property test: the reference kernel, and every candidate in every way it can be asked.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Tensor bytes(size_t count) {
  return Tensor::allocate(ElementType::u8, {static_cast<int64_t>(count)}).value();
}

/// The layout that convolutions of this build give a result of this shape; plain where there is none.
Layout blocked_layout(const Shape& shape) {
  if (shape.size() != 4 || element_count(shape) == 0) return {};
  const Tensor weights = noise({shape[1], shape[1], 1, 1});
  Node node = make_node("Conv", 11);
  node.inputs = {ValueId(0), ValueId(1)};
  node.outputs = {ValueId(2)};
  KernelRequest request;
  request.node = &node;
  request.inputs = {{ElementType::f32, shape, {}}, {ElementType::f32, weights.shape(), {}}};
  request.constants = {nullptr, &weights};
  request.outputs = {{ElementType::f32, shape, {}}};
  for (const KernelCandidate& candidate : kernels().find("Conv")) {
    Prepared prepared = candidate.prepare(request);
    if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) return (*kernel)->output_layouts()[0];
  }
  return {};
}

Layout layout_at(const std::vector<Layout>& layouts, size_t i) {
  return i < layouts.size() ? layouts[i] : Layout{};
}

/// A tensor's bytes in a layout.
Tensor laid_out(const Tensor& tensor, const Layout& layout) {
  // As much as a vector may read past the end.
  const size_t size = (layout.plain() ? tensor.bytes() : layout.bytes) + 64;
  Tensor made = bytes(size);
  std::fill_n(made.mutable_raw(), size, std::byte{0x7f});
  if (layout.plain()) {
    std::copy_n(tensor.raw(), tensor.bytes(), made.mutable_raw());
    return made;
  }
  auto reorder = make_reorder(tensor.type(), tensor.shape(), {}, layout);
  EXPECT_TRUE(reorder.ok()) << reorder.error().text();
  if (!reorder.ok()) return made;
  Tensor scratch = bytes((*reorder)->scratch_bytes() + 64);
  const std::byte* from = tensor.raw();
  std::byte* to = made.mutable_raw();
  EXPECT_TRUE((*reorder)->run({{&from, 1}, {&to, 1}, scratch.mutable_raw()}).ok());
  return made;
}

/// The reverse.
Tensor plain_tensor(const Tensor& memory, ElementType type, const Shape& shape, const Layout& layout) {
  Tensor made = Tensor::allocate(type, shape).value();
  if (layout.plain()) {
    std::copy_n(memory.raw(), made.bytes(), made.mutable_raw());
    return made;
  }
  auto reorder = make_reorder(type, shape, layout, {});
  EXPECT_TRUE(reorder.ok()) << reorder.error().text();
  if (!reorder.ok()) return made;
  Tensor scratch = bytes((*reorder)->scratch_bytes() + 64);
  const std::byte* from = memory.raw();
  std::byte* to = made.mutable_raw();
  EXPECT_TRUE((*reorder)->run({{&from, 1}, {&to, 1}, scratch.mutable_raw()}).ok());
  return made;
}

/// oneDNN's comparisons and exponentials drop NaN and stop at the largest finite number: where the true
/// result is not finite, what these give is their own affair. All others, and these for numbers, are held to
/// the truth.
bool keeps_special(const std::string& kernel, const Node& node) {
  const std::string& op = node.op_type;
  if (kernel.starts_with("onednn:eltwise") || kernel.starts_with("onednn:softmax")) return false;
  if (kernel.starts_with("onednn:binary")) return op != "Max" && op != "Min";
  if (kernel.starts_with("onednn:pool")) return op.find("Max") == std::string::npos;
  return !node.attributes.has("activation");
}

/// "" when equal; NaN equals NaN, and infinities themselves only.
std::string difference(const Tensor& got, const Tensor& want, const Case& test, bool special) {
  const auto a = got.to_double(), b = want.to_double();
  double largest = test.least;
  for (const double element : b)
    if (std::isfinite(element)) largest = std::max(largest, std::fabs(element));
  const double tolerance = test.absolute >= 0 ? test.absolute : test.tolerance * largest;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!special && !std::isfinite(b[i])) continue;
    const bool equal = std::isnan(b[i])   ? std::isnan(a[i])
                       : std::isinf(b[i]) ? a[i] == b[i]
                                          : std::fabs(a[i] - b[i]) <= tolerance;
    if (!equal)
      return "element " + std::to_string(i) + " is " + std::to_string(a[i]) + ", expected " +
             std::to_string(b[i]);
  }
  return "";
}

bool has_special(const Case& test) {
  return std::any_of(test.inputs.begin(), test.inputs.end(), [](const Tensor& input) {
    const auto values = input.to_double();
    return std::any_of(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
  });
}

/// One run; `alias`: the output is written over the memory of this input, -1 for none.
Tensor output_of(Kernel& kernel, const Case& test, ElementType type, const Shape& shape, int alias) {
  std::vector<Tensor> memory;
  std::vector<const std::byte*> from;
  for (size_t i = 0; i < test.inputs.size(); ++i) {
    const bool given = test.inputs[i].defined() && !kernel.consumed(i);
    memory.push_back(given ? laid_out(test.inputs[i], layout_at(kernel.input_layouts(), i)) : Tensor());
    from.push_back(given ? memory.back().raw() : nullptr);
  }
  const Layout layout = layout_at(kernel.output_layouts(), 0);
  const size_t size = TensorDesc{type, shape, layout}.bytes();
  Tensor output = bytes(size + 64);
  std::fill_n(output.mutable_raw(), output.bytes(), std::byte{0x7f});
  if (alias >= 0) output = memory[static_cast<size_t>(alias)];
  Tensor scratch = bytes(kernel.scratch_bytes() + 64);
  std::byte* to = output.mutable_raw();
  const Status status = kernel.run({from, {&to, 1}, scratch.mutable_raw()});
  EXPECT_TRUE(status.ok()) << status.error().text();
  return plain_tensor(output, type, shape, layout);
}

void run_kernel(Kernel& kernel, const KernelRequest& request, const Case& test, const Tensor& want,
                int alias) {
  const Tensor got = output_of(kernel, test, want.type(), want.shape(), alias);
  EXPECT_EQ(difference(got, want, test, keeps_special(kernel.name(), test.node)), "")
      << kernel.name() << (alias >= 0 ? ", in place" : "") << (request.plain_layouts ? ", plain layouts" : "")
      << (request.prepack ? "" : ", not prepacked");
}

void check_candidate(const KernelCandidate& candidate, const KernelRequest& request, const Case& test,
                     const Tensor& want, Accepted& accepted) {
  Prepared prepared = candidate.prepare(request);
  auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared);
  if (kernel == nullptr) return;
  // Winograd's sums of whole tiles spread what is not finite to neighbours; so do products of pairs, which
  // read one number more than an odd row of channels has and multiply it by zero.
  const std::string& name = (*kernel)->name();
  const bool spreads = name.find("wino") != std::string::npos || name.find("jit_bf16") != std::string::npos;
  if (spreads && has_special(test)) return;
  ++accepted[std::string(candidate.name)];
  const int in_place = (*kernel)->in_place_input();
  if (!(*kernel)->in_place_required()) run_kernel(**kernel, request, test, want, -1);
  if (in_place < 0) return;
  const auto input = static_cast<size_t>(in_place);
  const bool fits = test.inputs[input].shape() == want.shape() && test.inputs[input].type() == want.type() &&
                    layout_at((*kernel)->input_layouts(), input) == layout_at((*kernel)->output_layouts(), 0);
  EXPECT_TRUE(fits || !(*kernel)->in_place_required());
  if (fits) run_kernel(**kernel, request, test, want, in_place);
}

/// What a compiler would ask for; `node` is the case's, with values.
KernelRequest request_for(const Case& test, Node& node, ElementType type, const Shape& shape) {
  KernelRequest request;
  request.measured = test.measured;
  node = test.node;
  request.node = &node;
  uint32_t id = 0;
  for (size_t i = 0; i < test.inputs.size(); ++i, ++id) {
    const Tensor& input = test.inputs[i];
    node.inputs.push_back(input.defined() ? ValueId(id) : ValueId());
    request.inputs.push_back({input.type(), input.shape(), {}});
    const bool constant = std::find(test.constants.begin(), test.constants.end(), i) != test.constants.end();
    request.constants.push_back(constant && input.defined() ? &input : nullptr);
  }
  node.outputs.push_back(ValueId(id));
  request.outputs.push_back({type, shape, {}});
  return request;
}

}  // namespace

std::optional<Tensor> run_candidate(const Case& test, std::string_view name, ElementType type,
                                    const Shape& shape) {
  Node node;
  const KernelRequest request = request_for(test, node, type, shape);
  for (const KernelCandidate& candidate : kernels().find(node.qualified_type())) {
    if (candidate.name != name) continue;
    Prepared prepared = candidate.prepare(request);
    if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared))
      return output_of(**kernel, test, type, shape, -1);
  }
  return std::nullopt;
}

bool check(const Case& test, Accepted& accepted) {
  const auto expected = run_node(test.node, test.inputs);
  if (!expected.ok()) return false;
  const Tensor& want = (*expected)[0].tensor;
  Node node;
  KernelRequest request = request_for(test, node, want.type(), want.shape());
  if (test.blocked)
    for (size_t i = 0; i < test.inputs.size(); ++i)
      if (request.constants[i] == nullptr && test.inputs[i].type() == ElementType::f32)
        request.inputs[i].layout = blocked_layout(test.inputs[i].shape());
  for (const KernelCandidate& candidate : kernels().find(node.qualified_type()))
    for (const bool plain : {true, false})
      for (const bool prepack : {true, false}) {
        if (plain && test.blocked) continue;
        request.plain_layouts = plain;
        request.prepack = prepack;
        request.blocked_channels = test.blocked;
        check_candidate(candidate, request, test, want, accepted);
      }
  return true;
}

}  // namespace lathe::test
