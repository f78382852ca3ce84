// SPDX-License-Identifier: Apache-2.0
// What the use cases share: a model made runnable, its inputs, and honest timing. Executor thread only.
#pragma once

#include <memory>
#include <vector>

#include "engine/runtime/converted.h"
#include "profiler/record/recorder.h"
#include "profiler/workflow/workflow.h"

namespace lathe {

/// Runs of one runnable with one set of inputs.
class Session {
 public:
  Session(Runnable& runnable, NamedValues inputs, uint64_t seed)
      : runnable_(runnable), inputs_(std::move(inputs)), seed_(seed) {}

  Result<NamedValues> run(const JobContext& job, RunObserver* observer = nullptr);
  Status warm_up(int runs, const JobContext& job);
  /// Nanoseconds of each of `runs` runs, recording off.
  Result<std::vector<int64_t>> time(int runs, const JobContext& job);
  struct Measurement {
    std::vector<int64_t> timed;     ///< nanoseconds of each run with recording off
    std::vector<int64_t> recorded;  ///< of each run with recording on
    std::vector<double> ratios;     ///< of each of those to the timed run before it
    Recording recording;
    double recording_cost() const;  ///< how much slower recorded runs were, as a fraction: median of pairs
    /// Whether some recorded runs, as many as are kept, took as long as the median of the timed ones.
    bool latency_was_recorded(int kept) const;
  };
  struct MeasurePlan {
    int runs = 0;      ///< timed, recording off
    int recorded = 0;  ///< recording on, spread evenly among them
    int kept = 0;      ///< of those, in the recording
    /// Rounds added at most while no recorded run took as long as the latency reported, because the machine
    /// changed its pace; also of timed runs where `more_timed`.
    int more = 0;
    bool more_timed = false;
  };
  /// Timed and recorded runs take turns, so that whatever else the machine does slows both alike. The
  /// recording keeps those that show the latency reported: whose time is nearest to the median timed run.
  Result<Measurement> measure(const MeasurePlan& plan, const JobContext& job);

 private:
  Result<int64_t> timed_run(const JobContext& job, RunObserver* observer = nullptr);
  Status record_run(Measurement& measured, Recorder& recorder, const JobContext& job);

  Runnable& runnable_;
  NamedValues inputs_;
  uint64_t seed_;
};

/// Shapes of the inputs of a run: what was given, what the model fixes, 1 for what is open.
std::map<std::string, Shape> input_shapes(const NamedValues& inputs);

/// The request's model, compiled where it asks for an engine; `compile_ms` gets the time that took.
Result<std::unique_ptr<Runnable>> make_runnable(const RunRequest& request, const NamedValues& inputs,
                                                const JobContext& job, double& compile_ms);

/// Concrete shapes for the inputs that a configuration speaks of: its opt sizes, where it leaves an axis open
/// the model's own or 1.
std::map<std::string, Shape> configured_shapes(const Model& model, const Configuration& configuration);

/// Inputs of a run: those given, else random ones of the shapes asked for, else of those that the conversion
/// was made for.
Result<NamedValues> run_inputs(const RunRequest& request);

/// Sets the thread count that everything from here on uses.
void use_threads(int requested);

}  // namespace lathe
