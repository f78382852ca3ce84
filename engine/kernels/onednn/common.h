// SPDX-License-Identifier: Apache-2.0
// What all oneDNN kernels share: engine and stream, types and layouts, the seam that catches its exceptions,
// and a kernel that runs one primitive. The only folder that includes oneDNN.
#pragma once

#include <functional>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/kernels/kernel.h"
#include "engine/ops/activation.h"

namespace lathe::onednn {

/// Of the executor thread; made on first use.
dnnl::engine& cpu_engine();
dnnl::stream& cpu_stream();

std::optional<dnnl::memory::data_type> data_type(ElementType type);
dnnl::memory::dims to_dims(const Shape& shape);
/// Row-major.
dnnl::memory::desc plain_desc(ElementType type, const Shape& shape);
/// Row-major but for the channels (axis 1), which come last.
dnnl::memory::desc channels_last_desc(ElementType type, const Shape& shape);
/// Channels in a block of the images that convolutions of this machine like: one vector of f32.
int64_t channel_block();
/// Images [N, C, H, W] in blocks of so many channels.
dnnl::memory::desc blocked_channels_desc(ElementType type, const Shape& shape);
/// In the tensor's own layout.
dnnl::memory::desc desc_of(const TensorDesc& tensor);
/// Any layout: oneDNN chooses.
dnnl::memory::desc any_desc(ElementType type, const Shape& shape);
Layout layout_of(const dnnl::memory::desc& desc);
/// Whether this is one of oneDNN's plain loops (impl_info_str "ref:any"), hundreds of times slower than
/// others.
bool is_reference(const char* implementation);

/// Attributes with user-provided scratchpad.
dnnl::primitive_attr scratch_attributes();
/// Appends scale * activation to the post-operations; false when oneDNN has none like it.
bool append_activation(dnnl::post_ops& ops, const Activation& activation, float scale = 1.0F);

/// Runs `make`; oneDNN's and memory's exceptions become a Decline.
Prepared guarded(const std::function<Prepared()>& make);
Decline decline(DeclineReason reason, std::string detail);

/// A constant in a primitive's layout, and what keeps it.
struct PackedConstant {
  Buffer buffer;
  dnnl::memory memory;
};
/// Uninitialised. Throws std::bad_alloc.
PackedConstant allocate_packed(const dnnl::memory::desc& desc);

/// One primitive and where its arguments come from.
class PrimitiveKernel : public Kernel {
 public:
  PrimitiveKernel(std::string name, dnnl::primitive primitive, const dnnl::memory::desc& scratchpad);

  void bind_input(int argument, size_t input, const dnnl::memory::desc& desc);
  void bind_output(int argument, size_t output, const dnnl::memory::desc& desc);
  /// Memory the kernel owns: prepacked weights.
  void bind_owned(int argument, PackedConstant packed, size_t input);
  /// Output 0 has to be the memory of this input.
  void accumulate_into(size_t input) {
    in_place_input_ = static_cast<int>(input);
    in_place_required_ = true;
  }
  void may_overwrite(size_t input) { in_place_input_ = static_cast<int>(input); }
  void set_input_layout(size_t input, const dnnl::memory::desc& desc);
  /// The primitive's sizes are a view of the tensors': whatever was bound, they lie row-major.
  void use_plain_layouts(size_t inputs) {
    input_layouts_.assign(inputs, {});
    output_layouts_.assign(1, {});
  }
  Status run(const KernelArguments& arguments) override;

 private:
  struct Binding {
    dnnl::memory memory;
    bool input;
    size_t index;
  };
  dnnl::primitive primitive_;
  std::vector<Binding> bindings_;
  std::unordered_map<int, dnnl::memory> arguments_;
  std::vector<Buffer> owned_;
  dnnl::memory scratch_;
};

/// A constant reordered once into the layout a primitive wants. Throws std::bad_alloc.
PackedConstant pack(const Tensor& constant, const dnnl::memory::desc& from, const dnnl::memory::desc& to);

}  // namespace lathe::onednn
