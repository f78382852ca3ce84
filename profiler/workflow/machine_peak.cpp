// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/machine_peak.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "engine/kernels/kernel.h"
#include "engine/runtime/observer.h"

namespace lathe {
namespace {

constexpr int64_t side = 768;              // of the square products: large enough for kernels at full speed
constexpr int64_t enough_ns = 25'000'000;  // of one measurement
constexpr int least_repeats = 4;
constexpr std::array<int64_t, 4> elements{1 << 14, 1 << 17, 1 << 20, 1 << 23};  // of f32: 64 KB to 32 MB

Result<Tensor> zeros(const TensorDesc& desc) {
  LATHE_ASSIGN(Tensor tensor, Tensor::allocate(desc.type, desc.shape));
  std::memset(tensor.mutable_raw(), 0, tensor.bytes());
  return tensor;
}

/// The kernel that an engine would take for the node; null where only the reference does it.
std::unique_ptr<Kernel> best_kernel(const KernelRequest& request) {
  for (const KernelCandidate& candidate : kernels().find(request.node->qualified_type())) {
    Prepared prepared = candidate.prepare(request);
    if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) return std::move(*kernel);
  }
  return nullptr;
}

/// The fastest of several executions, in nanoseconds; 0 where there is no kernel.
Result<double> fastest_run(const KernelRequest& request, const JobContext& job) {
  const std::unique_ptr<Kernel> kernel = best_kernel(request);
  if (!kernel) return 0.0;
  std::vector<Tensor> held;
  std::vector<const std::byte*> in(request.inputs.size(), nullptr);
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (kernel->consumed(i)) continue;
    LATHE_ASSIGN(Tensor tensor, zeros(request.inputs[i]));
    held.push_back(std::move(tensor));
    in[i] = held.back().raw();
  }
  LATHE_ASSIGN(Tensor result, zeros(request.outputs[0]));
  std::byte* out = result.mutable_raw();
  LATHE_ASSIGN(Buffer scratch, Buffer::allocate(kernel->scratch_bytes()));
  double fastest = 0;
  int64_t spent = 0;
  for (int i = 0; i < least_repeats || spent < enough_ns; ++i) {
    LATHE_TRY(job.check());
    const int64_t begin = now_ns();
    LATHE_TRY(kernel->run({in, {&out, 1}, scratch.mutable_data()}));
    const int64_t took = std::max<int64_t>(now_ns() - begin, 1);
    spent += took;
    // The first one warms up.
    if (i > 0 && (fastest == 0 || static_cast<double>(took) < fastest)) fastest = static_cast<double>(took);
  }
  return fastest;
}

/// A square product; `input` and `weights` of the types that the precision multiplies.
Result<double> product_flops(ElementType input, ElementType weights, ElementType output,
                             const JobContext& job) {
  Node node;
  node.op_type = "MatMul";
  if (weights == ElementType::i8) {
    node.domain = "lathe";
    node.op_type = "QuantizedMatMul";
    node.attributes.set("x_scale", 1.0F);
    node.attributes.set("x_zero_point", int64_t{0});
    node.attributes.set("w_scales", std::vector<float>{1.0F});
    node.attributes.set("y_type", std::string("f32"));
  }
  KernelRequest request;
  request.node = &node;
  request.inputs = {{input, {side, side}, {}}, {weights, {side, side}, {}}};
  request.outputs = {{output, {side, side}, {}}};
  LATHE_ASSIGN(const Tensor constant, zeros(request.inputs[1]));
  request.constants = {nullptr, &constant};
  LATHE_ASSIGN(const double ns, fastest_run(request, job));
  return ns > 0 ? 2.0 * side * side * side / ns * 1e9 : 0.0;
}

/// Reads and writes `count` floats each.
Result<MachinePeak::Bandwidth> copying(int64_t count, const JobContext& job) {
  Node node;
  node.op_type = "Relu";
  KernelRequest request;
  request.node = &node;
  request.inputs = request.outputs = {{ElementType::f32, {count}, {}}};
  request.constants = {nullptr};
  LATHE_ASSIGN(const double ns, fastest_run(request, job));
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(count);
  return MachinePeak::Bandwidth{bytes, ns > 0 ? bytes / ns * 1e9 : 0};
}

}  // namespace

Result<MachinePeak> measure_machine_peak(const JobContext& job) {
  static std::map<int, MachinePeak> known;  // by threads; only the executor thread comes here
  const auto found = known.find(kernel_threads());
  if (found != known.end()) return found->second;
  job.report(-1, "measuring what this machine can do");
  MachinePeak peak;
  peak.threads = kernel_threads();
  using enum ElementType;
  LATHE_ASSIGN(peak.flops_per_second["f32"], product_flops(f32, f32, f32, job));
  LATHE_ASSIGN(peak.flops_per_second["bf16"], product_flops(bf16, bf16, bf16, job));
  LATHE_ASSIGN(peak.flops_per_second["i8"], product_flops(u8, i8, f32, job));
  std::erase_if(peak.flops_per_second, [](const auto& each) { return each.second <= 0; });
  for (const int64_t count : elements) {
    LATHE_ASSIGN(const MachinePeak::Bandwidth bandwidth, copying(count, job));
    if (bandwidth.bytes_per_second > 0) peak.bandwidths.push_back(bandwidth);
  }
  return known[kernel_threads()] = peak;
}

}  // namespace lathe
