// A soak in lines, a table and JSON.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/bench/energy_text.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::string cell(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

Json slope_json(const energy::Slope& slope) { return {{"change", slope.change}, {"p", slope.p}}; }

}  // namespace

std::string soak_line(const energy::SoakRow& row) {
  std::string line = fmt::format("{:.0f} s: ", row.begin_s + row.seconds);
  if (row.watts) line += fmt::format("{:.2f} W, ", *row.watts);
  line += fmt::format("{:.1f} images/s", row.img_s);
  if (row.temperature_c) line += fmt::format(", {:.0f} °C", *row.temperature_c);
  return line;
}

std::string soak_text(const energy::SoakResult& soak) {
  if (soak.rows.empty()) return "";
  Table table({{"from s"}, {"seconds"}, {"W"}, {"images/s"}, {"°C"}});
  for (const energy::SoakRow& row : soak.rows) {
    table.add({fmt::format("{:.1f}", row.begin_s), fmt::format("{:.1f}", row.seconds), cell(row.watts, 2),
               fmt::format("{:.1f}", row.img_s), cell(row.temperature_c, 0)});
  }
  std::string text = "\nsoak\n" + table.to_string();
  text += fmt::format("over the soak images/s change by {:+.1f} % (p {:.2g})", 100 * soak.rate.change,
                      soak.rate.p);
  if (soak.rows.front().watts)
    text += fmt::format(", W by {:+.1f} % (p {:.2g})", 100 * soak.watts.change, soak.watts.p);
  return text + fmt::format(": {}\n", soak.verdict.to_string());
}

Json soak_json(const energy::SoakResult& soak) {
  Json rows = Json::array();
  for (const energy::SoakRow& row : soak.rows) {
    rows.push_back({{"begin_s", row.begin_s},
                    {"seconds", row.seconds},
                    {"watts", or_null(row.watts)},
                    {"images_per_second", row.img_s},
                    {"temperature_c", or_null(row.temperature_c)}});
  }
  return {{"rows", std::move(rows)},
          {"images_per_second", slope_json(soak.rate)},
          {"watts", soak.rows.empty() || !soak.rows.front().watts ? Json(nullptr) : slope_json(soak.watts)},
          {"verdict",
           {{"state", energy::Verdict::name_of(soak.verdict.state)}, {"reasons", soak.verdict.reasons}}}};
}

}  // namespace godwit::tools
