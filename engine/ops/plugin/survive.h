// SPDX-License-Identifier: Apache-2.0
// Internal to plugin: trying out, in a forked copy of the process, what may crash it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace lathe {

/// Says what is done next, for the message should it be the last thing.
using Stage = std::function<void(std::string_view what)>;

/// Runs `work` in a forked child that shares nothing with this process but open files, prints nothing and
/// gets `seconds`. Errors, naming `file`: it was ended by a signal (which, and at what stage), did not return
/// in time, or ended the process by itself. Only the calling thread is there in the child: `work` must start
/// no thread of a pool that another one may own, and wait for nobody.
Status survives(const std::string& file, const std::function<void(const Stage&)>& work, int seconds = 10);

}  // namespace lathe
