// SPDX-License-Identifier: Apache-2.0
// The one thread on which everything is compiled and run: the only OpenMP master of the process (design:
// oneDNN brings OpenMP, and every thread that enters it grows a team of its own).
#pragma once

#include <functional>
#include <optional>
#include <utility>

namespace lathe {

/// Runs `work` on the executor thread and waits for it; inline when already there. Requests queue in order.
void run_on_executor(const std::function<void()>& work);
bool on_executor_thread();

/// The same for work that gives a value.
template <class Work>
auto on_executor(Work&& work) -> decltype(work()) {
  std::optional<decltype(work())> result;
  run_on_executor([&] { result.emplace(work()); });
  return std::move(*result);
}

}  // namespace lathe
