// Machines that tests of energy make up, and what feeds their sensors.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "tests/tools/program.h"

namespace godwit::tools {

// Directories in place of /sys and /proc: of a virtual machine without any sensor, so that tests mean the
// same on every machine.
class EnergyProgram : public testing::Test {
 protected:
  EnergyProgram() {
    folder.write("proc/cpuinfo", "model name\t: Test CPU\nflags\t\t: fpu hypervisor lm\n");
    folder.write("sys/devices/system/clocksource/clocksource0/available_clocksource", "kvm-clock tsc\n");
  }
  std::vector<std::string> bench(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"bench",    model,           "--energy",  "--sysfs", folder / "sys",
                                       "--procfs", folder / "proc", "--seconds", "0.2",     "--baseline",
                                       "0.3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // A package's zone of powercap, and what writes its counter at so many watts.
  std::function<void(double seconds)> counter_of(const std::string& zone, double watts) const {
    constexpr double kFirst = 5e9;
    folder.write(zone + "/name", "package-0\n");
    folder.write(zone + "/energy_uj", fmt::format("{:<20}\n", static_cast<std::int64_t>(kFirst)));
    // Writes are all as wide and over the same bytes, so that no reader sees half a number.
    return [file = folder / (zone + "/energy_uj"), watts](double seconds) {
      std::fstream(file, std::ios::in | std::ios::out)
          << fmt::format("{:<20}\n", static_cast<std::int64_t>(kFirst + seconds * watts * 1e6));
    };
  }

  TemporaryDirectory folder;
  std::string model = save_tiny_model(folder);
};

// A thread that writes what a sensor would show until it is destroyed.
class Feeder {
 public:
  explicit Feeder(std::function<void(double seconds)> write)
      : thread_([this, write = std::move(write)] {
          const auto begin = std::chrono::steady_clock::now();
          while (!stop_.load()) {
            write(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
          }
        }) {}
  ~Feeder() {
    stop_.store(true);
    thread_.join();
  }
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

inline double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace godwit::tools
