// SPDX-License-Identifier: Apache-2.0
// Accuracy by module in report.json and in what is printed.
#pragma once

#include <nlohmann/json.hpp>

#include "profiler/evaluate/module_accuracy.h"

namespace lathe {

/// Null where nothing was compared.
nlohmann::ordered_json module_accuracy_json(const ModuleAccuracy& accuracy);
/// Empty where nothing was compared.
std::string module_accuracy_text(const ModuleAccuracy& accuracy);

/// Numbers of borders to be shown where not all can be: the first that is wrong and those where modules lose
/// most, at most `most`, in order of execution.
std::vector<size_t> borders_to_show(const ModuleAccuracy& accuracy, size_t most);

}  // namespace lathe
