// SPDX-License-Identifier: Apache-2.0
// What is known about the operators of this build beyond the registry: the element types that their reference
// kernels were seen to take, and how many tests hold them to it.
//
// It comes from resources/operators/coverage.txt, which tests/conformance/operator_coverage measures and
// writes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

/// Element types that some inputs of an operator take.
struct InputTypes {
  std::string inputs;              ///< "0", "0-2,4"; "out" where the operator has no inputs
  std::vector<std::string> types;  ///< as to_string(ElementType) has them, in ONNX's order
};

struct OperatorCoverage {
  int packaged = 0;               ///< ONNX's tests that Debian packages
  int shared = 0;                 ///< ONNX's newer tests, those of the shared models
  int own = 0;                    ///< cases of tests/ops and tests/kernels that name the operator
  std::vector<InputTypes> types;  ///< empty: no test or probe tells
  int tests() const { return packaged + shared + own; }
};
/// By OperatorEntry::name.
using OperatorCoverageTable = std::map<std::string, OperatorCoverage>;

/// The table built in.
const OperatorCoverageTable& operator_coverage();
/// Errors name the line.
Result<OperatorCoverageTable> parse_operator_coverage(std::string_view text);
std::string format_operator_coverage(const OperatorCoverageTable& table);

/// "f16 f32 f64", or a shorter word for what belongs together: "float" = f16 bf16 f32 f64, "int" = i8 to i64,
/// "uint" = u8 to u64.
std::string short_types(const std::vector<std::string>& types);
/// One line for all inputs: "float", "0: float string; 1: i32 i64"; "?" when not known.
std::string short_types(const OperatorCoverage& coverage);

/// "ai.onnx", "com.microsoft": the domain of an entry's name, and the rest of it.
std::pair<std::string, std::string> split_operator_name(const std::string& name);
/// The operators as a page of Markdown, a table a domain.
std::string operators_markdown(const std::vector<OperatorEntry>& entries,
                               const OperatorCoverageTable& coverage);
/// The table of domains for the README.
std::string domains_markdown(const std::vector<OperatorEntry>& entries,
                             const OperatorCoverageTable& coverage);

}  // namespace lathe
