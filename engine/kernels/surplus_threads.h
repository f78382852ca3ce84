// SPDX-License-Identifier: Apache-2.0
// Makes the threads of kernels that wait for each other sleep at once, where other programs want the CPUs.
//
// A thread that reaches the end of a parallel loop first spins until the others are there: on a machine of
// its own that is fastest. Where another program has taken a thread's CPU, the rest spin through its time
// slices, milliseconds a loop instead of microseconds. GNU's OpenMP spins a thousandth as long while there
// are more OpenMP threads than CPUs
// (https://gcc.gnu.org/onlinedocs/gcc-12.3.0/libgomp/GOMP_005fSPINCOUNT.html), its only switch that works in
// a running process: so some more are held here, asleep.
#pragma once

#include <thread>

namespace lathe {

/// While it lives, threads that wait for each other sleep early. Other OpenMP runtimes than GNU's take no
/// notice. The thread it makes computes nothing, and neither does its team.
class SurplusThreads {
 public:
  SurplusThreads();
  ~SurplusThreads();
  SurplusThreads(const SurplusThreads&) = delete;
  SurplusThreads& operator=(const SurplusThreads&) = delete;

 private:
  std::jthread master_;
};

}  // namespace lathe
