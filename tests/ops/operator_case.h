// SPDX-License-Identifier: Apache-2.0
// The cases under tests/ops/data: one node, its inputs and what ONNX Runtime makes of them (make_expected.py
// says how they are stored and made).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/runtime/runnable.h"

namespace lathe::test {

/// Numbers a and b are alike when |a - b| <= absolute + relative * |b|.
struct Tolerance {
  double absolute = 0, relative = 0;
};

struct OperatorCase {
  std::shared_ptr<const Model> model;
  NamedValues inputs, outputs;
  Tolerance tolerance;  ///< negative: by type
};

/// One line of data/cases.txt: "com.microsoft.Gelu float32".
struct CaseName {
  std::string op, name;
  /// The same as a test's name: "MsGelu_float32".
  std::string as_test() const;
};

/// All cases, in the order of the list; empty when it is not there.
std::vector<CaseName> case_names();
Result<OperatorCase> load_case(const CaseName& name);

/// "" when alike, else what differs first.
std::string difference(const RuntimeValue& got, const RuntimeValue& want, const Tolerance& stated);

}  // namespace lathe::test
