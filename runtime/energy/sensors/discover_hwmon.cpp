// Sensors of boards: hwmon chips, Jetson's rails (new and old drivers), batteries.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "runtime/energy/sensors/discover_parts.h"

namespace godwit::energy {
namespace {

constexpr int kRankHwmon = 20;

// Rails by the labels that boards give them. A board's supply is used alone; parts lie inside it.
constexpr std::array<std::string_view, 4> kBoardRails{"VDD_IN", "VIN", "POM_5V_IN", "VIN_SYS_5V0"};
constexpr std::array<std::string_view, 7> kPartWords{"CPU", "GPU", "SOC", "CV", "DDR", "VDDQ", "SYS"};

bool contains(const auto& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

struct Role {
  DomainKind kind = DomainKind::other;
  std::string unused;
};

Role role_of(const Finder& finder, const std::string& label) {
  if (contains(kBoardRails, label) || contains(finder.options.board_rails, label))
    return {DomainKind::board, ""};
  for (const std::string_view word : kPartWords) {
    if (label.find(word) != std::string::npos) return {DomainKind::part, ""};
  }
  return {DomainKind::other, "unknown rail; --rail " + label + "=board makes it the board's supply"};
}

void add_power(Finder& finder, const std::string& id, const std::string& label, std::unique_ptr<Gauge> gauge,
               std::optional<std::int64_t> update_ms, const Role& role) {
  if (gauge == nullptr) return;
  Sensor sensor;
  sensor.id = id;
  sensor.domain = label;
  sensor.kind = SensorKind::power;
  sensor.rank = kRankHwmon;
  if (update_ms && *update_ms > 0)
    sensor.update = std::clamp<std::int64_t>(*update_ms, 1, 10'000) * 1'000'000;
  sensor.gauge = std::move(gauge);
  if (!role.unused.empty()) {
    finder.found.notes.push_back(fmt::format("{}: listed, not used: {}", id, role.unused));
  }
  finder.add(std::move(sensor), role.kind, "", role.unused);
}

// "amd_energy" and "zenergy": counters of cores and sockets; a core is part of its socket.
void add_amd(Finder& finder, const std::string& path, const std::string& chip) {
  for (int i = 1; i <= 1024; ++i) {
    const std::string file = fmt::format("{}/energy{}_input", path, i);
    if (!finder.root.exists(file)) break;
    const std::string label = finder.root.text(fmt::format("{}/energy{}_label", path, i));
    const std::optional<std::int64_t> socket =
        label.starts_with("Esocket") ? parse_integer(std::string_view(label).substr(7)) : std::nullopt;
    if (!socket) continue;
    Sensor sensor;
    sensor.id = fmt::format("hwmon:{}/{}", chip, label);
    sensor.domain = fmt::format("package-{}", *socket);
    sensor.rank = kRankHwmon;
    sensor.gauge = finder.gauge({file});
    if (sensor.gauge != nullptr) finder.add(std::move(sensor), DomainKind::package);
  }
}

// Channels of voltage times current. Of an INA3221, 1 to 3 are rails, 4 to 7 the voltages over their shunts.
void add_ina3221(Finder& finder, const std::string& path, const std::string& chip) {
  const std::optional<std::int64_t> update = finder.root.number(path + "/update_interval");
  for (int i = 1; i <= 3; ++i) {
    const std::string volts = fmt::format("{}/in{}_input", path, i);
    const std::string amperes = fmt::format("{}/curr{}_input", path, i);
    if (!finder.root.exists(volts) || !finder.root.exists(amperes)) continue;
    const std::string given = finder.root.text(fmt::format("{}/in{}_label", path, i));
    const std::string label = given.empty() ? fmt::format("{}-{}", chip, i) : given;
    // mV × mA = uW
    add_power(finder, fmt::format("hwmon:{}/in{}*curr{}", chip, i, i), label, finder.gauge({volts, amperes}),
              update, role_of(finder, label));
  }
}

// powerN_average or powerN_input in microwatts.
void add_powers(Finder& finder, const std::string& path, const std::string& chip) {
  const std::optional<std::int64_t> update = finder.root.number(path + "/update_interval");
  for (int i = 1; i <= 16; ++i) {
    for (const char* suffix : {"average", "input"}) {
      const std::string file = fmt::format("{}/power{}_{}", path, i, suffix);
      if (!finder.root.exists(file)) continue;
      const std::string given = finder.root.text(fmt::format("{}/power{}_label", path, i));
      const bool acpi = chip == "power_meter";  // ACPI: of the whole system by its definition
      const std::string label = acpi             ? "system"
                                : !given.empty() ? given
                                : i == 1         ? chip
                                                 : fmt::format("{}-{}", chip, i);
      const std::optional<std::int64_t> interval =
          acpi ? finder.root.number(fmt::format("{}/power{}_average_interval", path, i)) : update;
      add_power(finder, fmt::format("hwmon:{}/power{}_{}", chip, i, suffix), label, finder.gauge({file}),
                interval, acpi ? Role{DomainKind::board, ""} : role_of(finder, label));
      break;  // the average stands for the momentary value of the same channel
    }
  }
}

// Energy that a battery has given since it was found, by the charge left in it; nothing once it is charged.
class DischargeGauge final : public Gauge {
 public:
  DischargeGauge(std::unique_ptr<Gauge> left, std::int64_t first) : left_(std::move(left)), first_(first) {}
  std::optional<std::int64_t> read() override {
    const std::optional<std::int64_t> left = left_->read();
    if (!left || *left > first_) return std::nullopt;
    return first_ - *left;
  }

 private:
  std::unique_ptr<Gauge> left_;
  std::int64_t first_;  // uJ
};

// Beside the power: the charge tells the same energy in coarse steps.
void add_charge(Finder& finder, const std::string& path, const std::string& name) {
  constexpr std::int64_t kMicrojoulesPerMicrowattHour = 3600;
  if (!finder.root.exists(path + "/energy_now")) return;
  std::unique_ptr<Gauge> left = finder.gauge({path + "/energy_now"}, kMicrojoulesPerMicrowattHour);
  const std::optional<std::int64_t> first = left == nullptr ? std::nullopt : left->read();
  if (!first) return;
  Sensor sensor;
  sensor.id = "battery:" + name + "/energy_now";
  sensor.domain = "battery-" + name;
  sensor.kind = SensorKind::counter;
  sensor.rank = kRankHwmon + 1;
  sensor.range.max_power_w = 1e5;  // a step of many joules comes in an instant
  sensor.gauge = std::make_unique<DischargeGauge>(std::move(left), *first);
  finder.add(std::move(sensor), DomainKind::battery);
}

// abs(current) × voltage where there is no power: uA × uV = 1e-6 uW.
void add_battery(Finder& finder, const std::string& path, const std::string& name) {
  std::unique_ptr<Gauge> gauge;
  if (finder.root.exists(path + "/power_now")) {
    gauge = finder.gauge({path + "/power_now"});
  } else if (finder.root.exists(path + "/current_now")) {
    gauge = finder.gauge({path + "/current_now", path + "/voltage_now"}, 1, 1'000'000);
  }
  if (gauge == nullptr) return;
  Sensor sensor;
  sensor.id = "battery:" + name;
  sensor.domain = "battery-" + name;
  sensor.kind = SensorKind::power;
  sensor.rank = kRankHwmon;
  sensor.update = kSecond;
  sensor.gauge = std::move(gauge);
  finder.add(std::move(sensor), DomainKind::battery);
  add_charge(finder, path, name);
}

}  // namespace

void find_hwmon(Finder& finder) {
  const std::string directory = "sys/class/hwmon";
  const std::size_t before = finder.found.sensors.size();
  const std::vector<std::string> chips = finder.root.list(directory);
  for (const std::string& entry : chips) {
    for (const std::string& path : {directory + "/" + entry, directory + "/" + entry + "/device"}) {
      const std::string chip = finder.root.text(path + "/name");
      if (chip.empty()) continue;
      if (chip == "amd_energy" || chip == "zenergy") {
        add_amd(finder, path, chip);
      } else if (chip == "ina3221") {
        add_ina3221(finder, path, chip);
      } else {
        add_powers(finder, path, chip);
      }
      break;
    }
  }
  finder.look(directory, !finder.root.exists(directory) ? "absent"
                         : finder.found.sensors.size() == before
                             ? fmt::format("{} chips, none with energy", chips.size())
                             : fmt::format("{} sensor{}", finder.found.sensors.size() - before,
                                           finder.found.sensors.size() - before == 1 ? "" : "s"));
}

// The old driver of Jetson's INA3221, in milliwatts: rail_name_N beside in_powerN_input.
void find_iio(Finder& finder) {
  const std::string drivers = "sys/bus/i2c/drivers/ina3221x";
  for (const std::string& address : finder.root.list(drivers)) {
    for (const std::string& device : finder.root.list(drivers + "/" + address)) {
      if (!device.starts_with("iio")) continue;
      const std::string path = drivers + "/" + address + "/" + device;
      for (int i = 0; i < 4; ++i) {
        const std::string label = finder.root.text(fmt::format("{}/rail_name_{}", path, i));
        const std::string file = fmt::format("{}/in_power{}_input", path, i);
        if (label.empty() || !finder.root.exists(file)) continue;
        add_power(finder, fmt::format("iio:{}/in_power{}", address, i), label, finder.gauge({file}, 1000),
                  std::nullopt, role_of(finder, label));
      }
    }
  }
}

void find_batteries(Finder& finder) {
  const std::string directory = "sys/class/power_supply";
  int batteries = 0, charging = 0;
  for (const std::string& name : finder.root.list(directory)) {
    const std::string path = directory + "/" + name;
    // UCSI and USB entries tell what was negotiated, not what flows.
    if (finder.root.text(path + "/type") != "Battery" || finder.root.text(path + "/scope") == "Device")
      continue;
    ++batteries;
    if (finder.root.text(path + "/status") == "Discharging") {
      add_battery(finder, path, name);
    } else {
      ++charging;
    }
  }
  finder.found.looked.push_back(
      {"batteries", batteries == 0  ? "none"
                    : charging == 0 ? fmt::format("{} discharging", batteries)
                                    : fmt::format("{} of {} not discharging", charging, batteries)});
}

}  // namespace godwit::energy
