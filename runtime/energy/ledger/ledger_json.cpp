// A record as JSON; ledger_read.cpp has the way back.
#include <nlohmann/json.hpp>

#include "runtime/energy/ledger/ledger.h"

namespace godwit::energy {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json pair_of(Interval interval) { return {interval.low, interval.high}; }

Json sensor_json(const SensorUse& sensor) {
  Json json = {{"id", sensor.id}, {"domain", sensor.domain}};
  if (!sensor.kind.empty()) json["kind"] = sensor.kind;
  if (sensor.unit_j) json["unit_j"] = *sensor.unit_j;
  if (sensor.reads) json["reads"] = *sensor.reads;
  if (sensor.changed) json["changed"] = *sensor.changed;
  if (sensor.gap_max_s) json["gap_max_s"] = *sensor.gap_max_s;
  if (sensor.wraps) json["wraps"] = *sensor.wraps;
  json["role"] = sensor.role;
  if (sensor.disagreement) json["disagreement"] = *sensor.disagreement;
  return json;
}

Json uncertainty_json(const Uncertainty& u) {
  Json json = Json::object();
  if (u.statistical) json["statistical"] = *u.statistical;
  if (u.baseline) json["baseline"] = *u.baseline;
  if (u.edge) json["edge"] = *u.edge;
  if (u.meter) json["meter"] = *u.meter;
  json["bias"] = u.bias ? Json(*u.bias) : Json("unknown");
  return json;
}

Json energy_json(const std::optional<MeasuredEnergy>& energy) {
  if (!energy)
    return {{"quality", nullptr}, {"measured_j", nullptr}, {"gross_j", nullptr}, {"net_j", nullptr}};
  Json json = {{"quality", name_of(energy->quality)},
               {"scope", energy->scope},
               {"measured_j", energy->gross.value()},
               {"gross_j", energy->gross.value()},
               {"net_j", energy->net ? Json(energy->net->value()) : Json(nullptr)},
               {"ci95_j", energy->ci95_j ? pair_of(*energy->ci95_j) : Json(nullptr)},
               {"u", uncertainty_json(energy->uncertainty)}};
  if (energy->attributed_net) {
    json["attributed"] = {{"quality", name_of(Quality::attributed)},
                          {"share", value_or_null(energy->attributed_share)},
                          {"net_j", energy->attributed_net->value()}};
  }
  return json;
}

Json estimate_json(const Record& record) {
  if (!record.estimate) return nullptr;
  const EstimatedEnergy& estimate = *record.estimate;
  Json json = {{"quality", name_of(Quality::estimate)},
               {"method", estimate.method},
               {"low_j", estimate.total.low()},
               {"middle_j", estimate.total.middle()},
               {"high_j", estimate.total.high()},
               {"basis", estimate.basis},
               {"per_image_mj", nullptr}};
  if (const auto per_image = estimated_joules_per_image(record)) {
    json["per_image_mj"] = {per_image->low() * 1e3, per_image->middle() * 1e3, per_image->high() * 1e3};
  }
  return json;
}

Json per_image_json(const Record& record) {
  const auto gross = joules_per_image(record, false), net = joules_per_image(record, true);
  Json json = {{"images", record.images},
               {"gross_mj", gross ? Json(gross->value() * 1e3) : Json(nullptr)},
               {"net_mj", net ? Json(net->value() * 1e3) : Json(nullptr)},
               {"ci95_mj", nullptr},
               {"cpu_s", nullptr}};
  const auto images = static_cast<double>(record.images);
  if (gross && record.energy->ci95_j) {
    json["ci95_mj"] =
        pair_of({record.energy->ci95_j->low * 1e3 / images, record.energy->ci95_j->high * 1e3 / images});
  }
  if (record.cpu_seconds && record.images > 0) json["cpu_s"] = *record.cpu_seconds / images;
  return json;
}

Json layer_json(const LayerEnergy& layer) {
  Json json = {{"name", layer.name}, {"method", layer.method}};
  if (layer.gross_mj) json["gross_mj"] = *layer.gross_mj;
  json["net_mj"] = value_or_null(layer.net_mj);
  json["share"] = value_or_null(layer.share);
  if (layer.seconds) json["seconds"] = *layer.seconds;
  if (layer.macs) json["macs"] = *layer.macs;
  if (layer.error) json["error"] = *layer.error;
  return json;
}

// kWh of one image at the wall of a building whose overhead is PUE; gross, because the bill is.
std::optional<double> kwh_per_image(const Record& record) {
  const auto gross = joules_per_image(record, false);
  if (!gross || !(gross->value() > 0)) return std::nullopt;
  return gross->value() * record.pue / 3.6e6;
}

Json price_json(const Record& record) {
  if (!record.price) return nullptr;
  const Price& price = *record.price;
  Json json = {{"per_kwh", price.per_kwh},
               {"currency", price.currency},
               {"source", text_or_null(price.source)},
               {"million_img_per_unit", nullptr}};
  const auto kwh = kwh_per_image(record);
  if (kwh && price.per_kwh > 0) json["million_img_per_unit"] = 1 / (*kwh * price.per_kwh) / 1e6;
  return json;
}

Json carbon_json(const Record& record) {
  Json json = {{"g_per_kwh", value_or_null(record.carbon.g_per_kwh)},
               {"source", text_or_null(record.carbon.source)},
               {"g_per_1000_img", nullptr}};
  const auto kwh = kwh_per_image(record);
  if (kwh && record.carbon.g_per_kwh) json["g_per_1000_img"] = *kwh * 1000 * *record.carbon.g_per_kwh;
  return json;
}

Json cap_json(const std::optional<CapUse>& cap) {
  if (!cap) return nullptr;
  Json json = {{"backend", cap->backend},
               {"set_w", value_or_null(cap->set_w)},
               {"previous_w", value_or_null(cap->previous_w)},
               {"restored", value_or_null(cap->restored)}};
  if (!cap->detail.empty()) json["detail"] = cap->detail;
  return json;
}

Json record_json(const Record& record) {
  const Host& host = record.host;
  const ModelFacts& model = record.model;
  Json json = {
      {"schema", kLedgerSchema},
      {"run", record.run},
      {"time", record.time},
      {"host",
       {{"cpu", host.cpu},
        {"sockets", value_or_null(host.sockets)},
        {"kernel", host.kernel},
        {"virt", value_or_null(host.virt)},
        {"governor", value_or_null(host.governor)},
        {"boost", value_or_null(host.boost)}}},
      {"model",
       {{"file", model.file},
        {"file_sha256", text_or_null(model.file_sha256)},
        {"precision", model.precision},
        {"isa", model.isa},
        {"batch", model.batch},
        {"threads", model.threads},
        {"macs", value_or_null(model.macs)},
        {"flops", value_or_null(model.flops)}}},
      {"protocol",
       {{"name", record.protocol.name},
        {"rounds", record.protocol.rounds},
        {"repetitions", record.protocol.repetitions},
        {"window_s", record.protocol.window_s},
        {"warmup_s", record.protocol.warmup_s},
        {"method", text_or_null(record.protocol.method)}}},
  };
  json["sensors"] = Json::array();
  for (const SensorUse& sensor : record.sensors) json["sensors"].push_back(sensor_json(sensor));
  json["energy"] = energy_json(record.energy);
  json["estimate"] = estimate_json(record);
  json["baseline"] = nullptr;
  if (record.baseline) {
    json["baseline"] = {{"before_w", record.baseline->before_w},
                        {"after_w", value_or_null(record.baseline->after_w)},
                        {"ci95_w", value_or_null(record.baseline->ci95_w)}};
  }
  json["per_image"] = per_image_json(record);
  json["throughput"] = nullptr;
  if (record.throughput) {
    json["throughput"] = {{"img_s", record.throughput->img_s},
                          {"p50_ms", value_or_null(record.throughput->p50_ms)},
                          {"p99_ms", value_or_null(record.throughput->p99_ms)}};
  }
  json["accuracy"] = nullptr;
  if (record.accuracy) {
    json["accuracy"] = {{"top1", record.accuracy->top1},
                        {"top5", value_or_null(record.accuracy->top5)},
                        {"set", text_or_null(record.accuracy->set)}};
  }
  json["layers"] = Json::array();
  for (const LayerEnergy& layer : record.layers) json["layers"].push_back(layer_json(layer));
  json["closure"] = value_or_null(record.closure);
  json["price"] = price_json(record);
  json["carbon"] = carbon_json(record);
  json["pue"] = record.pue;
  json["cap"] = cap_json(record.cap);
  // A run without measurements has nothing to call valid.
  json["verdict"] = nullptr;
  if (record.energy || !record.verdict.valid()) {
    json["verdict"] = {{"state", Verdict::name_of(record.verdict.state)},
                       {"reasons", record.verdict.reasons}};
  }
  return json;
}

// Adds what `older` holds and `json` does not, also in objects inside, and in arrays of the same length.
void keep_unknown(Json& json, const Json& older) {
  if (json.is_object() && older.is_object()) {
    for (const auto& [key, value] : older.items()) {
      const auto found = json.find(key);
      if (found == json.end()) {
        json[key] = value;
      } else {
        keep_unknown(*found, value);
      }
    }
  } else if (json.is_array() && older.is_array() && json.size() == older.size()) {
    for (std::size_t i = 0; i < json.size(); ++i) keep_unknown(json[i], older[i]);
  }
}

}  // namespace

std::string to_json_text(const Record& record) {
  Json json = record_json(record);
  if (!record.source.empty()) {
    const Json older = Json::parse(record.source, nullptr, false);
    if (!older.is_discarded()) keep_unknown(json, older);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace godwit::energy
