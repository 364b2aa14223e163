// A line of the ledger back into a record: every field is checked, since the file may come from anywhere.
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/energy/ledger/ledger.h"
#include "runtime/error.h"
#include "runtime/json.h"

namespace godwit::energy {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;  // more than any record nests

// One object of the text and its path in it ("energy"), from which fields are taken by name; a field of
// another type than expected is an Error that says so.
class Fields {
 public:
  Fields(const Json& json, std::string path, const std::string& where)
      : json_(&json), path_(std::move(path)), where_(&where) {
    if (!json.is_object()) wrong("", "an object");
  }

  // nullptr where absent or null.
  const Json* find(const char* name) const {
    const auto found = json_->find(name);
    return found == json_->end() || found->is_null() ? nullptr : &*found;
  }
  std::optional<Fields> object(const char* name) const {
    const Json* found = find(name);
    if (found == nullptr) return std::nullopt;
    return Fields(*found, path_of(name), *where_);
  }
  std::vector<Fields> objects(const char* name) const {
    std::vector<Fields> all;
    for (const Json& each : array(name)) all.emplace_back(each, path_of(name), *where_);
    return all;
  }
  std::string text(const char* name) const {
    const Json* found = find(name);
    if (found == nullptr) return "";
    if (!found->is_string()) wrong(name, "a text");
    return found->get<std::string>();
  }
  std::optional<std::string> optional_text(const char* name) const {
    return find(name) == nullptr ? std::nullopt : std::optional(text(name));
  }
  std::optional<double> number(const char* name) const {
    const Json* found = find(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_number()) wrong(name, "a number");
    return found->get<double>();
  }
  double number(const char* name, double otherwise) const { return number(name).value_or(otherwise); }
  std::optional<std::int64_t> whole(const char* name) const {
    const std::optional<double> value = number(name);
    if (!value) return std::nullopt;
    constexpr double kLargest = 9e18;
    if (std::abs(*value) > kLargest || std::trunc(*value) != *value) wrong(name, "a whole number");
    const Json& found = *find(name);
    return found.is_number_integer() ? found.get<std::int64_t>() : static_cast<std::int64_t>(*value);
  }
  int small(const char* name, int otherwise) const {
    const std::optional<std::int64_t> value = whole(name);
    if (!value) return otherwise;
    if (*value < 0 || *value > std::numeric_limits<int>::max()) wrong(name, "a small whole number");
    return static_cast<int>(*value);
  }
  std::optional<bool> flag(const char* name) const {
    const Json* found = find(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_boolean()) wrong(name, "true or false");
    return found->get<bool>();
  }
  std::optional<Interval> interval(const char* name) const {
    const std::vector<double> values = numbers(name);
    if (values.empty()) return std::nullopt;
    if (values.size() != 2 || values[0] > values[1]) wrong(name, "two numbers, the lower first");
    return Interval{values[0], values[1]};
  }
  std::vector<double> numbers(const char* name) const {
    std::vector<double> values;
    for (const Json& each : array(name)) {
      if (!each.is_number()) wrong(name, "an array of numbers");
      values.push_back(each.get<double>());
    }
    return values;
  }
  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> values;
    for (const Json& each : array(name)) {
      if (!each.is_string()) wrong(name, "an array of texts");
      values.push_back(each.get<std::string>());
    }
    return values;
  }
  [[noreturn]] void wrong(const char* name, std::string_view expected) const {
    throw Error(fmt::format("{}: '{}' must be {}", *where_, path_of(name), expected));
  }

 private:
  std::string path_of(std::string_view name) const {
    if (name.empty()) return path_.empty() ? "record" : path_;
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
  }
  const Json& array(const char* name) const {
    static const Json kNone = Json::array();
    const Json* found = find(name);
    if (found == nullptr) return kNone;
    if (!found->is_array()) wrong(name, "an array");
    return *found;
  }

  const Json* json_;
  std::string path_;
  const std::string* where_;
};

Host read_host(const Fields& fields) {
  return {fields.text("cpu"),
          fields.whole("sockets") ? std::optional(fields.small("sockets", 0)) : std::nullopt,
          fields.text("kernel"),
          fields.optional_text("virt"),
          fields.optional_text("governor"),
          fields.flag("boost")};
}

ModelFacts read_model(const Fields& fields) {
  ModelFacts model;
  model.file = fields.text("file");
  model.file_sha256 = fields.text("file_sha256");
  model.precision = fields.text("precision");
  model.isa = fields.text("isa");
  model.batch = fields.whole("batch").value_or(1);
  model.threads = fields.small("threads", 1);
  model.macs = fields.whole("macs");
  model.flops = fields.whole("flops");
  return model;
}

Protocol read_protocol(const Fields& fields) {
  Protocol protocol;
  protocol.name = fields.text("name");
  protocol.rounds = fields.whole("rounds").value_or(0);
  protocol.repetitions = fields.whole("repetitions").value_or(0);
  protocol.window_s = fields.numbers("window_s");
  protocol.warmup_s = fields.number("warmup_s", 0);
  protocol.method = fields.text("method");
  return protocol;
}

SensorUse read_sensor(const Fields& fields) {
  SensorUse sensor{fields.text("id"),
                   fields.text("domain"),
                   fields.text("kind"),
                   fields.text("role"),
                   {},
                   {},
                   {},
                   {},
                   {},
                   {}};
  sensor.unit_j = fields.number("unit_j");
  sensor.reads = fields.whole("reads");
  sensor.changed = fields.whole("changed");
  sensor.wraps = fields.whole("wraps");
  sensor.gap_max_s = fields.number("gap_max_s");
  sensor.disagreement = fields.number("disagreement");
  return sensor;
}

