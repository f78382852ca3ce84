// SPDX-License-Identifier: Apache-2.0
// Internal to stats: what the slices of a trace mean, whoever wrote it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "profiler/trace/trace.h"

namespace lathe {

enum class SliceRole : uint8_t { other, op, module, engine, boundary_copy, runtime, run };

/// Operators of a foreign trace: cat cpu_op of Kineto, Node of ONNX Runtime, any slice of others.
class TraceView {
 public:
  explicit TraceView(const Trace& trace);

  SliceRole role(SliceId id) const;
  bool in_engine(SliceId id) const;
  /// Operator type, kernel, module path and class; texts of the trace, "" where unknown. FLOPs and bytes 0
  /// then.
  std::string_view op_type(SliceId id) const;
  std::string_view text(SliceId id, StringId key) const;
  int64_t number(SliceId id, StringId key) const;
  std::string_view module_path(SliceId id) const;
  std::string_view module_class(SliceId id) const;
  int64_t flops(SliceId id) const { return number(id, flops_); }
  int64_t bytes(SliceId id) const { return number(id, bytes_); }
  std::string_view node(SliceId id) const { return text(id, node_); }
  std::string_view kernel(SliceId id) const { return text(id, kernel_); }
  std::string_view precision(SliceId id) const { return text(id, precision_); }
  /// Its duration without that of slices of the same role inside it.
  int64_t self_time(SliceId id) const;
  /// No slice of the same role and key is around it: totals must not count recursion twice.
  template <class Key>
  bool outermost(SliceId id, Key&& key) const {
    const auto own = key(id);
    for (SliceId up = trace_.parent(id); up.valid(); up = trace_.parent(up))
      if (role(up) == role(id) && key(up) == own) return false;
    return true;
  }

  const Trace& trace() const { return trace_; }

 private:
  enum class Writer : uint8_t { lathe, kineto, onnxruntime, other };
  const Trace& trace_;
  Writer writer_;
  StringId module_, class_, op_type_, op_name_, node_, kernel_, precision_, flops_, bytes_, in_engine_;
  StringId cat_op_, cat_module_, cat_engine_, cat_runtime_, cat_run_, name_copy_;
};

}  // namespace lathe
