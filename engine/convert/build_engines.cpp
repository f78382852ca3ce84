// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/build_engines.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>
#include <vector>

namespace lathe {
namespace {

/// Bytes; the arena of an engine is only taken when it runs.
size_t physical_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), bytes = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(bytes) : SIZE_MAX;
}

/// Whether `fastest` lies beyond the fastest of other runs, which are sorted, and beyond what is usual among
/// them: where they differ widely the machine is disturbed, and the fastest of a few tells nothing.
bool clearly_slower(int64_t fastest, const std::vector<int64_t>& others) {
  constexpr double noise = 1.05, noise_ns = 50e3;
  return static_cast<double>(fastest) > noise * static_cast<double>(others.front()) + noise_ns &&
         fastest > others[others.size() / 2];
}

}  // namespace

Result<std::unique_ptr<ConvertedModel>> build_engines(const std::shared_ptr<const Model>& model,
                                                      const Partition& partition,
                                                      std::map<std::string, ShapeBounds> bounds,
                                                      const std::map<std::string, Shape>& shapes,
                                                      const JobContext& job, size_t* failed) {
  LATHE_ASSIGN(std::unique_ptr<ConvertedModel> made, make_converted(model, partition, std::move(bounds)));
  if (partition.pieces.empty()) return made;
  LATHE_TRY(made->prepare(shapes, &job, failed));
  for (size_t piece = 0; piece < partition.pieces.size(); ++piece) {
    const size_t needed = made->engine(piece)->arena_bytes();
    if (needed <= physical_memory()) continue;
    if (failed != nullptr) *failed = piece;
    return resource_error("engine '" + partition.pieces[piece].name + "'",
                          "needs " + std::to_string(needed) + " bytes of memory to run, the machine has " +
                              std::to_string(physical_memory()));
  }
  return made;
}

Result<Comparison> compare_engines(ConvertedModel& merged, ConvertedModel& apart, const NamedValues* inputs,
                                   const JobContext& job) {
  constexpr int rounds = 5, most_attempts = 4;
  if (inputs == nullptr) return Comparison();
  job.report(-1, "comparing merged engines with engines by module");
  int64_t together = INT64_MAX;
  std::vector<int64_t> alone;
  bool merged_wins = false;
  // A loss is looked at again: whatever else the machine does can slow a few runs, but not make any faster.
  for (int attempt = 0; attempt < most_attempts && !merged_wins; ++attempt) {
    for (int round = 0; round <= rounds; ++round)  // the first one warms up
      for (const bool together_now : {true, false}) {
        LATHE_TRY(job.check());
        const int64_t begin = now_ns();
        const auto outputs = (together_now ? merged : apart).run(*inputs, RunOptions());
        if (!outputs.ok()) return Comparison();
        const int64_t taken = now_ns() - begin;
        if (round == 0) continue;
        if (together_now)
          together = std::min(together, taken);
        else
          alone.push_back(taken);
      }
    std::sort(alone.begin(), alone.end());
    merged_wins = !clearly_slower(together, alone);
  }
  Comparison made;
  made.merged_wins = merged_wins;
  made.text = fmt::format("{} engines by module take {:.3f} ms, merged into {} {:.3f} ms: {}",
                          apart.partition().pieces.size(), static_cast<double>(alone.front()) / 1e6,
                          merged.partition().pieces.size(), static_cast<double>(together) / 1e6,
                          made.merged_wins ? "merged" : "kept apart");
  return made;
}

}  // namespace lathe