std::optional<MeasuredEnergy> read_energy(const Fields& fields) {
  const std::optional<double> gross = fields.number("gross_j");
  if (!gross) return std::nullopt;
  MeasuredEnergy energy;
  const std::optional<Quality> quality = quality_of(fields.text("quality"));
  if (!quality || *quality == Quality::estimate)
    fields.wrong("quality", "measured, measured-replay, external, host-attributed or attributed");
  energy.quality = *quality;
  energy.scope = fields.text("scope");
  energy.gross = Measured<Joules>(Joules{*gross});
  if (const auto net = fields.number("net_j")) energy.net = Measured<Joules>(Joules{*net});
  energy.ci95_j = fields.interval("ci95_j");
  if (const auto u = fields.object("u")) {
    energy.uncertainty.statistical = u->number("statistical");
    energy.uncertainty.baseline = u->number("baseline");
    energy.uncertainty.edge = u->number("edge");
    energy.uncertainty.meter = u->number("meter");
    const Json* bias = u->find("bias");
    if (bias != nullptr && !bias->is_string()) energy.uncertainty.bias = u->number("bias");
  }
  if (const auto attributed = fields.object("attributed")) {
    if (const auto net = attributed->number("net_j")) energy.attributed_net = Measured<Joules>(Joules{*net});
    energy.attributed_share = attributed->number("share");
  }
  return energy;
}

EstimatedEnergy read_estimate(const Fields& fields) {
  const auto low = fields.number("low_j"), middle = fields.number("middle_j"), high = fields.number("high_j");
  if (!low || !middle || !high || !(*low <= *middle && *middle <= *high))
    fields.wrong("", "a range: low_j <= middle_j <= high_j");
  return {fields.text("method"), Estimated<Joules>(Joules{*low}, Joules{*middle}, Joules{*high}),
          fields.text("basis")};
}

LayerEnergy read_layer(const Fields& fields) {
  LayerEnergy layer;
  layer.name = fields.text("name");
  layer.method = fields.text("method");
  layer.gross_mj = fields.number("gross_mj");
  layer.net_mj = fields.number("net_mj");
  layer.share = fields.number("share");
  layer.seconds = fields.number("seconds");
  layer.macs = fields.whole("macs");
  layer.error = fields.number("error");
  return layer;
}

CapUse read_cap(const Fields& fields) {
  return {fields.text("backend"), fields.number("set_w"), fields.number("previous_w"),
          fields.flag("restored"), fields.text("detail")};
}

Verdict read_verdict(const Fields& fields) {
  Verdict verdict;
  const std::string state = fields.text("state");
  for (const Verdict::State known :
       {Verdict::State::valid, Verdict::State::suspect, Verdict::State::invalid}) {
    if (state == Verdict::name_of(known)) {
      verdict.state = known;
      verdict.reasons = fields.texts("reasons");
      return verdict;
    }
  }
  fields.wrong("state", "valid, suspect or invalid");
}

}  // namespace

Record record_from_json(std::string_view text, const std::string& where) {
  const std::optional<Json> json = parse_json(text, kMaxDepth);
  if (!json) throw Error(fmt::format("{} is not a JSON object on one line", where));
  const Fields fields(*json, "", where);
  const std::string schema = fields.text("schema");
  if (schema != kLedgerSchema) {
    throw Error(fmt::format("{} has the schema '{}', expected {}", where, schema, kLedgerSchema));
  }
  Record record;
  record.source = text;
  record.run = fields.text("run");
  record.time = fields.text("time");
  if (const auto host = fields.object("host")) record.host = read_host(*host);
  if (const auto model = fields.object("model")) record.model = read_model(*model);
  if (const auto protocol = fields.object("protocol")) record.protocol = read_protocol(*protocol);
  for (const Fields& sensor : fields.objects("sensors")) record.sensors.push_back(read_sensor(sensor));
  if (const auto energy = fields.object("energy")) record.energy = read_energy(*energy);
  if (const auto estimate = fields.object("estimate")) record.estimate = read_estimate(*estimate);
  if (const auto baseline = fields.object("baseline")) {
    record.baseline =
        Baseline{baseline->number("before_w", 0), baseline->number("after_w"), baseline->number("ci95_w")};
  }
  if (const auto per_image = fields.object("per_image")) {
    record.images = per_image->whole("images").value_or(0);
    if (const auto cpu = per_image->number("cpu_s"))
      record.cpu_seconds = *cpu * static_cast<double>(record.images);
  }
  if (const auto throughput = fields.object("throughput")) {
    record.throughput = Throughput{throughput->number("img_s", 0), throughput->number("p50_ms"),
                                   throughput->number("p99_ms")};
  }
  if (const auto accuracy = fields.object("accuracy")) {
    if (const auto top1 = accuracy->number("top1"))
      record.accuracy = Accuracy{*top1, accuracy->number("top5"), accuracy->text("set")};
  }
  for (const Fields& layer : fields.objects("layers")) record.layers.push_back(read_layer(layer));
  record.closure = fields.number("closure");
  if (const auto price = fields.object("price")) {
    record.price = Price{price->number("per_kwh", 0), price->text("currency"), price->text("source")};
  }
  if (const auto carbon = fields.object("carbon"))
    record.carbon = {carbon->number("g_per_kwh"), carbon->text("source")};
  record.pue = fields.number("pue", 1.0);
  if (const auto cap = fields.object("cap")) record.cap = read_cap(*cap);
  if (const auto verdict = fields.object("verdict")) record.verdict = read_verdict(*verdict);
  return record;
}

}  // namespace godwit::energy
