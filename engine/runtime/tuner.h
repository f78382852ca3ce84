// SPDX-License-Identifier: Apache-2.0
// Kernels chosen by measurement: where several implement a node, each is run on memory of its own, with the
// reorders it would need, and the fastest is taken and remembered.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "engine/kernels/kernel.h"

namespace lathe {

/// Used on the executor thread.
class Tuner {
 public:
  /// `machine` is all that choices depend on beside the node: CPU, instruction set, threads, build.
  explicit Tuner(std::string machine) : machine_(std::move(machine)) {}
  /// Also knows what `file` holds of this machine, and save() writes there. A file that is no such file
  /// counts as empty.
  Tuner(std::string machine, std::filesystem::path file);

  /// Index of the kernel that takes least time. Kernels are prepared for `request`. Error: out of memory.
  Result<size_t> fastest(const KernelRequest& request, std::span<const std::unique_ptr<Kernel>> kernels);
  /// Adds what was measured since to the file, which other processes may have added to meanwhile.
  Status save();
  size_t measured() const { return measured_; }  ///< nodes that fastest() had to measure

 private:
  using Choices = std::map<std::string, std::string>;  ///< by node: name of a kernel
  std::map<std::string, Choices> read_file_of_choices() const;

  std::string machine_;
  std::filesystem::path file_;
  Choices choices_;
  size_t measured_ = 0, saved_ = 0;
};

/// What engines compiled from here on choose kernels with; null (as at first): by rules alone. Executor
/// thread.
void set_tuner(std::shared_ptr<Tuner> tuner);
const std::shared_ptr<Tuner>& tuner();

}  // namespace lathe
