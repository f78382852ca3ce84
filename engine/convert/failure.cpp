// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/failure.h"

namespace lathe {
namespace {

constexpr size_t max_evidence_lines = 40;

std::string line(const Failure::Evidence& evidence) {
  std::string text = "  module '" + evidence.module + "', node " + evidence.name + " (" + evidence.op_type +
                     ") " + evidence.shapes;
  return evidence.source.empty() ? text : text + ", " + evidence.source;
}

}  // namespace

const char* to_string(FailureCause cause) {
  switch (cause) {
    case FailureCause::dynamic_shape:
      return "dynamic_shape";
    case FailureCause::data_dependent_shape:
      return "data_dependent_shape";
    case FailureCause::data_dependent_control_flow:
      return "data_dependent_control_flow";
    case FailureCause::unsupported_operator:
      return "unsupported_operator";
    case FailureCause::unsupported_attribute:
      return "unsupported_attribute";
    case FailureCause::unsupported_input_type:
      return "unsupported_input_type";
    case FailureCause::unsupported_output_type:
      return "unsupported_output_type";
    case FailureCause::not_separable:
      return "not_separable";
    case FailureCause::precision_loss:
      return "precision_loss";
    case FailureCause::resource_limit:
      return "resource_limit";
    case FailureCause::build_error:
      return "build_error";
    case FailureCause::excluded:
      return "excluded";
  }
  return "";
}

const char* to_string(Remedy::Kind kind) {
  switch (kind) {
    case Remedy::Kind::pin_shapes:
      return "pin_shapes";
    case Remedy::Kind::give_profile:
      return "give_profile";
    case Remedy::Kind::pad:
      return "pad";
    case Remedy::Kind::keep_eager:
      return "keep_eager";
    case Remedy::Kind::cut_postprocessing:
      return "cut_postprocessing";
    case Remedy::Kind::split_input:
      return "split_input";
    case Remedy::Kind::replace_operator:
      return "replace_operator";
    case Remedy::Kind::approximate_operator:
      return "approximate_operator";
    case Remedy::Kind::register_operator:
      return "register_operator";
    case Remedy::Kind::raise_precision:
      return "raise_precision";
    case Remedy::Kind::upgrade_opset:
      return "upgrade_opset";
    case Remedy::Kind::fold_constants:
      return "fold_constants";
    case Remedy::Kind::inline_branch:
      return "inline_branch";
    case Remedy::Kind::unroll_loop:
      return "unroll_loop";
    case Remedy::Kind::filter_to_topk:
      return "filter_to_topk";
    case Remedy::Kind::include_module:
      return "include_module";
  }
  return "";
}

std::optional<Remedy::Kind> parse_remedy_kind(std::string_view text) {
  for (int kind = 0; kind <= static_cast<int>(Remedy::Kind::include_module); ++kind)
    if (text == to_string(static_cast<Remedy::Kind>(kind))) return static_cast<Remedy::Kind>(kind);
  return std::nullopt;
}

std::vector<std::string> remedy_kind_names() {
  std::vector<std::string> names;
  for (int kind = 0; kind <= static_cast<int>(Remedy::Kind::include_module); ++kind)
    names.emplace_back(to_string(static_cast<Remedy::Kind>(kind)));
  return names;
}

std::string Failure::error() const {
  return std::string(to_string(cause)) + ": " + sentence;
}

std::string Failure::traceback() const {
  std::string text;
  for (const std::string& link : chain) text += link + "\n";
  for (size_t i = 0; i < evidence.size() && i < max_evidence_lines; ++i) text += line(evidence[i]) + "\n";
  if (evidence.size() > max_evidence_lines)
    text += "  ... and " + std::to_string(evidence.size() - max_evidence_lines) + " more nodes\n";
  text += error();
  return text;
}

}  // namespace lathe
