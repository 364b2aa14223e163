// A simulated machine under the protocol: plant, host, sensors and one workload.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime/energy/protocol/analysis.h"
#include "runtime/energy/protocol/protocol.h"
#include "runtime/energy/sensors/discover.h"
#include "tests/support/sim_plant.h"

namespace godwit::energy::test {

struct Simulated {
  explicit Simulated(const support::SimPlant::Options& options = {})
      : plant(clock, options), sim_host(clock) {
    plant.show(root, "sys/class/powercap/intel-rapl:0", "package-0");
    sim_host.show(root);
  }

  support::VirtualClock clock;
  support::VirtualRoot root;
  support::SimPlant plant;
  support::SimHost sim_host;
  support::VirtualPerf perf;
  Nanoseconds run_time = 50'000'000;
  // Called before every run with the number of runs so far.
  std::function<void(int)> disturb = [](int) {};
  int runs = 0;

  Discovery found;
  std::unique_ptr<Recorder> recorder;

  Workload workload(std::int64_t images = 8) {
    return {images, [this] {
              disturb(runs++);
              plant.work(run_time);
            }};
  }

  RunLog run(const ProtocolOptions& options) {
    found = discover(root, perf);
    recorder = std::make_unique<Recorder>(found, clock);
    const HostWatch watch(root);
    return run_protocol(options, {workload()}, clock, recorder.get(), watch);
  }

  EnergyResult measure(const ProtocolOptions& options = {}) {
    const RunLog log = run(options);
    return analyse(log, options, {workload()}, source_of(*recorder, log)).front();
  }
};

}  // namespace godwit::energy::test
