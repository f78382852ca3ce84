// SPDX-License-Identifier: Apache-2.0
#include "profiler/workflow/machine.h"

#include <algorithm>
#include <fstream>
#include <sched.h>
#include <set>
#include <sys/resource.h>
#include <thread>

#include "engine/kernels/kernel.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown CPU";
}

int physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return std::max(1U, std::thread::hardware_concurrency());
  std::set<std::string> cores;  // threads of one core name the same siblings
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream in("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string siblings = std::to_string(cpu);
    std::getline(in, siblings);
    cores.insert(siblings);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

size_t peak_memory_bytes() {
  struct rusage usage {};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<size_t>(usage.ru_maxrss) * 1024 : 0;
}

int default_threads() {
  return physical_cores();
}

std::string lathe_version() {
  return LATHE_VERSION;
}

std::string build_description() {
  return "cpu: " + cpu_name() + "\ninstruction set: " + instruction_set() +
         "\nthreads: " + std::to_string(physical_cores()) +
         "\noperators: " + std::to_string(operators().all().size()) + "\n";
}

std::vector<OperatorEntry> list_operators() {
  std::vector<OperatorEntry> entries;
  for (const Operator& op : operators().all()) {
    OperatorEntry entry;
    entry.name =
        op.domain.empty() ? std::string(op.name) : std::string(op.domain) + "." + std::string(op.name);
    entry.versions = op.versions;
    entry.runs = op.run != nullptr;
    for (const KernelCandidate& candidate : kernels().find(entry.name))
      entry.kernels.emplace_back(candidate.name);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace lathe
