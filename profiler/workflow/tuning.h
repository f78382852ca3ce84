// SPDX-License-Identifier: Apache-2.0
// Where what was measured about kernels is kept.
#pragma once

#include <filesystem>
#include <memory>

namespace lathe {

class Tuner;

/// tuning.json in the user's cache folder ($XDG_CACHE_HOME/lathe, else ~/.cache/lathe); empty: there is none.
std::filesystem::path tuning_file();

/// While it lives, engines are compiled with kernels chosen by measurement, where `wanted`. Executor thread,
/// after use_threads().
class TuningScope {
 public:
  explicit TuningScope(bool wanted);
  ~TuningScope();
  TuningScope(const TuningScope&) = delete;
  TuningScope& operator=(const TuningScope&) = delete;

 private:
  std::shared_ptr<Tuner> outer_;
};

}  // namespace lathe
