// SPDX-License-Identifier: Apache-2.0
// A located fact about a model: severity, where, what, and a remedy where one is known.
#pragma once

#include <string>
#include <vector>

#include "engine/base/ids.h"

namespace lathe {

enum class Severity { note, warning, error };

/// "note", "warning" or "error".
inline const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "";
}

struct Finding {
  Severity severity = Severity::note;
  std::string code;     ///< stable short name, e.g. "unknown_operator", "missing_external_data"
  std::string where;    ///< readable location: node 'name' (Op), tensor 'name', byte 123, ...
  std::string message;  ///< one sentence
  std::string remedy;   ///< what to do about it; empty where nothing is known
  NodeId node;          ///< the node of the main graph it concerns, if any
};

using Findings = std::vector<Finding>;

}  // namespace lathe
