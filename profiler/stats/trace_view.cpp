// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/trace_view.h"

#include <algorithm>

namespace lathe {
namespace {

constexpr std::string_view torch_module_prefix = "nn.Module: ";

/// "nn.Module: Conv2d_12" -> "Conv2d".
std::string_view torch_class(std::string_view name) {
  name.remove_prefix(std::min(name.size(), torch_module_prefix.size()));
  const size_t number = name.rfind('_');
  return number == name.npos ? name : name.substr(0, number);
}

}  // namespace

TraceView::TraceView(const Trace& trace) : trace_(trace) {
  const std::string& format = trace.info().format;
  writer_ = format == "lathe"         ? Writer::lathe
            : format == "kineto"      ? Writer::kineto
            : format == "onnxruntime" ? Writer::onnxruntime
                                      : Writer::other;
  const auto find = [&](const char* text) { return trace.find_text(text); };
  module_ = find("module"), class_ = find("class"), op_type_ = find("op_type"), op_name_ = find("op_name");
  node_ = find("node"), kernel_ = find("kernel"), precision_ = find("precision");
  flops_ = find("flops"), bytes_ = find("bytes"), in_engine_ = find("in_engine");
  cat_op_ = find(writer_ == Writer::kineto ? "cpu_op" : writer_ == Writer::onnxruntime ? "Node" : "op");
  cat_module_ = find(writer_ == Writer::kineto ? "python_function" : "module");
  cat_engine_ = find("engine"), cat_runtime_ = find("runtime"), cat_run_ = find("run");
  name_copy_ = find("boundary copy");
}

SliceRole TraceView::role(SliceId id) const {
  const StringId category = trace_.category(id);
  if (writer_ == Writer::other) return SliceRole::op;
  if (!category.valid()) return SliceRole::other;
  if (category == cat_op_) {
    const bool helper = writer_ == Writer::onnxruntime &&
                        trace_.text(trace_.name(id)).find("_fence_") != std::string_view::npos;
    return helper ? SliceRole::other : SliceRole::op;
  }
  if (category == cat_module_) {
    const bool torch = writer_ == Writer::kineto;
    return torch && !trace_.text(trace_.name(id)).starts_with(torch_module_prefix) ? SliceRole::other
                                                                                   : SliceRole::module;
  }
  if (writer_ != Writer::lathe) return SliceRole::other;
  if (category == cat_engine_) return SliceRole::engine;
  if (category == cat_run_) return SliceRole::run;
  if (category == cat_runtime_)
    return trace_.name(id) == name_copy_ ? SliceRole::boundary_copy : SliceRole::runtime;
  return SliceRole::other;
}

std::string_view TraceView::text(SliceId id, StringId key) const {
  if (!key.valid()) return {};
  for (const Arg& arg : trace_.args(id))
    if (arg.key == key && arg.kind == ArgKind::string) return trace_.text(arg.text());
  return {};
}

int64_t TraceView::number(SliceId id, StringId key) const {
  if (!key.valid()) return 0;
  for (const Arg& arg : trace_.args(id))
    if (arg.key == key && arg.kind == ArgKind::integer) return arg.bits;
  return 0;
}

bool TraceView::in_engine(SliceId id) const {
  if (in_engine_.valid())
    for (const Arg& arg : trace_.args(id))
      if (arg.key == in_engine_) return arg.bits != 0;
  for (SliceId up = trace_.parent(id); up.valid(); up = trace_.parent(up))
    if (role(up) == SliceRole::engine) return true;
  return false;
}

std::string_view TraceView::op_type(SliceId id) const {
  const std::string_view type = text(id, writer_ == Writer::onnxruntime ? op_name_ : op_type_);
  return type.empty() ? trace_.text(trace_.name(id)) : type;
}

std::string_view TraceView::module_path(SliceId id) const {
  return writer_ == Writer::kineto ? trace_.text(trace_.name(id)) : text(id, module_);
}

std::string_view TraceView::module_class(SliceId id) const {
  return writer_ == Writer::kineto ? torch_class(trace_.text(trace_.name(id))) : text(id, class_);
}

int64_t TraceView::self_time(SliceId id) const {
  const SliceRole own = role(id);
  int64_t self = trace_.duration(id);
  const SliceRange children = trace_.children(id);
  for (uint32_t i = children.first; i < children.end; ++i) {
    const SliceId child{size_t{i}};
    if (role(child) == own) self -= trace_.duration(child);
  }
  return self;
}

}  // namespace lathe
